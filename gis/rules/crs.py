"""Rules about the coordinate system of a sheet; they read what `gis.crs.resolve` found out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gis.crs import Resolved, System, system, title
from gis.model import Context, Finding, ParcelTable, Scope, Severity
from gis.rules.registry import rule

_STOPPING = {"deprecated", "contradicts"}


def _resolved(ctx: Context) -> Resolved | None:
    return ctx.crs if isinstance(ctx.crs, Resolved) else None


def _suggested(ctx: Context) -> tuple[Resolved, System, System] | None:
    """What was resolved, the zone it names, and the zone that fits; None where nothing is suggested."""
    crs = _resolved(ctx)
    if crs is None or not crs.suggestion or crs.problem in _STOPPING:
        return None
    named, fitting = system(crs.epsg), system(crs.suggestion)
    return (crs, named, fitting) if named and fitting else None


@rule(
    code="C01",
    severity=Severity.ERROR,
    scope=Scope.SHEET,
    basis="extent of Vietnam in its zones: northings 921 to 2 589 km, eastings 169 to 831 km",
    since="0.1",
)
def axes_swapped(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """The first number of a pair must be the easting.

    Vietnamese papers write X for north and Y for east, programs the other way round; a swapped sheet lies in the sea.
    Repair: swap the two columns. In Vietnam the two cannot be confused: every northing is above 850 km, every easting
    below.
    """
    crs = _resolved(ctx)
    if crs is not None and crs.swapped:
        yield axes_swapped.finding(-1, crs=title(crs.epsg))


@rule(
    code="C02",
    severity=Severity.ERROR,
    scope=Scope.SHEET,
    unit="km",
    basis="EPSG dataset, extents with the scope Cadastre; Phụ lục 01 of Thông tư 26/2024/TT-BTNMT goes before it",
    since="0.1",
)
def central_meridian_wrong(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """A sheet must lie in its commune under the central meridian that it names.

    A meridian 15' beside the right one moves the sheet by 27 km, and no rule about areas notices. Usual cause: the
    meridian of another province, above all after the provinces were merged. Repair: set the suggested system; do not
    transform the numbers. Where no system brings the sheet to its commune, the commune may be the wrong one: a WARNING.
    """
    crs = _resolved(ctx)
    if crs is None or crs.problem in _STOPPING or not crs.distance_km:
        return
    measured = round(crs.distance_km, 3)
    if not crs.suggestion:
        yield central_meridian_wrong.finding(
            -1, severity=Severity.WARNING, measured=measured, case="misplaced", crs=title(crs.epsg)
        )
    elif (zones := _suggested(ctx)) is None or zones[1].six_degrees == zones[2].six_degrees:
        yield central_meridian_wrong.finding(
            -1, measured=measured, crs=title(crs.epsg), suggested_crs=title(crs.suggestion)
        )


@rule(
    code="C03",
    severity=Severity.ERROR,
    scope=Scope.SHEET,
    unit="km",
    basis="3° zones, k0 = 0.9999, for the cadastral map (Thông tư 26/2024/TT-BTNMT, điều 3; not checked against the gazette)",
    since="0.1",
)
def zone_width_wrong(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """Numbers of a 6° zone must not be read as a 3° zone, nor the other way round.

    The mistake moves a sheet by up to 350 km and makes areas wrong by 2 per mille. Usual cause: a file exported in UTM
    48N or 49N. Repair: set the suggested system, then transform to the 3° zone of the province.
    """
    zones = _suggested(ctx)
    if zones is not None and zones[1].six_degrees != zones[2].six_degrees:
        crs = zones[0]
        yield zone_width_wrong.finding(
            -1, measured=round(crs.distance_km, 3), crs=title(crs.epsg), suggested_crs=title(crs.suggestion)
        )


@rule(
    code="C06",
    severity=Severity.ERROR,
    scope=Scope.SHEET,
    basis="EPSG dataset: 6956–6959 are deprecated, their false easting and northing are swapped",
    since="0.1",
)
def coordinate_system_unusable(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """A file must name a coordinate system that is in force and can hold its numbers.

    A deprecated or contradicting code is an ERROR and stops the check: every later finding would be noise. No code, or
    one that means nothing, is a WARNING where the user named the system or it could be detected. Repair: write the
    right code into the file (.prj, GeoPackage layer).
    """
    crs = _resolved(ctx)
    if crs is None or not crs.problem:
        return
    facts: dict[str, Any] = {"crs": title(crs.declared or crs.epsg)}
    if crs.problem in _STOPPING:
        case = crs.problem if crs.suggestion else f"{crs.problem}_only"
        if crs.suggestion:
            facts["suggested_crs"] = title(crs.suggestion)
        yield coordinate_system_unusable.finding(-1, case=case, **facts)
        return
    facts["suggested_crs"] = title(crs.epsg)
    case = f"{crs.problem}_{crs.origin}" if crs.problem == "missing" else crs.problem
    if crs.origin == "detected" and not crs.geographic and crs.local and crs.epsg not in crs.local:
        case, facts["crs"] = "other_zone", " / ".join(map(title, crs.local))
    yield coordinate_system_unusable.finding(-1, severity=Severity.WARNING, case=case, **facts)
