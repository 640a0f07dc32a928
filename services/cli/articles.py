"""`ngoclinh articles`: articles as a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli import common

if TYPE_CHECKING:
    from typing import BinaryIO

    from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

    from services.core.config import Settings

app = typer.Typer(no_args_is_help=True, help="Articles that were collected.")


@app.callback()
def main() -> None:
    """Articles that were collected."""


@app.command()
def export(
    ctx: typer.Context,
    since: Annotated[str, typer.Option(help="Published since: a date (2026-11-01) or an age (7d, 12h).")] = "",
    query: Annotated[str, typer.Option(help="Words that must occur.")] = "",
    watch_area: Annotated[str, typer.Option(help="Only communes of this watch area.")] = "",
    format: Annotated[  # noqa: A002
        Literal["jsonl", "csv", "xlsx"] | None,
        typer.Option(help="jsonl has whole texts, for use in house; csv and xlsx excerpts. Default: ending of --out."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; without it standard output.")] = None,
) -> None:
    """Write articles as JSONL, CSV or XLSX, the newest first."""
    from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

    from services.core.clock import to_timestamp

    settings = common.settings_from(ctx)
    filter_ = ArticleFilter(query=query, watch_area=f"watchAreas/{watch_area}" if watch_area else "")
    if since:
        filter_.time_range.start_time.CopyFrom(to_timestamp(common.moment(since, "--since", ctx)))
    ending = format or (out.suffix.removeprefix(".").lower() if out else "jsonl")
    if out is None:
        common.run(_write(settings, filter_, ending, sys.stdout.buffer), ctx)
        return
    common.run(_replace(settings, filter_, ending, out), ctx)
    common.say(str(out))


async def _replace(settings: Settings, filter_: ArticleFilter, ending: str, out: Path) -> None:
    """Write to a file beside it, which takes its place when it is whole."""
    part = out.with_name(out.name + ".part")
    with common.writing(out):
        try:
            with part.open("wb") as file:
                await _write(settings, filter_, ending, file)
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)


async def _write(settings: Settings, filter_: ArticleFilter, ending: str, file: BinaryIO) -> None:
    from services.bootstrap import reach
    from services.gateway.export import formats
    from services.gateway.export.collect import Exporter

    format_ = formats.parse(ending)
    async with reach(settings) as channel:
        exporter = Exporter(channel)
        async for part in format_.write(exporter, exporter.pages(filter_)):
            file.write(part)
