"""What a report tells: an import or a validation with its parcels and findings, and where each of them lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
import shapely
from ngoclinh.land.v1.parcel_pb2 import Finding, Import, Parcel, Severity
from numpy.typing import NDArray

Geometries = NDArray[np.object_]

SEVERITIES = {
    Severity.SEVERITY_ERROR: "Lỗi",
    Severity.SEVERITY_WARNING: "Cảnh báo",
    Severity.SEVERITY_INFO: "Thông tin",
}
"""Severities in Vietnamese, most serious first."""


@dataclass(frozen=True)
class Report:
    """An import or a validation.

    Attributes:
        done: the import as it ended; without a name for a validation.
        parcels: its parcels, with geometry in the coordinate system of the file.
        findings: its findings, most serious first.
        rules: short names of the rules by resource name.
        made: when the report was made.
        left_out: parcels or findings beyond the limit of a report.
        assumed: the coordinate system of the file is wrong; shapes and places are those under the suggested one.
    """

    done: Import
    parcels: list[Parcel]
    findings: list[Finding]
    rules: dict[str, str]
    made: datetime
    left_out: int = 0
    assumed: bool = False
    by_record: dict[int, Parcel] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.by_record.update((parcel.record, parcel) for parcel in self.parcels)

    @property
    def epsg(self) -> int:
        """Code of the coordinate system; 0 where it could not be told."""
        code = self.done.coordinate_system.removeprefix("EPSG:")
        return int(code) if code.isdigit() else 0

    @cached_property
    def shapes(self) -> Geometries:
        """Geometry of each parcel in `epsg`, x = east; None where it has none that can be shown."""
        return _shapes([parcel.source_wkb for parcel in self.parcels])

    @cached_property
    def faces(self) -> Geometries:
        """Place of each finding in `epsg`, as the rule gave it; None where there is none."""
        return _shapes([finding.location_wkb for finding in self.findings])

    @cached_property
    def points(self) -> Geometries:
        """A point for each finding: in its place, else in its parcel; None for the sheet as a whole."""
        row_of = {parcel.record: row for row, parcel in enumerate(self.parcels)}
        found = np.empty(len(self.findings), dtype=object)
        for row, finding in enumerate(self.findings):
            place = self.faces[row]
            if place is None and finding.record in row_of:
                place = self.shapes[row_of[finding.record]]
            found[row] = None if place is None else shapely.point_on_surface(place)
        return found

    def worst(self) -> dict[int, int]:
        """The highest severity that each record takes part in."""
        found: dict[int, int] = {}
        for finding in self.findings:
            for record in (finding.record, *finding.related_records):
                found[record] = max(found.get(record, 0), finding.severity)
        return found

    def label(self, record: int) -> str:
        """A parcel as people name it. Example: ``tờ 3 thửa 117``; "" for the sheet as a whole."""
        parcel = self.by_record.get(record)
        if parcel is not None and parcel.sheet and parcel.number:
            return f"tờ {parcel.sheet} thửa {parcel.number}"
        return f"bản ghi {record + 1}" if record >= 0 else ""


def _shapes(blobs: list[bytes]) -> Geometries:
    """Shapes of well-known binaries; what is empty, broken or not finite is None."""
    values = np.empty(len(blobs), dtype=object)
    values[:] = [blob or None for blob in blobs]
    shapes: Geometries = shapely.from_wkb(values, on_invalid="ignore")
    for row in np.flatnonzero(~shapely.is_missing(shapes)).tolist():
        shape = shapes[row]
        if shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
            shapes[row] = None
    return shapes
