"""`ngoclinh sources`: the declared sources, and whether they answer as declared."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli import common

if TYPE_CHECKING:
    from crawlers.catalogue import SourceSpec
    from crawlers.check import Finding
    from services.core.config import Settings

app = typer.Typer(no_args_is_help=True, help="The declared sources.")

Folder = Annotated[
    Path | None, typer.Option("--sources", help="Folder with source files (*.toml), besides the package's.")
]


def _load(ctx: typer.Context, folder: Path | None) -> tuple[Settings, list[SourceSpec]]:
    from crawlers import catalogue
    from services.core.errors import NgocLinhError

    settings = common.settings_from(ctx, crawler__sources_dir=folder)
    try:
        return settings, catalogue.declared(settings)
    except NgocLinhError as error:
        common.fail(error, ctx)


@app.command("list")
def list_(
    ctx: typer.Context,
    sources: Folder = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="Table or JSON lines.")] = "table",  # noqa: A002
) -> None:
    """The sources as declared, without asking the network."""
    from ngoclinh.media.v1.article_pb2 import DiscoveryHealth, Source

    _, specs = _load(ctx, sources)
    if format == "json":
        for spec in specs:
            discoveries = [DiscoveryHealth(kind=each.kind, url=spec.url(each)) for each in spec.discover]
            common.print_message(
                Source(
                    name=f"sources/{spec.id}",
                    title=spec.title,
                    home_url=spec.home,
                    tier=spec.tier,
                    profile=spec.profile,
                    licence_note=spec.licence,
                    discoveries=discoveries,
                ),
                "jsonl",
            )
        return
    from rich.console import Console
    from rich.table import Table

    vietnamese = common.language(ctx) == "vi"
    heads = (
        ("Mã", "Tên", "Cấp", "Mẫu trang", "Cách tìm bài")
        if vietnamese
        else ("Id", "Title", "Tier", "Profile", "Discoveries")
    )
    table = Table(*heads)
    for spec in specs:
        ways = ", ".join(f"{each.kind} {each.address}" for each in spec.discover)
        table.add_row(spec.id, spec.title, spec.tier, spec.profile, ways)
    Console().print(table)


@app.command()
def check(
    ctx: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of sources; all where none is given.")] = None,
    sources: Folder = None,
) -> None:
    """Ask robots.txt, every discovery and one article of each source, politely; exit 1 where something is wrong."""
    from crawlers.check import check_sources
    from services.core.errors import NotFound

    settings, specs = _load(ctx, sources)
    known = {spec.id for spec in specs}
    for id_ in ids or ():
        if id_ not in known:
            common.fail(NotFound(f"sources/{id_}"), ctx)
    chosen = [spec for spec in specs if not ids or spec.id in ids]
    lang = common.language(ctx)
    wrong = 0

    def show(finding: Finding) -> None:
        nonlocal wrong
        wrong += not finding.ok
        sign = "✓" if finding.ok else "✗"
        print(
            f"{sign} {finding.source}: {finding.what} {finding.url}\n    {finding.vi if lang == 'vi' else finding.en}",
            flush=True,
        )

    asyncio.run(check_sources(settings, chosen, show))
    raise typer.Exit(1 if wrong else 0)
