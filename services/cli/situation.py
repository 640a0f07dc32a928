"""`ngoclinh situation`: both halves per commune, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli import common

if TYPE_CHECKING:
    from ngoclinh.situation.v1.situation_service_pb2 import AreaSituation, GetSituationRequest, Situation

    from services.core.config import Settings

TEXTS = {
    "vi": {
        "title": "Tình hình {name}, {start} – {end}",
        "columns": ("Xã", "Bài", "Gốc", "Tiêu cực", "Phản ánh", "Chủ đề chính", "Thửa", "Lỗi", "Cảnh báo", "Được nhắc"),
        "media": "Tin bài",
        "land": "Đất đai",
        "age": "số liệu lúc {time}",
        "none": "chưa có số liệu",
    },
    "en": {
        "title": "Situation of {name}, {start} – {end}",
        "columns": (
            "Commune",
            "All",
            "Own",
            "Negative",
            "Complaints",
            "Main topic",
            "Parcels",
            "Errors",
            "Warnings",
            "Named",
        ),
        "media": "Articles",
        "land": "Land",
        "age": "data of {time}",
        "none": "no data yet",
    },
}
NARROWEST = 100
"""Columns of a terminal below which the table is not squeezed further."""


def situation(
    ctx: typer.Context,
    watch_area: Annotated[str, typer.Option(help="Id of the watch area; empty means the default one.")] = "",
    area: Annotated[list[str] | None, typer.Option(help="A commune instead, areas/2025-…; may be repeated.")] = None,
    since: Annotated[str, typer.Option(help="Start: a date (2026-11-01) or an age (7d, 12h).")] = "",
    format: Annotated[Literal["table", "json"], typer.Option(help="Form of the answer.")] = "table",  # noqa: A002
) -> None:
    """What is written about the communes of a watch area and how their land data stand."""
    from ngoclinh.situation.v1.situation_service_pb2 import GetSituationRequest

    settings = common.settings_from(ctx)
    request = GetSituationRequest(watch_area=f"watchAreas/{watch_area}" if watch_area else "", areas=area or [])
    if since:
        from services.core.clock import to_timestamp

        request.time_range.start_time.CopyFrom(to_timestamp(common.moment(since, "--since", ctx)))
    answer = common.run(ask(settings, request), ctx)
    if format == "json":
        common.print_message(answer)
    else:
        show(answer, common.language(ctx))


async def ask(settings: Settings, request: GetSituationRequest) -> Situation:
    """The situation, from the program that runs or from the data folder itself."""
    from ngoclinh.situation.v1.situation_service_pb2_grpc import SituationServiceStub

    from services.bootstrap import reach

    async with reach(settings) as channel:
        answer: Situation = await SituationServiceStub(channel).GetSituation(request)
        return answer


def show(answer: Situation, lang: str) -> None:
    """Print a situation as a table, the age of the data below it."""
    from google.protobuf.timestamp_pb2 import Timestamp
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from services.core.clock import VIETNAM, to_datetime

    def day(stamp: Timestamp, pattern: str = "%d/%m/%Y") -> str:
        return to_datetime(stamp).astimezone(VIETNAM).strftime(pattern) if stamp.seconds else "…"

    texts = TEXTS[lang]
    name = answer.watch_area.removeprefix("watchAreas/")
    start, end = day(answer.time_range.start_time), day(answer.time_range.end_time)
    title = str(texts["title"]).format(name=name, start=start, end=end)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for index, column in enumerate(texts["columns"]):
        table.add_column(column, justify="left" if index in (0, 5) else "right", no_wrap=index in (0, 5))
    for entry in answer.areas:
        table.add_row(*_cells(entry, lang))
    console = Console()
    console.width = max(console.width, NARROWEST)
    console.print(table)
    for half in answer.freshness:
        time = day(half.data_time, "%H:%M %d/%m/%Y")
        age = str(texts["age"]).format(time=time) if half.HasField("data_time") else texts["none"]
        problem = half.problem.vi if lang == "vi" else half.problem.en
        console.print(f"{texts[half.origin]}: {age}. {problem}".strip(), highlight=False, markup=False)


def _cells(entry: AreaSituation, lang: str) -> list[str]:
    """One row: a half that did not answer shows question marks."""
    from services.gateway.brief.lines import topic

    media, land = entry.media, entry.land
    news = [str(n) for n in (media.article_count, media.story_count, media.negative_count, media.complaint_count)]
    parcels = [str(n) for n in (land.parcel_count, land.error_count, land.warning_count)]
    main = next((bucket.value for bucket in media.topics), "")
    return [
        entry.area.title,
        *(news if entry.HasField("media") else ["?"] * 4),
        topic(main) if main and lang == "vi" else main,
        *(parcels if entry.HasField("land") else ["?"] * 3),
        str(len(entry.mentioned_parcels)),
    ]
