"""The registers of administrative units: 2004 (until 2025-06-30) and 2025 (from 2025-07-01), and how they join.

Every code is looked up with a day: 20938 was Trà Dơn and is Trà Leng. Sources and licences: `data/README.md`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files

from services.core.areas.names import COMMUNE, DISTRICT, PROVINCE, TOKEN, split_title, word_key
from services.core.clock import REFORM_DATE, edition_on
from services.core.names import area_name
from services.core.vietnamese import fold, has_marks, nfc

LEVEL_OF_LENGTH = {2: PROVINCE, 3: DISTRICT, 5: COMMUNE}
"""Level of a unit by the number of digits of its code."""

RENUMBERED = {"06970": "06978"}
"""Codes of the edition of 2025 that were changed afterwards: Ba Chẽ."""


@dataclass(frozen=True, slots=True)
class Unit:
    """An administrative unit as one edition of the register knows it."""

    name: str
    """Resource name. Example: "areas/2004-20938"."""
    edition: int
    """Year of the register, 2004 or 2025."""
    code: str
    """Official code, digits with leading zeros."""
    level: int
    """`ngoclinh.area.v1.AreaLevel`."""
    title: str
    """Name with the kind of unit. Example: "Xã Trà Dơn"."""
    short_name: str
    """Name without the kind. Example: "Trà Dơn"."""
    parent: str
    """Name of the unit above; empty for a province."""
    valid_from: date | None
    """First day of validity; None where it is not recorded (edition of 2004)."""
    valid_until: date | None
    """First day on which it is no longer valid; None while it is."""
    predecessors: tuple[str, ...]
    """Names of the units that were merged into it, those taken whole first."""
    successors: tuple[str, ...]
    """Names of the units that cover it in the next edition, the default one first."""
    lon: float | None
    """Longitude of a point inside or near it, WGS 84, rounded to 0.01°."""
    lat: float | None
    """Latitude of that point."""
    area_km2: float
    """Published area; 0 where unknown."""
    aliases: tuple[str, ...] = ()
    """Other titles that were in use within the edition. Example: "Tỉnh Đồng Nai"."""


@dataclass(frozen=True, slots=True)
class _Change:
    """A row of changes.csv: a part of an old unit (or all of it) went to a new commune."""

    old: str
    new: str
    whole: bool
    default: bool


class Register:
    """All units of both editions, looked up by name, by code and day, by level and parent."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._units = {unit.name: unit for unit in sorted(units, key=lambda unit: unit.name)}
        self._children: dict[str, list[Unit]] = {}
        for unit in self._units.values():
            self._children.setdefault(unit.parent, []).append(unit)

    def __iter__(self) -> Iterator[Unit]:
        """All units in the order of their names."""
        return iter(self._units.values())

    def __len__(self) -> int:
        """Number of units in both editions."""
        return len(self._units)

    def get(self, name: str) -> Unit | None:
        """The unit with a resource name; a code that was changed within the edition finds its unit too."""
        unit = self._units.get(name)
        if unit is None and name.startswith("areas/2025-"):
            unit = self._units.get(area_name(2025, RENUMBERED.get(name.removeprefix("areas/2025-"), "")))
        return unit

    def by_code(self, code: str, day: date) -> Unit | None:
        """The unit that carries a code on a day."""
        return self.get(area_name(edition_on(day), code))

    def units(self, edition: int, level: int = 0, parent: str = "") -> list[Unit]:
        """The units of an edition in the order of their names; of one level, or directly below a unit, where asked."""
        rows = self._children.get(parent, []) if parent else self._units.values()
        return [unit for unit in rows if unit.edition == edition and level in (0, unit.level)]

    def search(self, query: str, edition: int, level: int = 0, parent: str = "") -> list[Unit]:
        """The units whose title contains the query: without marks it is folded, with marks it is exact."""
        wanted = nfc(query).strip()
        form = _spelled if has_marks(wanted) else fold
        wanted = form(wanted)
        return [
            unit
            for unit in self.units(edition, level, parent)
            if any(wanted in form(title) for title in (unit.title, *unit.aliases))
        ]

    def current(self, name: str) -> tuple[str, ...]:
        """Names of the communes of today that cover a commune or district; for a province, the province of today."""
        unit = self.get(name)
        if unit is None:
            return ()
        return unit.successors if unit.edition == 2004 else (unit.name,)

    def above(self, name: str) -> list[Unit]:
        """The units of the same edition in which a unit lies, the nearest first."""
        found: list[Unit] = []
        unit = self.get(name)
        while unit is not None and (unit := self.get(unit.parent)):
            found.append(unit)
        return found

    def province_of(self, name: str) -> Unit | None:
        """The province of the same edition in which a unit lies; a province lies in itself."""
        return next(reversed(self.above(name)), self.get(name))


@lru_cache(maxsize=1)
def register() -> Register:
    """The register of the package, read once."""
    return Register(load_units(_rows("units.csv"), _rows("changes.csv")))


def load_units(units: Iterable[dict[str, str]], changes: Iterable[dict[str, str]]) -> Iterator[Unit]:
    """Units from the rows of units.csv and changes.csv.

    Args:
        units: edition, code, title, parent (a code), area_km2, lon, lat, aliases (separated by ``|``).
        changes: old (code of a commune, of a district without communes, of a province), new, relation, default.
    """
    parsed = [_Change(row["old"], row["new"], row["relation"] == "whole", row["default"] == "1") for row in changes]
    rows = list(units)
    parents = {row["code"]: row["parent"] for row in rows if row["edition"] == "2004"}
    successors = _successors(parsed, parents)
    predecessors: dict[str, list[str]] = {}
    for change in sorted(parsed, key=lambda change: (not change.whole, change.old)):
        predecessors.setdefault(change.new, []).append(area_name(2004, change.old))
    for row in rows:
        yield _unit(row, tuple(predecessors.get(row["code"], ())), successors.get(row["code"], ()))


def _successors(changes: list[_Change], parents: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """By code of the old unit; a district is covered by what covers its communes."""
    found: dict[str, dict[str, None]] = {}
    for change in sorted(changes, key=lambda change: (not change.default, change.new)):
        olds = [change.old]
        if LEVEL_OF_LENGTH[len(change.old)] == COMMUNE:
            olds.append(parents[change.old])
        for old in olds:
            found.setdefault(old, {})[area_name(2025, change.new)] = None
    return {old: tuple(names) for old, names in found.items()}


def _unit(row: dict[str, str], predecessors: tuple[str, ...], successors: tuple[str, ...]) -> Unit:
    edition = int(row["edition"])
    today = edition == 2025
    return Unit(
        name=area_name(edition, row["code"]),
        edition=edition,
        code=row["code"],
        level=LEVEL_OF_LENGTH[len(row["code"])],
        title=row["title"],
        short_name=split_title(row["title"])[1],
        parent=area_name(edition, row["parent"]) if row["parent"] else "",
        valid_from=REFORM_DATE if today else None,
        valid_until=None if today else REFORM_DATE,
        predecessors=predecessors if today else (),
        successors=() if today else successors,
        lon=float(row["lon"]) if row["lon"] else None,
        lat=float(row["lat"]) if row["lat"] else None,
        area_km2=float(row["area_km2"] or 0),
        aliases=tuple(row["aliases"].split("|")) if row["aliases"] else (),
    )


def _spelled(text: str) -> str:
    """Lower case with every tone mark after its word, so that Hoà and Hòa compare equal."""
    return " ".join(word_key(word) for word in TOKEN.findall(text))


def _rows(file: str) -> list[dict[str, str]]:
    text = files("services.core.areas").joinpath("data", file).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
