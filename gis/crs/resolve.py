"""Decide in which system a file is: by its own words, the user's, or the detective's; and what is wrong with that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from gis.crs.detect import CrsCandidate, Place, answer, axes_swapped, detect, distance_km, in_vietnam, middle, place_of
from gis.crs.systems import GEOGRAPHIC, TM3, USE_INSTEAD, UTM, identify, local_systems, parse, system, title
from gis.crs.transform import WGS84, is_geographic, points
from services.core.areas import register
from services.core.errors import UnknownCoordinateSystem

NEAR_A_COMMUNE_KM = 60.0
"""A point inside the box around Vietnam and this near to a commune's point is taken as lying in Vietnam."""

MUCH_NEARER = 0.6
"""Another system is suggested where it lays the sheet this many times as far from its place, or nearer."""

FAR = 3.0
"""A sheet is misplaced beyond this many times the reach of its place, though no system would bring it there."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The coordinate system of a file, how it was known, and what is wrong with it."""

    epsg: int
    """The system of the numbers in the file."""
    plane: int
    """The system in metres in which the rules measure; `epsg` itself where the file is projected."""
    origin: str
    """How it was known: "file", "user" or "detected"."""
    problem: str = ""
    """What C06 says: "", "missing" (no code, found otherwise), "unknown" (a code that means nothing), "overruled" (the
    user said otherwise), "deprecated", "contradicts" (the numbers cannot be in the system)."""
    declared: int = 0
    """Code that the file states; 0 where it states none."""
    swapped: bool = False
    """True where the numbers are (north, east)."""
    foreign: bool = False
    """True outside Vietnam, and in a plane that is none of VN-2000."""
    suggestion: int = 0
    """System in which the sheet would lie where it is expected; 0 where `epsg` fits or none does."""
    distance_km: float = 0.0
    """From the sheet's centre to where it is expected, where that is too far; else 0."""
    candidates: tuple[CrsCandidate, ...] = ()
    """What the detective found, best first."""
    local: tuple[int, ...] = ()
    """Systems of the cadastre where the sheet is expected; empty where no place is known."""

    @property
    def geographic(self) -> bool:
        """Whether the file is in degrees."""
        return self.epsg != self.plane

    @property
    def stops(self) -> bool:
        """Whether every later finding would be noise."""
        return self.swapped or bool(self.suggestion) or self.problem in {"deprecated", "contradicts"}


def resolve(
    coordinates: NDArray[np.float64],
    *,
    file_crs: str = "",
    user_crs: str = "",
    commune: str | Sequence[str] = "",
    assumed: bool = False,
) -> Resolved:
    """The coordinate system of a file; faults that later rules report are fields of the answer.

    Args:
        coordinates: shape (n, 2), all or some of the file's coordinates as they stand there.
        file_crs: what the file says: a code, WKT, a PROJ string; "" where it says nothing.
        user_crs: what the user says: "", "auto", a code or a central meridian; it goes before the file.
        commune: name of the unit (or names of the units) in which the sheet should lie.
        assumed: `file_crs` is only the default of the format: GeoJSON without `crs` means EPSG:4326.

    Raises:
        UnknownCoordinateSystem: projected numbers whose zone cannot be told.
        InvalidField: `user_crs` is no code and no meridian.
        UnusableCoordinateSystem: `user_crs` is a deprecated code.
    """
    centre = middle(coordinates)
    if centre is None:
        return replace(_described((0.0, 0.0), identify(file_crs) or WGS84, "file"), foreign=False)
    declared = identify(file_crs) if file_crs else 0
    place = place_of(commune) if commune else None
    found = tuple(detect(coordinates, commune))
    if user_crs.strip().lower() not in {"", "auto"}:
        epsg = parse(user_crs)
        problem = "" if declared == epsg and not assumed else "overruled" if declared and not assumed else "missing"
        return _described(centre, epsg, "user", problem, declared, found, place)
    if declared in USE_INSTEAD:
        return _described(centre, declared, "file", "deprecated", declared, found, place)
    if declared and _fits(declared, *centre):
        return _described(centre, declared, "file", "", declared, found, place)
    best = answer(found)
    if best is None:
        raise _cannot_tell(centre, found, place, 0 if assumed else declared)
    if declared and not assumed:
        return _described(centre, declared, "file", "contradicts", declared, found, place)
    return _described(
        centre, best.epsg, "detected", "unknown" if file_crs and not assumed else "missing", 0, found, place
    )


def _described(
    centre: tuple[float, float],
    epsg: int,
    origin: str,
    problem: str = "",
    declared: int = 0,
    found: tuple[CrsCandidate, ...] = (),
    place: Place | None = None,
) -> Resolved:
    """Adds what follows from the system and the centre of the numbers."""
    if not _fits(epsg, *centre) and problem != "deprecated" and found:
        problem = "contradicts"
    if problem in {"deprecated", "contradicts"}:
        best = answer(found)
        suggestion = USE_INSTEAD.get(epsg, best.epsg if best else 0)
        return Resolved(epsg, epsg, origin, problem, declared, suggestion=suggestion, candidates=found)
    geographic = is_geographic(epsg)
    swapped = (geographic or system(epsg) is not None) and axes_swapped(*centre)
    first, second = reversed(centre) if swapped else centre
    lon, lat = (float(value) for value in points(np.array([[first, second]]), epsg, WGS84)[0])
    known = system(epsg) is not None or epsg == GEOGRAPHIC
    foreign = not _lies_in_vietnam(lon, lat) if geographic else not known
    away, suggestion = (0.0, 0) if place is None or foreign else _misplaced(place, lon, lat, epsg, answer(found))
    return Resolved(
        epsg=epsg,
        plane=_plane_for(lon, lat, place, foreign=foreign) if geographic else epsg,
        origin=origin,
        problem="" if problem == "missing" and geographic and origin == "detected" else problem,
        declared=declared,
        swapped=swapped,
        foreign=foreign,
        suggestion=suggestion,
        distance_km=away,
        candidates=found,
        local=tuple(place.systems) if place else (),
    )


def _misplaced(place: Place, lon: float, lat: float, epsg: int, best: CrsCandidate | None) -> tuple[float, int]:
    """How far a sheet is from where it should be, if that is too far, and the system that would put it there."""
    away, share = place.away(lon, lat)
    if share <= 1:
        return 0.0, 0
    if best and best.epsg not in {epsg, WGS84, GEOGRAPHIC} and best.distance_km < MUCH_NEARER * away:
        return away, best.epsg
    return (away, 0) if share > FAR else (0.0, 0)


def _fits(epsg: int, first: float, second: float) -> bool:
    """Whether a centre can be in a system at all, in either order of the axes."""
    if is_geographic(epsg):
        return max(abs(first), abs(second)) <= 360 and min(abs(first), abs(second)) <= 90
    if epsg in TM3 or epsg in UTM:
        low, high = sorted((first, second))
        return -500_000 <= low <= 1_600_000 and 500_000 <= high <= 3_000_000
    extent = CRS.from_epsg(epsg).area_of_use
    lon, lat = points(np.array([[first, second]]), epsg, WGS84)[0]
    if extent is None or extent.west > extent.east:
        return bool(np.isfinite([lon, lat]).all())
    return bool(extent.west - 1 <= lon <= extent.east + 1 and extent.south - 1 <= lat <= extent.north + 1)


def _plane_for(lon: float, lat: float, place: Place | None, *, foreign: bool) -> int:
    """The plane for a sheet in degrees: the cadastre's zone there, abroad the zone of UTM on WGS 84."""
    if foreign:
        zone = min(max(int((lon + 180) // 6) + 1, 1), 60)
        return (32600 if lat >= 0 else 32700) + zone
    codes = (place.systems if place else ()) or local_systems(_nearest_commune(lon, lat)[0])
    return min(codes, key=lambda code: abs(_meridian(code) - lon))


def _meridian(epsg: int) -> float:
    known = system(epsg)
    assert known is not None
    return known.central_meridian


def _lies_in_vietnam(lon: float, lat: float) -> bool:
    return in_vietnam(lon, lat) and _nearest_commune(lon, lat)[1] <= NEAR_A_COMMUNE_KM


@lru_cache(maxsize=1)
def _commune_points() -> tuple[tuple[str, float, float], ...]:
    communes = register().units(2025, level=3)
    return tuple((unit.name, unit.lon, unit.lat) for unit in communes if unit.lon is not None and unit.lat is not None)


def _nearest_commune(lon: float, lat: float) -> tuple[str, float]:
    """Name of the commune of today whose point is nearest, and the distance in kilometres."""
    name, near_lon, near_lat = min(
        _commune_points(), key=lambda one: distance_km(one[1], one[2], lon, lat), default=("", 0.0, 0.0)
    )
    return name, distance_km(near_lon, near_lat, lon, lat)


def _cannot_tell(
    centre: tuple[float, float], found: Sequence[CrsCandidate], place: Place | None, declared: int
) -> UnknownCoordinateSystem:
    """Says what was tried, and what the user can add."""
    numbers = f"{centre[0]:.0f}; {centre[1]:.0f}"
    if declared:
        vi = f"Tệp ghi {title(declared)} nhưng toạ độ ({numbers}) không thể thuộc hệ này, và không xác định được hệ đúng."
        en = f"The file says {title(declared)}, where its coordinates ({numbers}) cannot lie, and the right system cannot be told."
    else:
        vi = f"Không xác định được hệ toạ độ của các số ({numbers})."
        en = f"The coordinate system of these numbers ({numbers}) cannot be told."
    if place is None and found:
        vi += " Cần biết xã hoặc tỉnh để chọn kinh tuyến trục: hãy nêu xã, hoặc nêu hệ toạ độ (ví dụ 107-45 hay 5899)."
        en += " The commune or province decides between the meridians: name it, or name the system (such as 107-45 or 5899)."
    else:
        vi += " Hãy nêu hệ toạ độ (ví dụ 107-45 hay 5899)."
        en += " Name the system (such as 107-45 or 5899)."
    fitting = ", ".join(f"EPSG:{one.epsg}" for one in found[:20])
    return UnknownCoordinateSystem(vi, en, {"candidates": fitting} if fitting else {})
