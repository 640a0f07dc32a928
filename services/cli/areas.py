"""`ngoclinh areas`: what a place name or code means, the registers, and outlines for maps."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from services.cli import common

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from google.protobuf.message import Message
    from ngoclinh.area.v1.area_service_pb2 import Area, PlaceCandidate
    from ngoclinh.land.v1.area_outline_pb2 import AreaOutlines

    from services.core.config import Settings

Request = TypeVar("Request", bound="Message")
Response = TypeVar("Response")

_NAME_HEADERS = ("đơn vị", "area")

app = typer.Typer(no_args_is_help=True, help="Administrative units of both editions, and what a place name means.")


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


class Level(StrEnum):
    """Level of a unit."""

    ALL = "all"
    PROVINCE = "province"
    DISTRICT = "district"
    COMMUNE = "commune"


@app.command("resolve")
def resolve_command(
    ctx: typer.Context,
    text: str = typer.Argument(help='A name, an address or a code. Example: "xã Trà Dơn, huyện Nam Trà My"'),
    as_of: str = typer.Option("", help="The day at which the text is to be understood. Default: today."),
    output: Format = typer.Option(Format.TABLE, "--format", help="How to print the candidates."),
) -> None:
    """Say which units a text may mean on a day, best first."""
    from ngoclinh.area.v1.area_service_pb2 import ResolvePlaceRequest

    from services.area.servicer import AreaServicer
    from services.core.clock import to_timestamp

    request = ResolvePlaceRequest(text=text)
    if as_of:
        request.as_of_time.CopyFrom(to_timestamp(common.moment(as_of, "--as-of", ctx)))
    response = common.run(_answer(AreaServicer({}).ResolvePlace, request), ctx)
    if output is Format.JSON:
        common.print_message(response)
    else:
        _print_candidates(ctx, response.candidates)


@app.command("list")
def list_command(
    ctx: typer.Context,
    query: str = typer.Argument("", help='Part of the name, with or without marks. Example: "tra leng"'),
    edition: int = typer.Option(2025, help="Register: 2004 (until 2025-06-30) or 2025."),
    level: Level = typer.Option(Level.ALL, help="Only this level."),
    parent: str = typer.Option("", help="Only the units directly below this one. Example: areas/2025-48"),
    output: Format = typer.Option(Format.TABLE, "--format", help="How to print the units."),
) -> None:
    """List the units of a register in the order of their names."""
    from ngoclinh.area.v1.area_service_pb2 import AreaFilter, ListAreasRequest, ListAreasResponse

    from services.area.servicer import MAX_PAGE_SIZE, AreaServicer

    number = list(Level).index(level)
    filter_ = AreaFilter(edition=edition, level=number, parent=parent, query=query)  # type: ignore[arg-type]
    servicer, found, token = AreaServicer({}), ListAreasResponse(), ""
    while True:
        request = ListAreasRequest(filter=filter_, page_size=MAX_PAGE_SIZE, page_token=token)
        page = common.run(_answer(servicer.ListAreas, request), ctx)
        found.areas.extend(page.areas)
        token = page.next_page_token
        if not token:
            break
    if output is Format.JSON:
        common.print_message(found)
    else:
        _print_areas(ctx, found.areas)


@app.command("import")
def import_command(
    ctx: typer.Context,
    file: Path = typer.Argument(
        help="Polygons with commune codes of today (column code, ma_xa, maXa or ma_dvhc): GeoJSON, GeoPackage, Shapefile or"
        " GML; also in a ZIP file."
    ),
    crs: str = typer.Option(
        "auto", help="Coordinate system: auto, an EPSG code (5899) or a central meridian (107-45)."
    ),
    output: Format = typer.Option(Format.TABLE, "--format", help="How to print what was loaded."),
) -> None:
    """Load outlines of communes for the maps, in the place of all that were loaded before.

    Communes without an outline stay schematic. Exit code 2: the file cannot be used and nothing was changed.
    """
    loaded = common.run(_import(common.settings_from(ctx), file, crs), ctx)
    if output is Format.JSON:
        common.print_message(loaded)
        return
    counts = loaded.outline_count, loaded.coordinate_system, loaded.skipped_count
    vietnamese = common.language(ctx) == "vi"
    print(
        "Đã nạp ranh giới {} xã, phường ({}); bỏ qua {} bản ghi.".format(*counts)
        if vietnamese
        else "Outlines of {} communes loaded ({}); {} records skipped.".format(*counts)
    )
    for one in loaded.skipped:
        record, code = one.record + 1, one.code or "?"
        common.say(
            f"bản ghi {record}, {code}: {one.reason.vi}" if vietnamese else f"record {record}, {code}: {one.reason.en}"
        )


async def _import(settings: Settings, file: Path, crs: str) -> AreaOutlines:
    from services.bootstrap import reach
    from services.cli.upload import upload_outlines

    async with reach(settings) as channel:
        return await upload_outlines(channel, file, crs)


async def _answer(method: Callable[[Request, None], Awaitable[Response]], request: Request) -> Response:
    from services.rpc import validation

    validation.check(request)
    return await method(request, None)


def _print_candidates(ctx: typer.Context, candidates: Sequence[PlaceCandidate]) -> None:
    _print_table(
        ctx,
        {"vi": ("độ tin cậy", "đơn vị", "tên", "thuộc", "hiện nay"), "en": ("score", "area", "title", "in", "today")},
        (
            (
                f"{row.score:.2f}",
                row.area.name,
                row.area.title,
                _above(row.area),
                ", ".join(map(_title, row.current_areas)),
            )
            for row in candidates
        ),
    )


def _print_areas(ctx: typer.Context, areas: Sequence[Area]) -> None:
    _print_table(
        ctx,
        {"vi": ("đơn vị", "tên", "thuộc", "km²"), "en": ("area", "title", "in", "km²")},
        ((row.name, row.title, _above(row), f"{row.area_km2:.2f}" if row.area_km2 else "") for row in areas),
    )


def _print_table(ctx: typer.Context, headers: Mapping[str, Sequence[str]], rows: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*headers[common.language(ctx)], box=box.SIMPLE)
    for column in table.columns:
        column.overflow, column.no_wrap = "fold", column.header in _NAME_HEADERS
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _title(name: str) -> str:
    from services.core.areas import register

    unit = register().get(name)
    return unit.title if unit else name


def _above(area: Area) -> str:
    from services.core.areas import register

    return ", ".join(unit.title for unit in register().above(area.name))
