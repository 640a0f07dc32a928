"""Rules about the commune of a parcel: codes and names of administrative units, always as of a date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, TypeVar

from gis.model import Context, Finding, ParcelTable, Scope, Severity
from gis.rules.attribute import MOST_RELATED, blank, communes
from gis.rules.registry import rule
from services.core.areas import Unit, register
from services.core.areas.names import name_key, split_title
from services.core.clock import REFORM_DATE
from services.core.names import area_name
from services.core.vietnamese import fold, has_marks, nfc

Key = TypeVar("Key")

COMMUNE = 3
"""`ngoclinh.area.v1.AreaLevel`."""

NAME_COLUMNS = frozenset(
    {"tenxa", "tenphuong", "tenxaphuong", "tenphuongxa", "tendvhc", "tendvhcxa", "xaphuong", "phuongxa", "communename"}
)
"""Names of columns with the name of the commune, without case, marks and punctuation."""

_KIND = re.compile(r"^(?:xã|phường|thị trấn|đặc khu|x\.|p\.|tt\.)\s*", re.IGNORECASE)
_BASIS = "Quyết định 124/2004/QĐ-TTg with its changes until 2025-06-30; Quyết định 19/2025/QĐ-TTg from 2025-07-01"


@rule(code="K02", severity=Severity.ERROR, scope=Scope.RECORD, basis=_BASIS, since="0.1")
def commune_code_invalid(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """The code of the commune must be that of a commune at the date of the data.

    The reform of 2025-07-01 ended most old communes and gave nearly all of the new ones re-used codes, so a code means
    nothing without a date. Usual causes: a code of before the reform in new data, a leading zero that a spreadsheet
    dropped, the code of a district. Repair: name the edition or the date of the code, or write the code in force.
    """
    column = communes(parcels, ctx)
    by_code = {} if blank(column) else _records(column.tolist())
    unnamed = len(by_code.pop("", [])) if by_code else len(parcels)
    undated = [code for code in by_code if ctx.as_of is None and not code.startswith("areas/")]
    unchecked = unnamed + sum(len(by_code[code]) for code in undated)
    if unchecked:
        missing = ["commune"] * bool(unnamed) + ["date"] * bool(undated)
        yield commune_code_invalid.not_checked(*missing, count=unchecked)
    for code, records in by_code.items():
        if code in undated:
            continue
        case, unit = _code_fault(code, ctx.as_of)
        if case:
            facts: dict[str, Any] = {"official_name": unit.title} if unit else {}
            if unit and case in {"expired", "future"}:
                facts |= {"valid_until": unit.valid_until} if case == "expired" else {"valid_from": unit.valid_from}
            yield commune_code_invalid.finding(
                records[0],
                related=records[1 : MOST_RELATED + 1],
                case=case,
                commune=code.removeprefix("areas/"),
                date=ctx.as_of or "",
                count=len(records),
                **facts,
            )


@rule(code="K03", severity=Severity.WARNING, scope=Scope.RECORD, basis=_BASIS, since="0.1")
def commune_name_differs(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """The name of the commune must be the one that its code has at the date of the data.

    Nearly every code of a commune is a re-used one, 2 145 of them under another name: 20938 was Trà Dơn and is Trà
    Leng. A pair that does not fit shows that code and name come from different editions. Repair: name the edition or the
    date of the data, or correct one of the two.
    """
    column = next((name for name in parcels.attributes if re.sub("[^a-z]", "", fold(name)) in NAME_COLUMNS), None)
    if column is None:
        if len(parcels):
            yield commune_name_differs.not_checked("commune_name", count=len(parcels))
        return
    names = parcels.attributes[column].tolist()
    pairs = _records(list(zip(communes(parcels, ctx).tolist(), names, strict=True)))
    unchecked, missing = 0, set()
    for (code, name), records in pairs.items():
        unit = _unit_of(code, ctx.as_of)
        if unit is not None and name.strip():
            if not any(_same_name(name, title) for title in (unit.title, *unit.aliases)):
                yield commune_name_differs.finding(
                    records[0],
                    related=records[1 : MOST_RELATED + 1],
                    commune=unit.code,
                    name=name,
                    official_name=unit.title,
                    date=ctx.as_of or f"{unit.edition}",
                    count=len(records),
                )
        elif not (name.strip() and code and ctx.as_of):  # else the code is no commune's: K02 says so
            unchecked += len(records)
            missing.add("commune_name" if not name.strip() else "date" if code else "commune")
    if unchecked:
        yield commune_name_differs.not_checked(*missing, count=unchecked)


def _records(values: list[Key]) -> dict[Key, list[int]]:
    """Records by value, in the order of their first appearance."""
    found: dict[Key, list[int]] = {}
    for record, value in enumerate(values):
        found.setdefault(value, []).append(record)
    return found


def _unit_of(code: str, day: date | None) -> Unit | None:
    """The unit of an area name, or of a bare code on a day."""
    if code.startswith("areas/"):
        return register().get(code)
    return register().by_code(code, day) if day else None


def _code_fault(code: str, day: date | None) -> tuple[str, Unit | None]:
    """What is wrong with a code on a day, and the unit that is meant; ("", …) where nothing is."""
    unit = _unit_of(code, day)
    if unit is None:
        other = area_name(2004 if day and day >= REFORM_DATE else 2025, code.rpartition("-")[2])
        meant = register().get(other) if not code.startswith("areas/") else None
        return ("unknown" if meant is None else "expired" if meant.edition == 2004 else "future"), meant
    if unit.level != COMMUNE:
        return "no_commune", unit
    if day and unit.valid_from and day < unit.valid_from:
        return "future", unit
    return "", unit


def _same_name(written: str, title: str) -> bool:
    """Whether a name means a title, with or without the kind of unit; without marks it is compared without them."""
    form = name_key if has_marks(nfc(written)) else _folded
    plain, official = _KIND.sub("", nfc(written).strip()), split_title(title)[1]
    return form(plain) == form(official)


def _folded(name: str) -> tuple[str, ...]:
    return name_key(fold(name))
