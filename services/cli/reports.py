"""A report as a file from the command line: of a check, or of an import."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from ngoclinh.land.v1.parcel_pb2 import Finding, Import, ImportOptions, ImportState, Parcel

from services.cli import common
from services.core.clock import VIETNAM, utc_now
from services.core.errors import InvalidField
from services.gateway.reports.door import parse_format
from services.gateway.reports.model import Report
from services.land import catalogue
from services.land.reader import read_file

if TYPE_CHECKING:
    from services.core.sections.work import LandSettings

BINARY = frozenset({"xlsx", "gpkg"})
"""Formats that are no text: they need a file."""

_NAME = "imports/check"
_EPSG = re.compile(r"EPSG:\d+")


def require_out(ending: str, out: Path | None) -> None:
    """Refuse to print a format that is no text.

    Raises:
        InvalidField: it needs a file.
    """
    if ending in BINARY and out is None:
        raise InvalidField("--out", f"định dạng {ending} cần tên tệp, ví dụ --out ket-qua.{ending}",
                           f"format {ending} needs a file, such as --out report.{ending}")  # fmt: skip


async def checked(
    file: Path, options: ImportOptions, land: LandSettings, told: Callable[[str], None] = lambda _: None
) -> Report:
    """Read and check a file; nothing is stored.

    Where its coordinate system is wrong and another one is suggested, parcels and further findings are those under the
    suggestion, so that the file can be looked at.

    Args:
        file: the file; of a Shapefile the parts beside it are read too.
        options: what is known about it.
        land: limits.
        told: called with the step that begins.

    Raises:
        NgocLinhError: the file cannot be used.
    """
    done, parcels, findings = await _read(file, options, land, told)
    assumed = ""
    if done.state == ImportState.IMPORT_STATE_REJECTED and (assumed := _suggestion(findings)):
        better = ImportOptions()
        better.CopyFrom(options)
        better.coordinate_system = assumed
        placed, parcels, further = await _read(file, better, land, told)
        if placed.state == ImportState.IMPORT_STATE_COMMITTED:
            findings += [finding for finding in further if not finding.rule_code.startswith("C")]
            done.coordinate_system = assumed
            counts = [sum(finding.severity == severity for finding in findings) for severity in (1, 2, 3)]
            done.info_count, done.warning_count, done.error_count = counts
        else:
            parcels, assumed = [], ""
    done.name = ""
    for message in (*parcels, *findings):
        message.ClearField("import")
    titles = {rule.name: rule.title.vi for rule in catalogue.rules()}
    return Report(done, parcels, findings, titles, utc_now().astimezone(VIETNAM), assumed=bool(assumed))


async def written(report: Report, ending: str, out: Path | None) -> None:
    """Write a report to a file, or print it.

    Raises:
        InvalidField: the file cannot be written.
    """
    content = await asyncio.to_thread(parse_format(ending).write, report)
    if out is None:
        sys.stdout.buffer.write(content)
        return
    with common.writing(out):
        await asyncio.to_thread(out.write_bytes, content)


async def _read(
    file: Path, options: ImportOptions, land: LandSettings, told: Callable[[str], None]
) -> tuple[Import, list[Parcel], list[Finding]]:
    done = Import(name=_NAME, file_name=file.name, options=options)
    parcels: list[Parcel] = []
    findings: list[Finding] = []
    async with aclosing(read_file(file, done, land)) as answers:
        async for answer in answers:
            if isinstance(answer, Parcel):
                parcels.append(answer)
            elif isinstance(answer, Finding):
                findings.append(answer)
            elif isinstance(answer, Import):
                done = answer
                told(done.step)
    return done, parcels, findings


def _suggestion(findings: list[Finding]) -> str:
    """The system that a finding about the coordinate system suggests; "" where none does."""
    said = (_EPSG.search(finding.details.get("suggested_crs", "")) for finding in findings)
    return next((match[0] for match in said if match), "")
