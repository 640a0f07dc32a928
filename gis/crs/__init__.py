"""Coordinate systems: the codes of VN-2000, which one a file is in, and the way to WGS 84."""

from gis.crs.detect import CrsCandidate, Place, detect, place_of
from gis.crs.resolve import Resolved, resolve
from gis.crs.systems import HANOI_1972, UTM, System, identify, local_systems, parse, system, systems, title
from gis.crs.transform import from_wgs84, project, reachable, to_plane, to_wgs84
from gis.crs.transform import points as transform_points

__all__ = [
    "HANOI_1972",
    "UTM",
    "CrsCandidate",
    "Place",
    "Resolved",
    "System",
    "detect",
    "from_wgs84",
    "identify",
    "local_systems",
    "parse",
    "place_of",
    "project",
    "reachable",
    "resolve",
    "system",
    "systems",
    "title",
    "to_plane",
    "to_wgs84",
    "transform_points",
]
