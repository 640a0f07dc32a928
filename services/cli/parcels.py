"""`ngoclinh parcels`: check a file of parcels, take it into the store, list the rules."""

from __future__ import annotations

import contextlib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import common

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ngoclinh.land.v1.parcel_pb2 import Finding, Import, ImportOptions, ValidationReport

    from services.core.config import Settings
    from services.core.sections.work import LandSettings

app = typer.Typer(no_args_is_help=True, help="Land parcels: check files, import them, see the rules.")

FINDINGS = 1
"""Exit code where a finding of severity ERROR was made."""

_STEPS = {
    "vi": {"reading": "đọc tệp", "crs": "hệ toạ độ", "validation": "kiểm tra", "commit": "ghi vào kho", "": "chờ"},
    "en": {"reading": "reading", "crs": "coordinate system", "validation": "checking", "commit": "storing", "": "waiting"},
}  # fmt: skip


class Format(StrEnum):
    """How findings are printed."""

    TABLE = "table"
    JSON = "json"
    GEOJSON = "geojson"
    XLSX = "xlsx"
    CSV = "csv"
    GPKG = "gpkg"
    HTML = "html"


REPORTS = frozenset({Format.XLSX, Format.CSV, Format.GPKG, Format.HTML})
"""Formats of whole reports: parcels, findings and their places."""


File = Annotated[
    Path,
    typer.Argument(
        help="GeoPackage, GeoJSON, Shapefile, GML, DXF, DGN V7, XLSX or CSV of corners; also in a ZIP file."
    ),
]
Crs = Annotated[str, typer.Option(help="Coordinate system: auto, an EPSG code (5899) or a central meridian (107-45).")]
Commune = Annotated[str, typer.Option(help="Code of the commune whose sheet series it is, or areas/2004-20944.")]
Edition = Annotated[int, typer.Option(help="Register that commune codes belong to: 2004 or 2025.")]
AsOf = Annotated[str, typer.Option(help="Date of the data, 2024-06-30: codes are looked up as of it.")]
Scale = Annotated[int, typer.Option(help="Denominator of the map scale, 200 to 10000.")]
Form = Annotated[Format, typer.Option("--format", help="How to print the findings.")]
Out = Annotated[Path | None, typer.Option(help="Write there instead of to standard output.")]


@app.command()
def validate(
    ctx: typer.Context,
    file: File,
    crs: Crs = "auto",
    commune: Commune = "",
    edition: Edition = 0,
    as_of: AsOf = "",
    scale: Scale = 0,
    output: Form = Format.TABLE,
    out: Out = None,
) -> None:
    """Check a file of parcels; nothing is stored.

    Exit code 0: no finding of severity ERROR; 1: such findings; 2: the file cannot be used.
    """
    settings = common.settings_from(ctx)
    options = _options(crs, commune, edition, as_of, scale)
    if output in REPORTS:
        with _progress(ctx) as told:
            errors = common.run(_report(file, options, settings.land, told, output, out), ctx)
        raise typer.Exit(FINDINGS if errors else 0)
    with _progress(ctx) as told:
        report = common.run(check(file, options, settings.land, told), ctx)
    _print(report, output, out, ctx)
    raise typer.Exit(FINDINGS if report.error_count else 0)


@app.command("import")
def import_command(
    ctx: typer.Context,
    file: File,
    crs: Crs = "auto",
    commune: Commune = "",
    edition: Edition = 0,
    as_of: AsOf = "",
    scale: Scale = 0,
    output: Form = Format.TABLE,
    out: Out = None,
) -> None:
    """Check a file of parcels and take it into the store.

    Exit code 0: no finding of severity ERROR; 1: such findings; 2: the file cannot be used and nothing was changed.
    """
    settings = common.settings_from(ctx)
    options = _options(crs, commune, edition, as_of, scale)
    with _progress(ctx) as told:
        import_, findings = common.run(_import(settings, file, options, told, output, out), ctx)
    if output in REPORTS:
        pass
    elif output is Format.JSON and out is None:
        common.print_message(import_)
    else:
        from services.land.reader import report

        _print(report(import_, findings), output, out, ctx)
    raise typer.Exit(FINDINGS if import_.error_count else 0)


@app.command("erase-owners")
def erase_owners(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A parcel or an import: parcels/2004-20944-3-117, imports/4kzq….")],
) -> None:
    """Erase what is kept of the owners of a parcel or of all parcels of an import; prints for how many.

    Backups made before keep what they hold.
    """
    count = common.run(_erase_owners(common.settings_from(ctx), name), ctx)
    print(f"{name}: {count}")


@app.command()
def rules(ctx: typer.Context, output: Form = Format.TABLE) -> None:
    """List the rules in the order of their codes."""
    from ngoclinh.land.v1.land_service_pb2 import ListRulesResponse

    from services.cli import findings
    from services.land import catalogue

    if output is Format.TABLE:
        findings.print_rules(catalogue.rules(), common.language(ctx))
    else:
        common.print_message(ListRulesResponse(rules=catalogue.rules()))


async def check(
    file: Path, options: ImportOptions, land: LandSettings, told: Callable[[str], None] = lambda _: None
) -> ValidationReport:
    """Read and check a file in a fenced child.

    Args:
        file: the file; of a Shapefile the parts beside it are read too.
        options: what is known about it.
        land: limits.
        told: called with the step that begins.

    Raises:
        NgocLinhError: the file cannot be used.
    """
    from contextlib import aclosing

    from ngoclinh.land.v1.parcel_pb2 import Finding, Import

    from services.cli.upload import require
    from services.land.reader import read_file, report

    require(file)
    done = Import(file_name=file.name, options=options)
    findings: list[Finding] = []
    async with aclosing(read_file(file, done, land)) as answers:
        async for answer in answers:
            if isinstance(answer, Finding):
                findings.append(answer)
            elif isinstance(answer, Import):
                done = answer
                told(done.step)
    return report(done, findings)


async def _erase_owners(settings: Settings, name: str) -> int:
    from ngoclinh.land.v1.land_service_pb2 import EraseOwnersRequest
    from ngoclinh.land.v1.land_service_pb2_grpc import LandServiceStub

    from services.bootstrap import reach

    async with reach(settings) as channel:
        return int((await LandServiceStub(channel).EraseOwners(EraseOwnersRequest(name=name))).erased_count)


async def _import(
    settings: Settings,
    file: Path,
    options: ImportOptions,
    told: Callable[[str], None],
    output: Format,
    out: Path | None,
) -> tuple[Import, list[Finding]]:
    from ngoclinh.land.v1.land_service_pb2 import ListFindingsRequest
    from ngoclinh.land.v1.land_service_pb2_grpc import LandServiceStub

    from services.bootstrap import reach
    from services.cli import reports
    from services.cli.upload import import_file
    from services.core.clock import VIETNAM, utc_now
    from services.gateway.reports.collect import Collector

    async with reach(settings) as channel:
        if output in REPORTS:
            reports.require_out(output, out)
        import_ = await import_file(channel, file, options, told)
        if output in REPORTS:
            collected = await Collector(channel).collect(import_.name, utc_now().astimezone(VIETNAM))
            await reports.written(collected, output, out)
            return import_, []
        land = LandServiceStub(channel)
        asked = ListFindingsRequest(page_size=1000)
        setattr(asked.filter, "import", import_.name)  # the field's name is a keyword
        findings: list[Finding] = []
        while True:
            page = await land.ListFindings(asked)
            findings += page.findings
            asked.page_token = page.next_page_token
            if not asked.page_token:
                return import_, findings


async def _report(
    file: Path,
    options: ImportOptions,
    land: LandSettings,
    told: Callable[[str], None],
    output: Format,
    out: Path | None,
) -> int:
    """Check a file and write the report; returns how many findings are of severity ERROR."""
    from services.cli import reports
    from services.cli.upload import require

    reports.require_out(output, out)
    require(file)
    report = await reports.checked(file, options, land, told)
    await reports.written(report, output, out)
    return report.done.error_count


def _options(crs: str, commune: str, edition: int, as_of: str, scale: int) -> ImportOptions:
    from ngoclinh.land.v1.parcel_pb2 import ImportOptions

    return ImportOptions(coordinate_system=crs, commune=commune, edition=edition, as_of_date=as_of, scale=scale)


@contextlib.contextmanager
def _progress(ctx: typer.Context) -> Iterator[Callable[[str], None]]:
    """What tells the user which step runs: on a terminal only, on stderr."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    steps = _STEPS[common.language(ctx)]
    with console.status("…") as status:
        yield lambda step: status.update(steps.get(step, step))


def _print(report: ValidationReport, output: Format, out: Path | None, ctx: typer.Context) -> None:
    from services.cli import findings
    from services.core import protojson
    from services.core.errors import InvalidField

    if output is Format.TABLE:
        text = findings.table(report, common.language(ctx), width=None if out is None else findings.FILE_WIDTH)
    elif output is Format.JSON:
        text = protojson.to_json(report, indent=2)
    else:
        text = findings.geojson(report)
    if out is None:
        print(text)
        return
    try:
        with common.writing(out):
            out.write_text(text + "\n", encoding="utf-8")
    except InvalidField as error:
        common.fail(error, ctx)
