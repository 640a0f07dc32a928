"""A file of commune outlines → shapes in WGS 84 by commune of today. Runs only in the reader child."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely
from google.protobuf.message import Message
from ngoclinh.land.v1.area_outline_pb2 import AreaOutline, AreaOutlinesHeader, SkippedOutline
from ngoclinh.land.v1.parcel_pb2 import Import, ImportState
from ngoclinh.type.v1.type_pb2 import LocalizedText

from gis import columns, crs, readers
from gis.model import Geometries
from services.core.areas import Unit, register
from services.core.errors import UnreadableFile, UnusableCoordinateSystem
from services.core.names import EDITIONS, area_name
from services.core.vietnamese import strip_controls
from services.land.check import Limits

CODE_COLUMNS = frozenset({"code", "ma", "madvhc", "maxa", "maphuong", "communecode", "wardcode"})
"""Folded names of columns with commune codes, besides those that `gis.columns` knows."""

MOST_VERTICES = 200_000
"""Most vertices of an outline: it must fit into one message of 4 MiB."""

FAR_DEG = 0.3
"""An outline whose bounds lie farther from the commune's point than this is not that of the commune: some 33 km."""

_COMMUNE = 3
_SHOWN = 20
_AREAS = ("Polygon", "MultiPolygon")


def read_outlines(path: Path, folder: Path, header: AreaOutlinesHeader, limits: Limits) -> Iterator[Message]:
    """Read the outlines of a file.

    Records with one code are parts of one outline; where a part cannot be used, the commune gets none.

    Args:
        path: the file.
        folder: an empty private folder.
        header: the coordinate system, where the user names one.
        limits: what the file may cost.

    Yields:
        `SkippedOutline`s, `AreaOutline`s, and an `Import` that says which coordinate system was used.

    Raises:
        UnreadableFile: no column holds commune codes.
        UnusableCoordinateSystem: the numbers do not lie where the communes are.
    """
    sheet = readers.read(path, folder, readers.Limits(limits.max_parcels, limits.max_bytes))
    codes = _codes(sheet)
    units = [_unit(code) for code in codes]
    system = _system(sheet, {unit.name for unit in units if unit is not None}, header.coordinate_system)
    shapes = crs.to_wgs84(sheet.geometry, system)
    parts: dict[str, list[int]] = {}
    faulty: set[str] = set()
    for record, (code, unit) in enumerate(zip(codes, units, strict=True)):
        fault = _fault(unit, shapes[record])
        if fault is not None:
            faulty.add(unit.name if unit else "")
            yield SkippedOutline(code=strip_controls(code)[:_SHOWN], record=record, reason=fault)
        elif unit is not None:
            parts.setdefault(unit.name, []).append(record)
    for name, records in parts.items():
        if name not in faulty:
            yield AreaOutline(area=name, wgs84_wkb=shapely.to_wkb(_whole(shapes[records])))
    yield Import(state=ImportState.IMPORT_STATE_COMMITTED, coordinate_system=f"EPSG:{system}", parcel_count=len(sheet))


def _codes(sheet: readers.Sheet) -> list[str]:
    """The column in which most values are codes of communes of today, five digits each where they are numbers."""
    candidates = [values for name, values in sheet.attributes.items() if columns.folded(name) in CODE_COLUMNS]
    if "commune" in sheet.known:
        candidates.insert(0, sheet.known["commune"])
    if not candidates:
        raise UnreadableFile(
            "Tệp không có cột mã xã (code, ma_xa, maXa hoặc ma_dvhc).",
            "The file has no column of commune codes (code, ma_xa, maXa or ma_dvhc).",
        )
    read = [[columns.to_commune_code(value) for value in values] for values in candidates]
    return max(read, key=lambda codes: sum(_unit(code) is not None for code in codes))


def _unit(code: str) -> Unit | None:
    """The commune of today with a code."""
    unit = register().get(area_name(EDITIONS[-1], code))
    return unit if unit is not None and unit.level == _COMMUNE else None


def _system(sheet: readers.Sheet, communes: set[str], asked: str) -> int:
    """Code of the system of the file, which must bring it to where its communes are."""
    resolved = crs.resolve(
        shapely.get_coordinates(sheet.geometry),
        file_crs=sheet.crs,
        user_crs=asked,
        commune=sorted(communes),
        assumed=sheet.crs_assumed,
    )
    if not resolved.stops:
        return resolved.epsg
    used, other = crs.title(resolved.epsg), crs.title(resolved.suggestion) if resolved.suggestion else ""
    raise UnusableCoordinateSystem(
        f"Toạ độ trong tệp không khớp với {used}"
        + (" (đông và bắc bị đảo chỗ)" if resolved.swapped else f"; có lẽ là {other}" if other else "")
        + ". Hãy sửa tệp hoặc nêu hệ toạ độ (ví dụ 107-45 hay 5899).",
        f"The coordinates of the file do not fit {used}"
        + (" (east and north are swapped)" if resolved.swapped else f"; perhaps it is {other}" if other else "")
        + ". Correct the file or name the coordinate system (such as 107-45 or 5899).",
    )


def _fault(unit: Unit | None, shape: shapely.Geometry | None) -> LocalizedText | None:
    """Why a record cannot be used; None where it can."""
    if unit is None:
        return LocalizedText(
            vi="không phải mã xã, phường hiện nay (5 chữ số)", en="no code of a commune of today (5 digits)"
        )
    if shape is None or shape.is_empty or shape.geom_type not in _AREAS:
        return LocalizedText(vi="không phải hình vùng", en="its shape is no area")
    if not shape.is_valid:
        where = shapely.is_valid_reason(shape)
        return LocalizedText(vi=f"hình vùng không hợp lệ ({where})", en=f"its shape is not valid ({where})")
    count = int(shapely.get_num_coordinates(shape))
    if count > MOST_VERTICES:
        return LocalizedText(
            vi=f"có {count} đỉnh, nhiều nhất là {MOST_VERTICES}",
            en=f"it has {count} vertices, more than {MOST_VERTICES}",
        )
    if unit.lon is not None and unit.lat is not None:
        away = shapely.distance(shapely.box(*shape.bounds), shapely.Point(unit.lon, unit.lat))
        if away > FAR_DEG:
            return LocalizedText(vi=f"nằm xa {unit.title}: {away:.1f}°", en=f"it lies {away:.1f}° from {unit.title}")
    return None


def _whole(parts: Geometries) -> shapely.Geometry:
    return parts[0] if len(parts) == 1 else shapely.union_all(np.asarray(parts))
