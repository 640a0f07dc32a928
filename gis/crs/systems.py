"""The coordinate systems of VN-2000, read out of the EPSG dataset that PROJ carries, and how people write them.

The meridian of a province is that of the extent with the scope "Cadastre" (table `usage` of proj.db): the legal table is
Phụ lục 01 of Thông tư 26/2024/TT-BTNMT, which goes before it where a merged province was given another meridian.
"""

from __future__ import annotations

import os
import re
import sqlite3
import warnings
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pyproj import CRS
from pyproj.datadir import get_data_dir
from pyproj.exceptions import CRSError

from services.core.areas import register
from services.core.errors import InvalidField, UnusableCoordinateSystem
from services.core.vietnamese import fold

TM3 = (5896, 5897, 5898, 5899, *range(9205, 9219))
"""Codes of the 3° zones (k0 = 0.9999), the plane of the cadastral map."""

UTM = (3405, 3406)
"""Codes of the 6° zones 48N and 49N (k0 = 0.9996), the plane of topographic maps."""

USE_INSTEAD = {6956: 5896, 6957: 5897, 6958: 5898, 6959: 5899}
"""Deprecated codes, whose false easting and northing are swapped, and the right one."""

HANOI_1972 = (4147, 2044, 2045, 2093)
"""Codes of the datum before VN-2000."""

GEOGRAPHIC = 4756
"""VN-2000 in degrees."""

_CODE = re.compile(r"(?:EPSG:+|coordinateSystems/|urn:ogc:def:crs:EPSG:[\d.]*:)?(\d{4,6})", re.IGNORECASE)
_MERIDIAN = re.compile(r"(?:TM-?3\s*)?(10[2-9])(?:(?:\s*[-°:\s]\s*(\d{1,2})['′]?)|[.,](\d+))?°?", re.IGNORECASE)
_WORDS = re.compile(r"\b(?:provinces?|municipality|city|cities)\b")


@dataclass(frozen=True, slots=True)
class System:
    """A projected coordinate system of VN-2000."""

    epsg: int
    """EPSG code. Example: 5899."""
    title: str
    """Name in the EPSG dataset. Example: "VN-2000 / TM-3 107-45"."""
    central_meridian: float
    """Degrees east of Greenwich."""
    scale_factor: float
    """On the central meridian: 0.9999 in 3° zones, 0.9996 in 6° zones."""
    false_easting: float
    """Metres."""
    false_northing: float
    """Metres."""
    provinces: tuple[str, ...]
    """Names of the provinces of the edition of 2004 whose cadastre uses it. Example: "areas/2004-49"."""
    deprecated: bool
    """True for 6956–6959, which are refused."""

    @property
    def six_degrees(self) -> bool:
        """Whether it is a 6° zone (UTM) and not a 3° zone."""
        return self.epsg in UTM


@lru_cache(maxsize=1)
def systems() -> tuple[System, ...]:
    """All systems by central meridian, the deprecated ones too."""
    extents = _cadastral_extents()
    found = [_system(code, extents.get(code, ())) for code in (*TM3, *UTM, *USE_INSTEAD)]
    return tuple(sorted(found, key=lambda one: (one.central_meridian, one.deprecated, one.epsg)))


def system(epsg: int) -> System | None:
    """The system with a code, or None where it is none of VN-2000."""
    return _by_code().get(epsg)


def local_systems(area: str) -> tuple[int, ...]:
    """Codes that the cadastre of a place uses, by the provinces before 2025-07-01 in which it lies.

    Args:
        area: name of a unit of either edition. Merged provinces, and rarely communes, have several codes.
    """
    areas = register()
    unit = areas.get(area)
    if unit is None:
        return ()
    olds = [unit.name] if unit.edition == 2004 else list(unit.predecessors)
    provinces = {province.name for old in olds if (province := areas.province_of(old))}
    return tuple(one.epsg for one in systems() if not one.deprecated and provinces & set(one.provinces))


def title(epsg: int) -> str:
    """How a code is shown to people. Example: "EPSG:5899 (VN-2000 / TM-3 107-45)"."""
    known = system(epsg)
    name = known.title if known else _crs(epsg).name
    return f"EPSG:{epsg} ({name})"


def parse(text: str) -> int:
    """The EPSG code of "5899", "EPSG:5899", "coordinateSystems/5899", "107-45", "107°45'" or "107.75".

    A central meridian means the 3° zone.

    Raises:
        InvalidField: no such code or meridian.
        UnusableCoordinateSystem: one of the deprecated codes 6956–6959.
    """
    text = text.strip()
    if code := _CODE.fullmatch(text):
        epsg = int(code[1])
        if epsg in USE_INSTEAD:
            right = title(USE_INSTEAD[epsg])
            raise UnusableCoordinateSystem(
                f"EPSG:{epsg} đã bị huỷ bỏ (đảo trị cộng thêm của hai trục); hãy dùng {right}.",
                f"EPSG:{epsg} is deprecated (its false easting and northing are swapped); use {right}.",
                {"crs": f"EPSG:{epsg}", "suggested_crs": f"EPSG:{USE_INSTEAD[epsg]}"},
            )
        try:
            CRS.from_epsg(epsg)
        except CRSError as error:
            raise InvalidField(
                "coordinate_system", f"không có mã EPSG:{epsg}", f"there is no code EPSG:{epsg}"
            ) from error
        return epsg
    if meridian := _MERIDIAN.fullmatch(text):
        degrees = int(meridian[1]) + int(meridian[2] or 0) / 60 + float(f"0.{meridian[3] or 0}")
        for code_of_zone in TM3:
            zone = _by_code()[code_of_zone]
            if abs(zone.central_meridian - degrees) < 1e-6:
                return zone.epsg
    known = ", ".join(_by_code()[code].title.rsplit(" ", 1)[1] for code in TM3 if code > 5898)
    raise InvalidField(
        "coordinate_system",
        f"“{text}” không phải mã EPSG hay kinh tuyến trục; ví dụ đúng: auto, 5899, EPSG:5899, {known}",
        f"'{text}' is no EPSG code and no central meridian; correct ones are auto, 5899, EPSG:5899, {known}",
    )


def identify(definition: str) -> int:
    """The EPSG code of what a file says: a code, WKT of any dialect, a PROJ string; 0 where none is found.

    Transverse Mercator with the numbers of a zone of VN-2000 is that zone, whatever its name; numbers with swapped
    offsets are the deprecated code.
    """
    try:
        crs = CRS.from_user_input(definition)
    except (CRSError, ValueError):
        return 0
    while crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    if crs.is_compound and crs.sub_crs_list:
        crs = crs.sub_crs_list[0]
    return _by_numbers(crs) or _code_of(crs.to_2d())


def _code_of(crs: CRS) -> int:
    """The code of a system by PROJ's search; a doubtful match counts where both mean the same system."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sure = crs.to_epsg()
        if sure is not None:
            return int(sure)
        near = crs.to_epsg(min_confidence=25)
        return int(near) if near is not None and near not in USE_INSTEAD and _same_numbers(crs, _crs(near)) else 0


def _same_numbers(one: CRS, other: CRS) -> bool:
    first, second = one.to_dict(), other.to_dict()
    keys = (first.keys() | second.keys()) - {"datum", "ellps", "no_defs", "type", "units", "towgs84"}
    return all(first.get(key, 0) == second.get(key, 0) for key in keys)


def _by_numbers(crs: CRS) -> int:
    operation = crs.coordinate_operation
    if operation is None or operation.method_code != "9807" or crs.ellipsoid is None:
        return 0
    if abs(crs.ellipsoid.semi_major_metre - 6378137) > 0.01 or abs(crs.ellipsoid.inverse_flattening - 298.257) > 0.001:
        return 0
    values = {parameter.code: parameter.value for parameter in operation.params}
    wanted = [values.get(code) for code in ("8801", "8802", "8805", "8806", "8807")]
    for one in systems():
        numbers = [0, one.central_meridian, one.scale_factor, one.false_easting, one.false_northing]
        if not one.six_degrees and None not in wanted:
            pairs = zip(wanted, numbers, strict=True)
            if all(abs(float(mine or 0) - theirs) < 1e-6 for mine, theirs in pairs):
                return one.epsg
    return 0


@lru_cache(maxsize=64)
def _crs(epsg: int) -> CRS:
    return CRS.from_epsg(epsg)


@lru_cache(maxsize=1)
def _by_code() -> dict[int, System]:
    return {one.epsg: one for one in systems()}


def _system(epsg: int, provinces: tuple[str, ...]) -> System:
    crs = CRS.from_epsg(epsg)
    assert crs.coordinate_operation is not None
    values = {parameter.code: float(parameter.value) for parameter in crs.coordinate_operation.params}
    return System(
        epsg=epsg,
        title=crs.name,
        central_meridian=values["8802"],
        scale_factor=values["8805"],
        false_easting=values["8806"],
        false_northing=values["8807"],
        provinces=provinces,
        deprecated=epsg in USE_INSTEAD,
    )


def _cadastral_extents() -> dict[int, tuple[str, ...]]:
    """Province names by code. Names in the dataset without a province today (Hà Tây) are left out."""
    query = """
        SELECT usage.object_code, extent.description FROM usage
        JOIN scope ON scope.auth_name = usage.scope_auth_name AND scope.code = usage.scope_code
        JOIN extent ON extent.auth_name = usage.extent_auth_name AND extent.code = usage.extent_code
        WHERE usage.object_table_name = 'projected_crs' AND usage.object_auth_name = 'EPSG'
          AND scope.scope LIKE 'Cadastre%' AND extent.description LIKE 'Vietnam - %'
    """
    folders = [Path(folder) for folder in get_data_dir().split(os.pathsep)]
    database = next(folder / "proj.db" for folder in folders if (folder / "proj.db").is_file())
    with closing(sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)) as connection:
        rows = connection.execute(query).fetchall()
    provinces = {
        _letters(short): unit.name
        for unit in register().units(2004, level=1)
        for short in (unit.short_name, *(alias.partition(" ")[2] for alias in unit.aliases))
    }
    found = {}
    for code, description in rows:
        names = re.split(r"[,;]|\band\b", _WORDS.sub("", description.removeprefix("Vietnam - ")))
        found[int(code)] = tuple(sorted(provinces[key] for name in names if (key := _letters(name)) in provinces))
    return found


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", fold(text))
