"""The rules and the coordinate systems as messages."""

from __future__ import annotations

from functools import lru_cache

from ngoclinh.land.v1.parcel_pb2 import CoordinateSystem, Rule
from ngoclinh.type.v1.type_pb2 import LocalizedText

from gis import crs
from gis.rules import RULES
from services.core.areas import register


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """The rules in the order of their codes."""
    return tuple(
        Rule(
            name=f"rules/{rule.id}",
            code=rule.code,
            title=LocalizedText(vi=rule.title[0], en=rule.title[1]),
            severity=int(rule.severity),  # type: ignore[arg-type]
            scope=int(rule.scope),  # type: ignore[arg-type]
            unit_code=rule.unit,
            tolerance=rule.limit,
            basis=rule.basis,
            description=f"{rule.summary}\n\n{rule.description}".strip(),
            since=rule.since,
        )
        for rule in RULES.values()
    )


@lru_cache(maxsize=1)
def coordinate_systems() -> tuple[CoordinateSystem, ...]:
    """The projected coordinate systems of VN-2000, the deprecated ones too."""
    return tuple(
        CoordinateSystem(
            name=f"coordinateSystems/{system.epsg}",
            epsg=system.epsg,
            title=system.title,
            central_meridian_deg=system.central_meridian,
            scale_factor=system.scale_factor,
            provinces=[f"{unit.code} {unit.short_name}" for unit in map(register().get, system.provinces) if unit],
            deprecated=system.deprecated,
        )
        for system in crs.systems()
    )
