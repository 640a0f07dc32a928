"""`ngoclinh …`: the command line. Modules of commands are imported only when they are asked for."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from services.cli.common import Options

COMMANDS: dict[str, str] = {
    "up": "up:up",
    "demo": "demo:demo",
    "situation": "situation:situation",
    "brief": "brief:brief",
    "crawl": "crawl:crawl",
    "sources": "sources:app",
    "extract": "extract:extract",
    "robots": "robots:app",
    "parcels": "parcels:app",
    "sentiment": "sentiment:sentiment",
    "analyze": "sentiment:analyze",
    "model": "model:app",
    "search": "search:search",
    "articles": "articles:app",
    "queue": "queue:app",
    "index": "index:app",
    "areas": "areas:app",
    "users": "users:app",
    "serve": "serve:serve",
    "migrate": "migrate:migrate",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "update": "update:update",
    "retention": "retention:app",
    "kibana": "kibana:app",
    "doctor": "doctor:doctor",
}
"""Command → module in this package and what it holds there: a function is a command, `app` a group of commands."""


class Commands(TyperGroup):
    """The group of `COMMANDS`; each is built when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One command, or None."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        found = getattr(import_module(f"services.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name = cmd_name
            return group
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(cmd_name)(found)
        return typer.main.get_command(single)


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"ngoclinh {version('ngoclinh')}")
        raise typer.Exit


@app.callback()
def main(
    ctx: typer.Context,
    config: Annotated[Path | None, typer.Option(help="Settings file; default ngoclinh.toml of this folder.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the stores.")] = None,
    lang: Annotated[Literal["vi", "en"] | None, typer.Option(help="Language of messages.")] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Ngọc Linh: what is written online and how the land parcels stand, per commune."""
    ctx.obj = Options(config, data_dir, lang)
