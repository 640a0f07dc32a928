"""The columnar form of a sheet of parcels, and what rules find in it.

Coordinates are metres in the plane of the source coordinate system, x = east, y = north. A geographic sheet is projected
to a local metric plane before rules see it; `ParcelTable.geometry` then holds the projected shapes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Geometries = NDArray[np.object_]
Strings = NDArray[np.object_]


class Severity(IntEnum):
    """How serious a finding is; the numbers are those of `ngoclinh.land.v1.Severity`."""

    INFO = 1
    WARNING = 2
    ERROR = 3


class Scope(IntEnum):
    """What a rule looks at; the numbers are those of `ngoclinh.land.v1.RuleScope`."""

    SHEET = 1
    PARCEL = 2
    RECORD = 3
    NEIGHBOURS = 4
    LINEAGE = 5


@dataclass(frozen=True, eq=False)
class ParcelTable:
    """A sheet of n parcels in columns; row i is record i of the file.

    Attributes:
        geometry: shape (n,), shapely polygons or multipolygons as read, None where the record has none.
        commune: shape (n,), area names such as ``areas/2004-20944``; "" where unknown.
        sheet: shape (n,), map sheet numbers as written; "" where unknown.
        number: shape (n,), parcel numbers as written; "" where unknown.
        land_use_code: shape (n,), as written; "" where unknown.
        declared_area_m2: shape (n,), float; NaN where unknown.
        scale: shape (n,), denominators of the map scale, int; 0 where unknown.
        attributes: further columns by their name in the file, shape (n,) each, text as written.
        present: names of the columns above that the file really has; a rule whose column is missing says so once.
        memo: what `gis.shapes.derived` functions computed from this table, so that rules share it.
    """

    geometry: Geometries
    commune: Strings
    sheet: Strings
    number: Strings
    land_use_code: Strings
    declared_area_m2: NDArray[np.float64]
    scale: NDArray[np.int64]
    attributes: Mapping[str, Strings] = field(default_factory=dict)
    present: frozenset[str] = frozenset()
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.geometry)

    @classmethod
    def from_geometry(cls, geometry: Iterable[Any], **columns: Iterable[Any]) -> ParcelTable:
        """A table from shapes and any of the columns; missing columns are empty."""
        listed = list(geometry)
        count = len(listed)
        shapes = np.empty(count, dtype=object)
        shapes[:] = listed
        unknown = columns.keys() - {"commune", "sheet", "number", "land_use_code", "declared_area_m2", "scale"}
        if unknown:
            raise TypeError(f"unknown columns: {', '.join(sorted(unknown))}")

        def text(name: str) -> Strings:
            return np.array(list(columns.get(name, [""] * count)), dtype=object)

        return cls(
            geometry=shapes,
            commune=text("commune"),
            sheet=text("sheet"),
            number=text("number"),
            land_use_code=text("land_use_code"),
            declared_area_m2=np.array(list(columns.get("declared_area_m2", [np.nan] * count)), dtype=np.float64),
            scale=np.array(list(columns.get("scale", [0] * count)), dtype=np.int64),
            present=frozenset(columns),
        )


@dataclass(frozen=True)
class Finding:
    """Something that a rule found.

    Attributes:
        rule: id of the rule, its function's name. Example: ``parcels_overlap``.
        severity: how serious.
        record: the record it is about; -1 for the sheet as a whole.
        related: other records that take part.
        location: point or face in the plane of the table; None where there is no place.
        measured: the measured value in the rule's unit; None where nothing is measured.
        threshold: the allowed value in the same unit.
        details: facts by keys of one vocabulary (`gis.rules.registry.DETAIL_KEYS`); they fill the message template.
    """

    rule: str
    severity: Severity
    record: int
    related: tuple[int, ...] = ()
    location: shapely.Geometry | None = None
    measured: float | None = None
    threshold: float | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Note:
    """Something that was seen while a file was read, for the rule that reports it.

    Attributes:
        rule: id of the rule.
        record: the record it is about; -1 for the sheet as a whole.
        related: other records that take part.
        severity: how serious, where it is not the rule's own severity.
        location: where, in the coordinates of the file; None where there is no place.
        measured: the measured value in the rule's unit.
        threshold: the allowed value in the same unit.
        details: as in a finding.
    """

    rule: str
    record: int = -1
    related: tuple[int, ...] = ()
    severity: Severity | None = None
    location: shapely.Geometry | None = None
    measured: float | None = None
    threshold: float | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What is known about a sheet besides its records.

    Attributes:
        epsg: code of the plane in which the rules measure; 0 for a plane without a code.
        crs: how the file's coordinate system was known: a `gis.crs.Resolved`, or None for an inline table in metres.
        as_of: date of the data; codes are looked up as of it. None where unknown.
        commune: the commune that the user named for the whole sheet; "" where unknown.
        scale: denominator of the map scale for the whole sheet; 0 where unknown.
        foreign: True for a sheet outside Vietnam or in no Vietnamese system: K rules then say so once.
        tolerances: limits that the caller overrides, by key such as ``rules.overlap_m2``.
        z_dropped: True where the file had heights, which were dropped.
        notes: what was seen while the file was read; places in the plane of the table.
    """

    epsg: int = 0
    crs: Any = None
    as_of: date | None = None
    commune: str = ""
    scale: int = 0
    foreign: bool = False
    tolerances: Mapping[str, float] = field(default_factory=dict)
    z_dropped: bool = False
    notes: tuple[Note, ...] = ()
