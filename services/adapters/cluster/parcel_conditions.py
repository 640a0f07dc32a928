"""Filters of parcels and findings as conditions on the tables of schema `parcels`."""

from __future__ import annotations

from collections.abc import Iterable

from ngoclinh.land.v1.land_service_pb2 import FindingFilter, ParcelFilter
from ngoclinh.type.v1.type_pb2 import BoundingBox

from services.adapters import parcel_rows as rows
from services.core.names import number_key

HEADS = "head AS h"
"""Current parcels."""

CURRENT = f"{HEADS} JOIN version AS v ON v.id = h.version JOIN import AS i ON i.id = h.import"
"""Current parcels with all that is kept of them, and their imports."""

FORMER = "h.name = (SELECT min(name) FROM (SELECT name FROM head WHERE aliases @> ARRAY[%s] OFFSET 0) AS former)"
"""The parcel that had a name before; OFFSET keeps the planner from walking all names for the least."""

_ON_CURRENT = "finding AS f JOIN head AS h ON h.name = f.parcel AND h.import = f.import"
_OF_IMPORT = "finding AS f LEFT JOIN version AS h ON h.name = f.parcel AND h.import = f.import"


class Condition(rows.Condition):
    """Terms with psycopg's parameters."""

    def equals(self, column: str, value: str) -> None:
        """A column has a value; an empty one means any."""
        if value:
            self.add(f"{column} = %s", value)

    def within(self, column: str, values: Iterable[object]) -> None:
        """A column has one of some values; none means any. One alone is compared by itself: then an index gives the order."""
        wanted = list(values)
        if len(wanted) == 1:
            self.add(f"{column} = %s", *wanted)
        elif wanted:
            self.add(f"{column} = ANY(%s)", wanted)


def parcel_condition(filter_: ParcelFilter) -> tuple[str, list[object]]:
    """A condition on `HEADS` and its parameters."""
    where = Condition()
    where.within("h.area", filter_.areas)
    where.equals("h.commune", filter_.commune)
    where.equals("h.sheet_key", number_key(filter_.sheet) if filter_.sheet else "")
    where.equals("h.number_key", number_key(filter_.number) if filter_.number else "")
    if name := getattr(filter_, "import"):
        where.add("h.import = (SELECT id FROM import WHERE name = %s)", name)
    if filter_.HasField("bounds"):
        where.add(*touches(filter_.bounds))
    return where.text, where.values


def finding_condition(filter_: FindingFilter) -> tuple[str, str, list[object]]:
    """Tables with `finding AS f`, a condition on them and its parameters.

    Without an import in the filter only findings on current parcels match.
    """
    where = Condition()
    name = getattr(filter_, "import")
    if name:
        where.add("f.import = (SELECT id FROM import WHERE name = %s AND state <> %s)", name, rows.RUNNING)
    where.within("h.area", filter_.areas)
    if filter_.parcel:
        where.add("f.participants @> ARRAY[%s]", filter_.parcel)
    where.within("f.rule_code", filter_.rule_codes)
    where.within("f.rank", [rows.rank(severity) for severity in filter_.severities if severity])
    if filter_.HasField("bounds"):
        box = filter_.bounds
        where.add("f.place && ST_MakeEnvelope(%s, %s, %s, %s, 4326)", *_sides(box))
        where.add("f.longitude BETWEEN %s AND %s", box.west_deg, box.east_deg)
        where.add("f.latitude BETWEEN %s AND %s", box.south_deg, box.north_deg)
    return _OF_IMPORT if name else _ON_CURRENT, where.text, where.values


def touches(box: BoundingBox) -> tuple[str, float, float, float, float, float, float, float, float]:
    """A condition on `HEADS`: the bounds of a parcel share a point with a box.

    The index holds numbers of 32 bits, rounded outwards: it finds the candidates, the columns decide.
    """
    west, south, east, north = _sides(box)
    text = (
        "ST_MakeEnvelope(h.west, h.south, h.east, h.north, 4326) && ST_MakeEnvelope(%s, %s, %s, %s, 4326)"
        " AND h.west <= %s AND h.east >= %s AND h.south <= %s AND h.north >= %s"
    )
    return text, west, south, east, north, east, west, north, south


def _sides(box: BoundingBox) -> tuple[float, float, float, float]:
    return box.west_deg, box.south_deg, box.east_deg, box.north_deg
