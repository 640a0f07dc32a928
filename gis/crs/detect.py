"""The detective: which system some coordinates are in, told by where they would lie.

Without outlines of communes the centre of the sheet is compared with the commune's point in units of √area: a commune of
100 km² reaches about 10 km, while a central meridian that is 15' off moves a sheet by 27 km.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gis.crs.systems import TM3, UTM, local_systems
from gis.crs.transform import WGS84, points
from services.core.areas import Unit, register

LON_OF_VIETNAM = (102.0, 110.0)
LAT_OF_VIETNAM = (8.0, 23.6)
"""Degrees, mainland and near islands."""

NORTHINGS = (900_000.0, 2_610_000.0)
"""Metres; on land 921 057 to 2 588 577."""

EASTINGS = {False: (300_000.0, 700_000.0), True: (100_000.0, 900_000.0)}
"""Metres in a 3° (False) and 6° (True) zone; on land in its own zone 335 to 665 km and 169 to 831 km."""

AXIS_LIMIT = 850_000.0
"""Metres between every easting and every northing of Vietnam: first above, second below means (north, east)."""

LEAST_REACH_KM = 5.0
"""The points of the register are rounded to about 1 km, and a sheet need not lie in the middle of a small commune."""

UNKNOWN_AREA_KM2 = {1: 5000.0, 2: 500.0, 3: 100.0}
"""Area by level of the unit, where the register has none."""

SAME_PLACE_KM = 1.0
"""A 3° and a 6° zone on one meridian lay a sheet less than this apart."""

PROVINCE = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sheet is expected: near one of some units."""

    spots: tuple[tuple[float, float, float], ...]
    """Longitude and latitude of each unit's point, WGS 84, and how far from it a sheet may be in km: √area."""
    systems: tuple[int, ...]
    """Codes that the cadastre there uses."""
    broad: bool
    """True for a province, which is wider than the distance between two meridians."""

    def away(self, lon: float, lat: float) -> tuple[float, float]:
        """From a point to the unit that it fits best: kilometres, and that distance in units of the reach."""
        distances = [(distance_km(at_lon, at_lat, lon, lat), reach) for at_lon, at_lat, reach in self.spots]
        distance, reach = min(distances, key=lambda one: one[0] / one[1])
        return distance, distance / reach


@dataclass(frozen=True, slots=True)
class CrsCandidate:
    """A system that fits some coordinates."""

    epsg: int
    """EPSG code."""
    score: float
    """Confidence, 0 to 1; one candidate alone above 0.5 is an answer, several are not."""
    swapped: bool
    """True where the pairs are (north, east) and must be swapped."""
    lon: float
    """Longitude of the centre, WGS 84, under this system."""
    lat: float
    """Latitude of the centre."""
    distance_km: float
    """From the centre to the place; 0 where no place is known."""


def place_of(areas: str | Sequence[str]) -> Place | None:
    """Where the sheets of one or more units lie; None where the register knows no point of them."""
    names = [areas] if isinstance(areas, str) else list(areas)
    units = [unit for name in names if (unit := register().get(name)) is not None]
    spots = tuple((*point, _reach_km(unit)) for unit in units if (point := _point(unit)) is not None)
    if not spots:
        return None
    systems = {code for unit in units for code in local_systems(unit.name)}
    return Place(spots, tuple(sorted(systems)), broad=any(unit.level == PROVINCE for unit in units))


def detect(coordinates: NDArray[np.float64], commune: str | Sequence[str] = "") -> list[CrsCandidate]:
    """The systems that fit coordinates of shape (n, 2), as they stand in the file, best first.

    Without a commune or province the meridian of projected numbers cannot be told: no candidate is above 0.5.

    Args:
        coordinates: first and second numbers; pairs that are not finite are left out.
        commune: name of the unit (or names of the units) in which they should lie.
    """
    centre = middle(coordinates)
    place = place_of(commune) if commune else None
    found = [] if centre is None else list(_degrees(*centre, place)) or _scored(list(_planes(*centre, place)), place)
    return sorted(found, key=lambda one: (-one.score, one.distance_km, one.epsg))


def answer(candidates: Sequence[CrsCandidate]) -> CrsCandidate | None:
    """The candidate that alone is above 0.5, or None."""
    likely = [one for one in candidates if one.score > 0.5]
    return likely[0] if len(likely) == 1 else None


def middle(coordinates: NDArray[np.float64]) -> tuple[float, float] | None:
    """The median of the finite pairs; None where there is none."""
    finite = coordinates[np.isfinite(coordinates).all(axis=1)] if len(coordinates) else coordinates
    if not len(finite):
        return None
    first, second = np.median(finite, axis=0)
    return float(first), float(second)


def in_vietnam(lon: float, lat: float) -> bool:
    """Whether a point is inside the box around Vietnam."""
    return LON_OF_VIETNAM[0] <= lon <= LON_OF_VIETNAM[1] and LAT_OF_VIETNAM[0] <= lat <= LAT_OF_VIETNAM[1]


def axes_swapped(first: float, second: float) -> bool:
    """Whether a pair of metres or degrees in Vietnam is (north, east)."""
    return (first > AXIS_LIMIT > second > 0) or (in_vietnam(second, first) and not in_vietnam(first, second))


def distance_km(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Distance of two points on a sphere of 6371 km."""
    east = math.radians(other_lon - lon) * math.cos(math.radians((lat + other_lat) / 2))
    return 6371.0 * math.hypot(east, math.radians(other_lat - lat))


def _point(unit: Unit) -> tuple[float, float] | None:
    """Its point in the register, or that of the first unit that it became or was made of."""
    others = (register().get(name) for name in (*unit.successors, *unit.predecessors))
    for one in (unit, *others):
        if one is not None and one.lon is not None and one.lat is not None:
            return one.lon, one.lat
    return None


def _reach_km(unit: Unit) -> float:
    return max(math.sqrt(unit.area_km2 or UNKNOWN_AREA_KM2[unit.level]), LEAST_REACH_KM)


def _degrees(first: float, second: float, place: Place | None) -> Iterator[CrsCandidate]:
    swapped = axes_swapped(first, second)
    lon, lat = (second, first) if swapped else (first, second)
    if abs(lon) <= 180 and abs(lat) <= 90:
        away = place.away(lon, lat)[0] if place else 0.0
        yield CrsCandidate(WGS84, 0.95, swapped, lon, lat, away)


def _planes(first: float, second: float, place: Place | None) -> Iterator[CrsCandidate]:
    swapped = axes_swapped(first, second)
    east, north = (second, first) if swapped else (first, second)
    for epsg in (*TM3, *UTM):
        least, most = EASTINGS[epsg in UTM]
        if least <= east <= most and NORTHINGS[0] <= north <= NORTHINGS[1]:
            lon, lat = points(np.array([[east, north]]), epsg, WGS84)[0]
            if in_vietnam(lon, lat):
                away = place.away(lon, lat)[0] if place else 0.0
                yield CrsCandidate(epsg, 0.0, swapped, float(lon), float(lat), away)


def _scored(candidates: list[CrsCandidate], place: Place | None) -> list[CrsCandidate]:
    """Scores: 0.5 at the reach of the place; what the cadastre does not use there counts half beside what it uses."""
    if place is None:
        return [replace(one, score=0.5 / len(candidates)) for one in candidates]
    away = {one.epsg: place.away(one.lon, one.lat) for one in candidates}
    local = min((away[epsg] for epsg in place.systems if epsg in away), default=(math.inf, math.inf))
    scored = []
    for one in candidates:
        distance, share = away[one.epsg]
        beside = place.broad or (local[1] <= 1 and local[0] <= distance + SAME_PLACE_KM)
        fitting = 1 / (1 + share**2)
        scored.append(replace(one, score=fitting / 2 if beside and one.epsg not in place.systems else fitting))
    return scored
