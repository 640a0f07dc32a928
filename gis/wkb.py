"""Well-known binary → shapes, also where GEOS refuses to build them: rings left open, curves."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.model import Geometries

_POLYGON, _MULTIPOLYGON = 3, 6
_CURVED = (8, 9, 10, 11, 12, 13, 14)
"""Circular string, compound curve, curve polygon, multicurve, multisurface, curve, surface (ISO 13249-3)."""
_LEAVES = (1, 2, 8)
_EWKB_Z, _EWKB_M, _EWKB_SRID = 0x80000000, 0x40000000, 0x20000000
_DEEPEST = 8


def shapes(blobs: Sequence[bytes | None]) -> Geometries:
    """Shapes from well-known binary, shape (n,).

    A polygon with an open ring comes as the lines of its rings, so that a rule can show where it is open. A curve comes
    as a collection that holds its first point, which no rule takes for a parcel. Cut bytes are None.
    """
    values = np.empty(len(blobs), dtype=object)
    values[:] = list(blobs)
    try:
        built: Geometries = shapely.from_wkb(values, on_invalid="ignore")
    except (NotImplementedError, shapely.errors.GEOSException):
        built = np.empty(len(blobs), dtype=object)
        built[:] = [_one(blob) for blob in blobs]
    for row in np.flatnonzero(shapely.is_missing(built)).tolist():
        built[row] = _refused(blobs[row])
    return built


def _one(blob: bytes | None) -> shapely.Geometry | None:
    try:
        return shapely.from_wkb(blob, on_invalid="ignore")
    except (NotImplementedError, shapely.errors.GEOSException):
        return None


def _refused(blob: bytes | None) -> shapely.Geometry | None:
    """What can be shown of a geometry that GEOS does not build."""
    if not blob:
        return None
    try:
        if _header(blob, 0).kind in _CURVED:
            return shapely.GeometryCollection([shapely.Point(_first_point(blob))])
        rings, _ = _rings(blob, 0, (_POLYGON, _MULTIPOLYGON))
    except (struct.error, ValueError, IndexError):
        return None
    lines = [shapely.LineString(ring) for ring in rings if len(ring) > 1]
    return shapely.MultiLineString(lines) if lines else None


class _Header(NamedTuple):
    order: str
    kind: int
    width: int
    parts: int
    end: int


def _header(blob: bytes, at: int) -> _Header:
    """Byte order, type, numbers a vertex, number of parts, and the offset of the first part."""
    order = "<" if blob[at] == 1 else ">"
    code = struct.unpack_from(order + "I", blob, at + 1)[0]
    end = at + (9 if code & _EWKB_SRID else 5)
    dimensions = (code & 0xFFFF) // 1000
    width = 2 + bool(code & _EWKB_Z or dimensions in (1, 3)) + bool(code & _EWKB_M or dimensions in (2, 3))
    return _Header(order, (code & 0xFFFF) % 1000, width, struct.unpack_from(order + "I", blob, end)[0], end + 4)


def _rings(blob: bytes, at: int, allowed: tuple[int, ...]) -> tuple[list[NDArray[np.float64]], int]:
    """All rings of the geometry at offset `at`, which is of an allowed type, and the offset behind it."""
    head = _header(blob, at)
    at = head.end
    if head.kind not in allowed:
        raise ValueError(f"geometry type {head.kind}")
    found: list[NDArray[np.float64]] = []
    for _ in range(head.parts):
        if head.kind == _MULTIPOLYGON:
            rings, at = _rings(blob, at, (_POLYGON,))
            found += rings
        else:
            points = struct.unpack_from(head.order + "I", blob, at)[0]
            ring = np.frombuffer(blob, head.order + "f8", points * head.width, at + 4).reshape(points, head.width)
            found.append(ring[:, :2].astype(np.float64))
            at += 4 + 8 * points * head.width
    return found, at


def _first_point(blob: bytes) -> tuple[float, float]:
    """The first vertex of a geometry of nested parts."""
    at = 0
    for _ in range(_DEEPEST):
        head = _header(blob, at)
        if head.kind in _LEAVES:
            x, y = struct.unpack_from(head.order + "2d", blob, head.end)
            return float(x), float(y)
        at = head.end
    raise ValueError("nested too deeply")
