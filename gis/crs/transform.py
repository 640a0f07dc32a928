"""From plane to plane and to WGS 84, always x = east or longitude, y = north or latitude.

VN-2000 goes to WGS 84 by EPSG:6960 "VN-2000 to WGS 84 (2)" (Coordinate Frame, the parameters of Quyết định
05/2007/QĐ-BTNMT) and by nothing else. PROJ left to itself takes EPSG:5194 in the Mekong delta, 0.8 m beside it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.crs import CoordinateOperation  # type: ignore[attr-defined]  # its stubs export it only by assignment

from gis.crs.systems import GEOGRAPHIC, system
from gis.model import Geometries

if TYPE_CHECKING:
    from gis.crs.resolve import Resolved

WGS84 = 4326
DATUM_SHIFT = 6960
"""EPSG code of the one operation between VN-2000 and WGS 84."""

_HELMERT_NAMES = {8605: "x", 8606: "y", 8607: "z", 8608: "rx", 8609: "ry", 8610: "rz", 8611: "s"}


def to_wgs84(geometries: Geometries, epsg: int) -> Geometries:
    """Shapes in longitude and latitude of WGS 84.

    Args:
        geometries: shape (n,), None allowed.
        epsg: system of the shapes.
    """
    return project(geometries, epsg, WGS84)


def from_wgs84(geometries: Geometries, epsg: int) -> Geometries:
    """Shapes in longitude and latitude of WGS 84, brought into a system."""
    return project(geometries, WGS84, epsg)


def project(geometries: Geometries, source: int, target: int) -> Geometries:
    """Shapes brought from one system into another, all vertices at once; heights are left out.

    Vertices that have no image, such as infinite ones, become infinite.
    """
    if source == target:
        return geometries
    change = transformer(source, target).transform
    return np.asarray(shapely.transform(geometries, lambda x, y: change(x, y), interleaved=False), dtype=object)


def to_plane(geometries: Geometries, resolved: Resolved) -> Geometries:
    """The shapes in the plane in which the rules measure: as they are where the file is in metres."""
    return project(geometries, resolved.epsg, resolved.plane)


def points(coordinates: NDArray[np.float64], source: int, target: int) -> NDArray[np.float64]:
    """Coordinates of shape (n, 2) brought from one system into another."""
    if source == target:
        return coordinates
    return np.column_stack(transformer(source, target).transform(coordinates[:, 0], coordinates[:, 1]))


@lru_cache(maxsize=64)
def transformer(source: int, target: int) -> Any:
    """The transformer between two codes: EPSG:6960 where exactly one of them is of VN-2000, else PROJ's choice."""
    steps = [_vietnamese(source), _vietnamese(target)]
    if steps == ["", ""]:
        return Transformer.from_crs(source, target, always_xy=True)
    if "" in steps and WGS84 not in (source, target):
        raise ValueError(f"EPSG:{source} to EPSG:{target}: go by WGS 84")
    pipeline = ["+proj=pipeline"]
    pipeline.append(f"+step +inv {steps[0]}" if steps[0] else _RADIANS)
    if not steps[0]:
        pipeline.append(_datum_shift("+inv"))
    if not steps[1]:
        pipeline.append(_datum_shift(""))
    pipeline.append(f"+step {steps[1]}" if steps[1] else _DEGREES)
    return Transformer.from_pipeline(" ".join(pipeline))


_RADIANS = "+step +proj=unitconvert +xy_in=deg +xy_out=rad"
_DEGREES = "+step +proj=unitconvert +xy_in=rad +xy_out=deg"


def _vietnamese(epsg: int) -> str:
    """The projection from radians of VN-2000 to the system, as PROJ writes it; empty where it is none of VN-2000."""
    if epsg == GEOGRAPHIC:
        return "+proj=unitconvert +xy_in=rad +xy_out=deg"
    known = system(epsg)
    if known is None:
        return ""
    return (
        f"+proj=tmerc +lat_0=0 +lon_0={known.central_meridian!r} +k={known.scale_factor!r} "
        f"+x_0={known.false_easting!r} +y_0={known.false_northing!r} +ellps=WGS84"
    )


@lru_cache(maxsize=2)
def _datum_shift(direction: str) -> str:
    """EPSG:6960 between geographic radians; the height is held at 0."""
    operation = CoordinateOperation.from_epsg(DATUM_SHIFT)
    parameters = {_HELMERT_NAMES[int(one.code)]: one.value for one in operation.params}
    helmert = " ".join(f"+{name}={value!r}" for name, value in parameters.items())
    return (
        "+step +proj=push +v_3 +step +proj=cart +ellps=WGS84 "
        f"+step {direction} +proj=helmert {helmert} +convention=coordinate_frame "
        "+step +inv +proj=cart +ellps=WGS84 +step +proj=pop +v_3"
    )


def reachable(epsg: int) -> bool:
    """Whether `points` goes from and to a code: those of VN-2000, and WGS 84."""
    return epsg == WGS84 or _vietnamese(epsg) != ""


def is_geographic(epsg: int) -> bool:
    """Whether a code means degrees and not a plane."""
    return bool(CRS.from_epsg(epsg).is_geographic)
