"""Rules about sheet and parcel numbers and land use codes."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from gis.model import Context, Finding, ParcelTable, Scope, Severity, Strings
from gis.rules.registry import rule

MOST_RELATED = 50
"""Records that a finding about a group names; its detail `count` tells how many there are."""

SHOWN_NUMBERS = 10
"""Missing parcel numbers that a finding lists."""

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_LEADING = re.compile(r"[1-9][0-9]{0,8}(?![0-9])")
_COMPOUND = re.compile(r"[+;,]")


def communes(parcels: ParcelTable, ctx: Context) -> Strings:
    """Shape (n,), the commune of each record: its own, else the one that the user named for the sheet."""
    return np.where(parcels.commune == "", ctx.commune, parcels.commune)


def blank(column: Strings) -> bool:
    """Whether a column holds nothing at all."""
    return bool((column == "").all())


@rule(
    code="K01",
    severity=Severity.ERROR,
    scope=Scope.RECORD,
    basis="a parcel number is given once in a map sheet of a commune (Thông tư 25/2014/TT-BTNMT, điều 5)",
    since="0.1",
)
def parcel_key_repeated(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """Two current parcels must not carry one number in one sheet of one commune.

    Certificates name a parcel by sheet and number, so a repeated key gives two owners one parcel. Usual causes: sheets
    of merged communes that both start at 1 under the code of the new commune, a split whose child kept the number.
    Repair: write the commune of the sheet series (the one before the merger), or give the child the next free number.
    """
    columns = {"commune": communes(parcels, ctx), "sheet": parcels.sheet, "number": parcels.number}
    absent = [name for name, column in columns.items() if blank(column)]
    if absent:
        if len(parcels):
            yield parcel_key_repeated.not_checked(*absent, count=len(parcels))
        return
    groups: dict[tuple[str, str, str], list[int]] = {}
    stripped = [[text.strip() for text in column.tolist()] for column in columns.values()]
    for record, key in enumerate(zip(*stripped, strict=True)):
        groups.setdefault(key, []).append(record)
    partial = [key for key in groups if not all(key)]
    if partial:
        missing = {name for key in partial for name, part in zip(columns, key, strict=True) if not part}
        yield parcel_key_repeated.not_checked(*missing, count=sum(len(groups.pop(key)) for key in partial))
    for (place, sheet, number), records in groups.items():
        if len(records) > 1:
            yield parcel_key_repeated.finding(
                records[0],
                related=records[1 : MOST_RELATED + 1],
                commune=place,
                sheet=sheet,
                number=number,
                count=len(records),
            )


@rule(
    code="K04",
    severity=Severity.WARNING,
    scope=Scope.RECORD,
    basis="sheet and parcel numbers are Arabic numerals from 1 (Thông tư 25/2014/TT-BTNMT, điều 5; not checked)",
    since="0.1",
)
def number_malformed(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """Sheet and parcel numbers must be whole numbers from 1.

    Older maps hold numbers such as 654a or 25-1: they stay as written, but other systems refuse them. Usual causes:
    spreadsheets that turn 25-1 into a date, cells left empty. Numbers missing in the series of a sheet are told as INFO:
    after splits and mergers old numbers are retired for good. Repair: correct the number after the map.
    """
    if blank(parcels.number) and blank(parcels.sheet):
        if len(parcels):
            yield number_malformed.not_checked("sheet", "number", count=len(parcels))
        return
    numbers = [text.strip() for text in parcels.number.tolist()]
    sheets = [text.strip() for text in parcels.sheet.tolist()]
    damaged = {one for note in ctx.notes if note.rule == "cell_damaged" for one in (note.record, *note.related)}
    series: dict[tuple[str, str], dict[int, int]] = {}
    for record, (place, sheet, number) in enumerate(zip(communes(parcels, ctx).tolist(), sheets, numbers, strict=True)):
        if leading := _LEADING.match(number):
            series.setdefault((place, sheet), {}).setdefault(int(leading[0]), record)
        if not (_NUMBER.fullmatch(number) and _NUMBER.fullmatch(sheet)) and record not in damaged:
            yield number_malformed.finding(record, case=_number_fault(sheet, number), sheet=sheet, number=number)
    for (place, sheet), present in series.items():
        absent = max(present) - len(present)
        if absent:
            yield number_malformed.finding(
                present[max(present)],
                severity=Severity.INFO,
                case="series",
                commune=place,
                sheet=sheet,
                count=absent,
                numbers=", ".join(map(str, _first_absent(sorted(present)))),
            )


def _number_fault(sheet: str, number: str) -> str:
    for name, text in (("sheet", sheet), ("number", number)):
        if not _NUMBER.fullmatch(text):
            kind = "empty" if not text else "zero" if not text.strip("0") else "malformed"
            return f"{name}_{kind}"
    raise AssertionError("both are whole numbers")


def _first_absent(present: list[int]) -> Iterator[int]:
    shown, expected = 0, 1
    for number in present:
        for absent in range(expected, min(number, expected + SHOWN_NUMBERS - shown)):
            shown += 1
            yield absent
        expected = number + 1


@rule(
    code="K05",
    severity=Severity.WARNING,
    scope=Scope.RECORD,
    basis="Thông tư 25/2014/TT-BTNMT, phụ lục 01, until 2024-07-31; Thông tư 08/2024/TT-BTNMT after it (not checked)",
    since="0.1",
)
def land_use_code_unknown(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """The land use code must be one of the list in force at the date of the data.

    Registers and statistics refuse other codes. Usual causes: a code of the list before 2024-08-01 (BHK, NHK), a group
    of the planning statistics (NNP), a letter of older maps (T). Several purposes are joined by "+". Repair: write the
    code of the list in force; an old map with its own date needs none.
    """
    if blank(parcels.land_use_code):
        if len(parcels):
            yield land_use_code_unknown.not_checked("land_use_code", count=len(parcels))
        return
    unchecked: dict[str, int] = {}
    known: dict[str, str] = {}
    for record, text in enumerate(parcels.land_use_code.tolist()):
        if text not in known:
            known[text] = _code_fault(text, ctx.as_of)
        fault = known[text]
        if fault.startswith("needs "):
            missing = fault.removeprefix("needs ")
            unchecked[missing] = unchecked.get(missing, 0) + 1
        elif fault:
            case, _, code = fault.partition(" ")
            row = _codes().get(code)
            facts: dict[str, Any] = {"land_use_code": code, "date": str(ctx.as_of or "")}
            if row is not None and case == "expired":
                facts["valid_until"] = str(row.valid_until)
            elif row is not None and case == "future":
                facts["valid_from"] = str(row.valid_from)
            verified = case == "unknown" and all(one.verified for one in _codes().values())
            severity = Severity.ERROR if verified else Severity.WARNING
            yield land_use_code_unknown.finding(record, severity=severity, case=case, **facts)
    if unchecked:
        yield land_use_code_unknown.not_checked(*unchecked, count=sum(unchecked.values()))


@dataclass(frozen=True, slots=True)
class LandUseCode:
    """A row of the table of land use codes."""

    code: str
    """As printed on maps. Example: "LUC"."""
    kind: str
    """"parcel" for codes of parcels, "group" for planning statistics, "legacy" for letters of older maps."""
    valid_from: date | None
    """First day of validity; None where unknown."""
    valid_until: date | None
    """First day on which it is no longer valid; None while it is."""
    verified: bool
    """Whether the row was compared with the gazette."""
    source: str
    """The regulation."""


@lru_cache(maxsize=1)
def _codes() -> dict[str, LandUseCode]:
    text = files("gis").joinpath("data", "land_codes.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["code"]: LandUseCode(
            row["code"],
            row["kind"],
            date.fromisoformat(row["valid_from"]) if row["valid_from"] else None,
            date.fromisoformat(row["valid_until"]) if row["valid_until"] else None,
            row["verified"] == "yes",
            row["source"],
        )
        for row in rows
    }


def _code_fault(text: str, day: date | None) -> str:
    """What is wrong with a code on a day: a case and the part at fault, "needs date" or "needs land_use_code", or ""."""
    parts = [part.strip().upper() for part in _COMPOUND.split(text) if part.strip()]
    if not parts:
        return "needs land_use_code"
    first = min(row.valid_from for row in _codes().values() if row.valid_from)
    undated = ""
    for part in parts:
        row = _codes().get(part)
        if row is None:
            return f"unknown {part}"
        if row.kind != "parcel":
            return f"{row.kind} {part}"
        if day is None or day < first:
            undated = undated or ("needs date" if row.valid_until or row.valid_from != first else "")
        elif row.valid_until and day >= row.valid_until:
            return f"expired {part}"
        elif row.valid_from and day < row.valid_from:
            return f"future {part}"
    return undated
