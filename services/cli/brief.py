"""`ngoclinh brief`: the daily brief as a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import common

if TYPE_CHECKING:
    from services.core.config import Settings


def brief(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="File to write; its ending says the format: .docx, .pdf or .txt.")],
    date: Annotated[str, typer.Option(help="Day in Vietnam, 2026-11-20; empty means today.")] = "",
    watch_area: Annotated[str, typer.Option(help="Id of the watch area; empty means the default one.")] = "",
) -> None:
    """Write the daily brief (điểm báo): stories by topic, charts, alerts, findings of the day."""
    settings = common.settings_from(ctx)
    common.run(_write(settings, out, date, watch_area), ctx)
    common.say(str(out))


async def _write(settings: Settings, out: Path, date: str, watch_area: str) -> None:
    from services.bootstrap import reach
    from services.core.clock import utc_now
    from services.gateway.brief import door
    from services.gateway.brief.collect import Collector

    format_ = door.parse_format(out.suffix.removeprefix(".").lower())
    day = door.parse_day(date)
    name = door.parse_watch_area(watch_area, settings.default_watch_area)
    async with reach(settings) as channel:
        collected = await Collector(channel).collect(day, name, utc_now())
    body = await asyncio.to_thread(format_.write, collected)
    with common.writing(out):
        await asyncio.to_thread(out.write_bytes, body)
