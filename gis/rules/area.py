"""Rules that compare areas."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from gis.limits import area_tolerance_m2, scales
from gis.model import Context, Finding, ParcelTable, Scope, Severity
from gis.rules.registry import rule
from gis.shapes import areas


@rule(
    code="A01",
    severity=Severity.WARNING,
    scope=Scope.PARCEL,
    unit="m2",
    basis="Thông tư 25/2014/TT-BTNMT, phụ lục 04, by map scale (not checked against the gazette)",
    since="0.1",
)
def area_differs(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """The area of the geometry must equal the declared area within the tolerance of the map scale.

    Usual causes: the certificate is older than the survey, a boundary was moved without a decision, two areas were
    typed into each other's record. Repair: find out which of the two is right; neither replaces the other by itself.
    """
    computed, scale = areas(parcels, ctx), scales(parcels, ctx)
    allowed = np.full(len(parcels), np.nan)
    for one in np.unique(scale[scale > 0]).tolist():
        mine = scale == one
        allowed[mine] = area_tolerance_m2(one, parcels.declared_area_m2[mine])
    undeclared, unscaled = np.isnan(parcels.declared_area_m2), np.isnan(allowed)
    unchecked = int((undeclared | unscaled).sum())
    if unchecked:
        missing = ["declared_area"] if undeclared.any() else []
        if (unscaled & ~undeclared).any() or (undeclared.all() and (scale <= 0).any()):
            missing.append("scale")
        yield area_differs.not_checked(*missing, count=unchecked)
    difference = np.abs(computed - parcels.declared_area_m2)
    for record in np.flatnonzero(difference > allowed).tolist():
        yield area_differs.finding(
            record,
            location=shapely.point_on_surface(parcels.geometry[record]),
            measured=difference[record],
            threshold=allowed[record],
            declared_area_m2=f"{parcels.declared_area_m2[record]:.3f}",
            computed_area_m2=f"{computed[record]:.3f}",
            scale=int(scale[record]),
        )
