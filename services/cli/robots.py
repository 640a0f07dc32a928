"""`ngoclinh robots`: what a robots.txt allows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli import common

app = typer.Typer(no_args_is_help=True, help="robots.txt by RFC 9309.")


@app.callback()
def _group() -> None:
    """robots.txt by RFC 9309."""


@app.command()
def check(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The robots.txt.")],
    url: Annotated[str, typer.Argument(help="Address in question.")],
    agent: Annotated[str, typer.Option(help="Product token of the crawler.")] = "NgocLinhBot",
) -> None:
    """Print the rule that decides; exit 0 where the address is allowed, 1 where not."""
    from crawlers.canonical import is_web
    from crawlers.robots import Robots
    from services.core.errors import InvalidField, UnreadableFile

    if not is_web(url):
        common.fail(InvalidField("url", "không phải địa chỉ http hoặc https", "is no http or https address"), ctx)
    try:
        body = file.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        common.fail(UnreadableFile(f"Không đọc được {file}: {reason}.", f"{file} cannot be read: {reason}."), ctx)
    verdict = Robots.parse(body).verdict(agent, url)
    print(verdict.rule)
    raise typer.Exit(0 if verdict.allowed else 1)
