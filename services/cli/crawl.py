"""`ngoclinh crawl`: crawl without the rest of the program, once or until it is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import common

if TYPE_CHECKING:
    from services.core.config import Settings


def crawl(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Poll every source once, store what is found, and end.")] = False,
    sources: Annotated[
        Path | None, typer.Option(help="Folder with source files (*.toml), instead of the package's.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--source", help="Only this source; may be repeated.")] = None,
) -> None:
    """Crawl the sources; articles are analysed, recorded and indexed on the way."""
    flags = {"sources_dir": sources, "bundled_sources": False if sources else None, "sources": only or None}
    settings = common.settings_from(ctx, **{f"crawler__{key}": value for key, value in flags.items()})
    common.run(_once(settings) if once else _until_stopped(settings), ctx)


async def _once(settings: Settings) -> None:
    from services.bootstrap import crawl_once
    from services.core.errors import Unavailable

    left = await crawl_once(settings)
    if left:
        waiting = ", ".join(f"{subject}/{group}: {count}" for (subject, group), count in left.items())
        raise Unavailable(
            f"Còn sự kiện chưa xử lý xong ({waiting}); chạy lại hoặc xem “ngoclinh queue list”.",
            f"Events are left that could not be handled ({waiting}); run again or see 'ngoclinh queue list'.",
        )


async def _until_stopped(settings: Settings) -> None:
    from services.bootstrap import running
    from services.cli.up import stop_signal

    stop = stop_signal()
    async with running(settings, doors=False) as program:
        await program.until(stop)
