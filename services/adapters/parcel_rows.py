"""What the adapters of `ParcelStore` have in common: how messages are kept in rows, whatever the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from ngoclinh.land.v1.parcel_pb2 import Finding, Import, ImportState, Parcel, Severity
from ngoclinh.type.v1.type_pb2 import BoundingBox

from services.core.errors import Conflict
from services.core.ports import LandSummary

T = TypeVar("T")
RUNNING = ImportState.IMPORT_STATE_RUNNING
"""State of an import that has not ended."""


def rank(severity: int) -> int:
    """The most serious first."""
    return Severity.SEVERITY_ERROR - severity


def record(parcel: Parcel) -> bytes:
    """A parcel without its geometries and its time, which are kept elsewhere."""
    bare = Parcel()
    bare.CopyFrom(parcel)
    for name in ("source_wkb", "wgs84_wkb", "create_time"):
        bare.ClearField(name)
    return bare.SerializeToString()


def parcel(record: bytes, commit_time: int, source: bytes, wgs84: bytes) -> Parcel:
    """A parcel out of its parts.

    Args:
        record: what `record` gave.
        commit_time: when its import was committed, in microseconds since 1970 UTC.
        source: WKB in the plane of its source; empty where it is not asked for.
        wgs84: WKB in degrees; empty where it is not asked for.
    """
    whole = Parcel.FromString(record)
    whole.create_time.seconds, whole.create_time.nanos = commit_time // 1_000_000, commit_time % 1_000_000 * 1000
    whole.source_wkb, whole.wgs84_wkb = source, wgs84
    return whole


def without_owners(record: bytes) -> bytes:
    """The record of a parcel whose owners were erased."""
    parcel = Parcel.FromString(record)
    parcel.has_owners = False
    return parcel.SerializeToString()


def without_kept_owners(record: bytes) -> bytes:
    """The record of an import of which no owners are kept any more."""
    import_ = Import.FromString(record)
    import_.owners_kept = False
    return import_.SerializeToString()


def corners(parcel: Parcel) -> tuple[float | None, float | None, float | None, float | None]:
    """West, south, east, north of a parcel in degrees; None where its place is not known."""
    if not parcel.HasField("bounds"):
        return None, None, None, None
    box = parcel.bounds
    return box.west_deg, box.south_deg, box.east_deg, box.north_deg


def place(finding: Finding) -> tuple[float | None, float | None]:
    """Longitude and latitude of a finding; None where it has no place."""
    if not finding.HasField("location"):
        return None, None
    return finding.location.longitude_deg, finding.location.latitude_deg


def participants(finding: Finding) -> set[str]:
    """Names of the parcels that a finding is about."""
    return {name for name in (finding.parcel, *finding.related_parcels) if name}


def summary(
    area: str,
    parcels: int,
    area_m2: float,
    counts: Iterable[tuple[int, str, int]],
    newest: int,
    *sides: float | None,
) -> LandSummary:
    """How a commune stands.

    Args:
        area: the commune.
        parcels: its current parcels.
        area_m2: their area.
        counts: how many findings there are on them by rank and rule code.
        newest: when the newest of them was committed, in microseconds since 1970 UTC; 0 where there are none.
        sides: west, south, east, north of all of them, then of the square to look at first; None where none has a place.
    """
    rules: dict[str, int] = {}
    by_rank: dict[int, int] = {}
    for place, rule_code, count in counts:
        rules[rule_code] = rules.get(rule_code, 0) + count
        by_rank[place] = by_rank.get(place, 0) + count
    return LandSummary(
        area=area,
        parcel_count=parcels,
        area_m2=area_m2,
        error_count=by_rank.get(rank(Severity.SEVERITY_ERROR), 0),
        warning_count=by_rank.get(rank(Severity.SEVERITY_WARNING), 0),
        rules=dict(sorted(rules.items(), key=lambda item: (-item[1], item[0]))),
        newest_import_time=datetime.fromtimestamp(newest / 1e6, UTC) if newest else None,
        bounds=_box(sides[:4]),
        focus=_box(sides[4:]),
    )


def _box(sides: Sequence[float | None]) -> BoundingBox | None:
    west, south, east, north = sides
    if west is None or south is None or east is None or north is None:
        return None
    return BoundingBox(west_deg=west, south_deg=south, east_deg=east, north_deg=north)


def next_key(rows: Sequence[T], limit: int, key: Callable[[T], list[object]]) -> list[object] | None:
    """Sort key of the last row of a page where another follows; the page was asked for with one row more."""
    return key(rows[limit - 1]) if len(rows) > limit else None


def ended(import_name: str) -> Conflict:
    """The error of a write to an import that does not run any more."""
    return Conflict(f"Đợt nhập {import_name} đã kết thúc.", f"{import_name} has ended.")


def twice(import_name: str) -> Conflict:
    """The error of an import that brings two parcels of one name."""
    return Conflict(f"Đợt nhập {import_name} có hai thửa cùng tên.", f"{import_name} has two parcels of one name.")


class Condition:
    """Terms of SQL that must all hold, and their parameters."""

    def __init__(self) -> None:
        self._terms = ["TRUE"]
        self.values: list[object] = []

    @property
    def text(self) -> str:
        """The terms, joined by AND."""
        return " AND ".join(self._terms)

    def add(self, term: str, *values: object) -> None:
        """One more term with its parameters."""
        self._terms.append(term)
        self.values.extend(values)
