"""`ngoclinh brief`: the daily brief as a file."""

from __future__ import annotations

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
    body = common.run(_body(settings, out.suffix, date, watch_area), ctx)
    out.write_bytes(body)
    common.say(str(out))


async def _body(settings: Settings, suffix: str, date: str, watch_area: str) -> bytes:
    from services.bootstrap import reach
    from services.core.clock import utc_now
    from services.gateway.brief import door
    from services.gateway.brief.collect import Collector

    format_ = door.parse_format(suffix.removeprefix(".").lower())
    day = door.parse_day(date)
    name = door.parse_watch_area(watch_area, settings.default_watch_area)
    async with reach(settings) as channel:
        collected = await Collector(channel).collect(day, name, utc_now())
    return format_.write(collected)
