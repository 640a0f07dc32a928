"""A small invented cadastral sheet over the five communes of Nam Trà My, with labelled faults, for the demo.

No parcel, number or area in it is real: Voronoi cells near the communes' points, with attributes by chance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.crs import from_wgs84
from gis.model import Context, ParcelTable
from gis.synthetic.fabric import SPACING_M, fabric
from gis.synthetic.faults import Fault, inject
from services.core.areas import register

EPSG = 5899
"""VN-2000 / TM-3 107-45, the zone of Quảng Nam."""

SCALE = 1000
AS_OF = date(2025, 6, 30)
"""The last day of the communes of the edition of 2004, whose sheet series these are."""

COMMUNES = ("20944", "20941", "20950", "20938", "20959")
"""Codes of the edition of 2004: Trà Mai, Trà Tập, Trà Linh, Trà Dơn, Trà Vân. The same codes are communes of today."""

SIDE = 9
"""Parcels along one side of a commune's block."""

PARCELS_A_SHEET = 30
LAND_USES = ("RSX", "RPH", "NKH", "CLN", "HNK", "LUC", "ONT+CLN", "ONT")
LAND_USE_SHARES = (0.3, 0.12, 0.08, 0.18, 0.12, 0.08, 0.08, 0.04)

SHAPE_FAULTS = ("overlap", "gap")
"""Every commune has these, and one of `FURTHER_FAULTS`."""

FURTHER_FAULTS = ("bow_tie", "spike", "duplicate", "sliver_overlap", "sliver_gap")


@dataclass(frozen=True, eq=False)
class DemoSheet:
    """An invented sheet.

    Attributes:
        parcels: its records; the commune is a name of the edition of 2004.
        context: what a validation is told about it.
        faults: what was put in, by rule.
    """

    parcels: ParcelTable
    context: Context
    faults: tuple[Fault, ...]

    def geojson(self) -> dict[str, Any]:
        """The sheet as a GeoJSON FeatureCollection in its own plane, with the column names that offices use."""
        return {
            "type": "FeatureCollection",
            "name": "nam_tra_my_synthetic",
            "crs": {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{EPSG}"}},
            "features": [self._feature(record) for record in range(len(self.parcels))],
        }

    def _feature(self, record: int) -> dict[str, Any]:
        parcels = self.parcels
        return {
            "type": "Feature",
            "properties": {
                "ma_xa": parcels.commune[record].rpartition("-")[2],
                "so_to": parcels.sheet[record],
                "so_thua": parcels.number[record],
                "loai_dat": parcels.land_use_code[record],
                "dt_phap_ly": float(parcels.declared_area_m2[record]),
                "ty_le": int(parcels.scale[record]),
                "ghi_chu": "dữ liệu giả lập",
            },
            "geometry": shapely.geometry.mapping(parcels.geometry[record]),
        }


def nam_tra_my_sheet(seed: int = 1) -> DemoSheet:
    """About 400 invented parcels, the same for the same seed."""
    rng = np.random.default_rng(seed)
    shapes: list[shapely.Geometry] = []
    communes: list[str] = []
    sheets: list[str] = []
    numbers: list[str] = []
    areas: list[float] = []
    faults: list[Fault] = []
    for place, code in enumerate(COMMUNES):
        block = fabric(SIDE * SIDE, seed * 100 + place, origin=_corner(code)).geometry
        kinds = (*SHAPE_FAULTS, FURTHER_FAULTS[place])
        changed, found = inject(block, kinds, seed * 100 + place)
        faults += [_moved(fault, len(shapes)) for fault in found]
        drawn = np.append(block, changed[len(block) :])
        areas += np.where(shapely.is_valid(changed), shapely.area(changed), shapely.area(drawn)).tolist()
        shapes += list(changed)
        communes += [f"areas/2004-{code}"] * len(changed)
        sheets += [str(1 + at // PARCELS_A_SHEET) for at in range(len(changed))]
        numbers += [str(1 + at % PARCELS_A_SHEET) for at in range(len(changed))]
    geometry = np.empty(len(shapes), dtype=object)
    geometry[:] = shapes
    land_use = rng.choice(LAND_USES, size=len(shapes), p=LAND_USE_SHARES).astype(object)
    declared = np.round(np.array(areas), 1)
    touched = {one for fault in faults for one in (fault.record, fault.other)}
    whole = [record for record in rng.permutation(len(shapes)).tolist() if record not in touched]
    faults += _wrong_attributes(whole, declared, numbers, land_use)
    parcels = ParcelTable.from_geometry(
        geometry,
        commune=communes,
        sheet=sheets,
        number=numbers,
        land_use_code=land_use,
        declared_area_m2=declared,
        scale=[SCALE] * len(shapes),
    )
    return DemoSheet(parcels, Context(epsg=EPSG, as_of=AS_OF), tuple(faults))


def _corner(code: str) -> tuple[float, float]:
    """Lower left corner of a commune's block, on the metre."""
    unit = register().get(f"areas/2025-{code}")
    assert unit is not None
    point = from_wgs84(np.array([shapely.Point(unit.lon, unit.lat)], dtype=object), EPSG)[0]
    return round(point.x - SIDE * SPACING_M / 2), round(point.y - SIDE * SPACING_M / 2)


def _moved(fault: Fault, by: int) -> Fault:
    return replace(fault, record=fault.record + by, other=fault.other + by if fault.other >= 0 else -1)


def _wrong_attributes(
    records: list[int], declared: NDArray[np.float64], numbers: list[str], land_use: NDArray[np.object_]
) -> list[Fault]:
    """Puts faults into the attributes of records that have none, in place."""
    area, repeated, malformed, expired = records[:4]
    declared[area] = round(declared[area] * 1.08, 1)
    twin = repeated + 1 if numbers[repeated] != str(PARCELS_A_SHEET) else repeated - 1
    numbers[repeated] = numbers[twin]
    numbers[malformed] += "a"
    land_use[expired] = "BHK"
    return [
        _attribute_fault("area_differs", area),
        _attribute_fault("parcel_key_repeated", repeated, twin),
        _attribute_fault("number_malformed", malformed),
        _attribute_fault("land_use_code_unknown", expired),
    ]


def _attribute_fault(rule: str, record: int, other: int = -1) -> Fault:
    return Fault("attribute", rule, record, other, (np.nan, np.nan))
