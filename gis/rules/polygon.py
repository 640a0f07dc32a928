"""Rules about the geometry of one parcel as a whole."""

from __future__ import annotations

from collections.abc import Iterator

import shapely

from gis.limits import tolerance
from gis.model import Context, Finding, ParcelTable, Scope, Severity
from gis.rules.registry import rule
from gis.shapes import shapes


@rule(
    code="G05",
    severity=Severity.ERROR,
    scope=Scope.PARCEL,
    unit="1",
    tolerance="rules.max_vertices rules.max_coordinate_m",
    basis="OGC Simple Features, 6.1.11",
    since="0.1",
)
def coordinates_unusable(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """A parcel must be a polygon with real coordinates.

    A record without geometry, with another kind of geometry, or with coordinates that are no numbers cannot be checked
    at all. Usual causes: a failed export, an attribute row without its shape, a vertex (0, 0) that stands for "unknown".
    Heights are dropped, which is said once. Repair: export the sheet again, or draw the parcel.
    """
    if ctx.z_dropped:
        yield coordinates_unusable.finding(-1, severity=Severity.INFO, case="height")
    for record, fault in shapes(parcels, ctx).faults.items():
        shape = parcels.geometry[record]
        if fault == "kind":
            yield coordinates_unusable.finding(record, case=fault, geometry_type=shape.geom_type)
        elif fault == "too_many":
            yield coordinates_unusable.finding(
                record,
                location=shapely.get_point(shapely.get_exterior_ring(shapely.get_parts(shape)[0]), 0),
                case=fault,
                measured=shapely.get_num_coordinates(shape),
                threshold=tolerance(ctx, "rules.max_vertices"),
            )
        elif fault not in {"open", "short"}:
            yield coordinates_unusable.finding(record, case=fault)
