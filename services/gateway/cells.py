"""A schematic map of communes where no outlines are loaded: the cell of the places that are nearest to each point.

The register knows one point for each commune, not its outline. Cells of all communes around keep neighbours neighbours
and are drawn with the mark "sơ đồ", so that nobody takes them for boundaries.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

import shapely

from services.core.areas import Unit, register

EDITION, COMMUNE = 2025, 3
KM_PER_DEGREE = 111.2
MARGIN_DEG = 0.6
"""Communes this far from the wanted ones shape their cells."""
MOST_REACH = 2.2
"""A cell reaches at most this many radii of a circle with the commune's published area, so that coasts and borders end."""
USUAL_KM2 = 100.0
"""Taken where no area is published."""
SCALE = math.cos(math.radians(16))
"""Degrees of longitude are shorter than those of latitude; one scale for the country, so that all maps agree."""
DIGITS = 5
"""Decimals of a degree: about 1 m."""


def cells(names: Iterable[str]) -> dict[str, shapely.Polygon]:
    """The cells of communes of today in WGS 84 degrees; a name without a known point is left out."""
    known = _placed()
    wanted = [known[name] for name in names if name in known]
    if not wanted:
        return {}
    west, east = min(lon for _, lon, _ in wanted) - MARGIN_DEG, max(lon for _, lon, _ in wanted) + MARGIN_DEG
    south, north = min(lat for _, _, lat in wanted) - MARGIN_DEG, max(lat for _, _, lat in wanted) + MARGIN_DEG
    around = [one for one in known.values() if west <= one[1] <= east and south <= one[2] <= north]
    frame = shapely.box(west * SCALE, south, east * SCALE, north)
    points = shapely.MultiPoint([(lon * SCALE, lat) for _, lon, lat in around])
    found = shapely.voronoi_polygons(points, extend_to=frame, ordered=True)
    asked = {unit.name for unit, _, _ in wanted}
    shapes: dict[str, shapely.Polygon] = {}
    for (unit, lon, lat), cell in zip(around, shapely.get_parts(found), strict=True):
        if unit.name in asked:
            radius = MOST_REACH * math.sqrt((unit.area_km2 or USUAL_KM2) / math.pi) / KM_PER_DEGREE
            within = shapely.intersection(cell, shapely.Point(lon * SCALE, lat).buffer(radius))
            shapes[unit.name] = shapely.transform(within, lambda xy: (xy / (SCALE, 1)).round(DIGITS))
    return shapes


@lru_cache(maxsize=1)
def _placed() -> dict[str, tuple[Unit, float, float]]:
    """Communes of today with their points; those that share a rounded point are set a little apart."""
    placed: dict[str, tuple[Unit, float, float]] = {}
    taken: dict[tuple[float, float], int] = {}
    for unit in register().units(EDITION, COMMUNE):
        if unit.lon is None or unit.lat is None:
            continue
        times = taken[(unit.lon, unit.lat)] = taken.get((unit.lon, unit.lat), -1) + 1
        placed[unit.name] = (unit, unit.lon + 0.003 * times, unit.lat)
    return placed
