"""Rules about neighbours: every piece of ground belongs to exactly one parcel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gis.coverage import coverage
from gis.gaps import gaps
from gis.ground import ground
from gis.limits import position_error_m, scales, tolerance
from gis.model import Context, Finding, ParcelTable, Scope, Severity
from gis.rules.attribute import MOST_RELATED
from gis.rules.registry import rule


@rule(
    code="T01",
    severity=Severity.ERROR,
    scope=Scope.NEIGHBOURS,
    unit="m2",
    tolerance="rules.overlap_m2 rules.position_m",
    basis="no ground belongs to two parcels; wider than the position error of the map scale (Thông tư 25/2014/TT-BTNMT, "
    "điều 7, not checked against the gazette; at least 5 cm, the project's own limit) it is an error, else a warning",
    since="0.1",
)
def parcels_overlap(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """Two current parcels must not share area.

    Ground in two parcels has two owners on paper. Usual causes: two surveys of one boundary, a corner moved on one side
    only, a parcel drawn over another without cutting it out. Repair: take the boundary that was measured or agreed, and
    give it to both parcels. An overlap thinner than the position error of the map is a WARNING: it may be no more than
    rounding.
    """
    found = coverage(parcels, ctx)
    allowed = position_error_m(ctx, scales(parcels, ctx))
    limit = tolerance(ctx, "rules.overlap_m2")
    for one in found.overlaps:
        wide = one.width_m > max(allowed[one.first], allowed[one.second])
        yield parcels_overlap.finding(
            one.first,
            severity=Severity.ERROR if wide else Severity.WARNING,
            related=[one.second],
            location=one.face,
            measured=one.area_m2,
            threshold=limit,
            width_m=f"{one.width_m:.4f}",
        )
    uncompared = ground(parcels, ctx).uncompared
    if uncompared:
        yield parcels_overlap.not_checked("geometry", count=len(uncompared))
    if not found.complete:
        yield parcels_overlap.finding(-1, severity=Severity.WARNING, case="ended", count=len(found.overlaps))


@rule(
    code="T02",
    severity=Severity.WARNING,
    scope=Scope.NEIGHBOURS,
    unit="m2",
    tolerance="rules.gap_m2 rules.gap_width_m",
    basis="rule catalogue of the project; no legal limit",
    since="0.1",
)
def gap_between_parcels(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """There must be no narrow strip between parcels that belongs to none of them.

    Such ground has no owner on paper, though nobody left it over. Usual causes: two surveys of one boundary, a corner
    moved on one side only. Repair: give the strip to the right neighbour. A path or ditch narrower than 2 m is reported
    too: draw it as a parcel of its own.
    """
    limit = tolerance(ctx, "rules.gap_m2")
    found = gaps(parcels, ctx)
    if found is None:
        yield gap_between_parcels.not_checked("order", count=len(parcels))
    for gap in found or ():
        yield gap_between_parcels.finding(
            gap.records[0] if gap.records else -1,
            related=gap.records[1 : MOST_RELATED + 1],
            location=gap.face,
            measured=gap.area_m2,
            threshold=limit,
            width_m=f"{gap.width_m:.4f}",
        )


@rule(
    code="T03",
    severity=Severity.ERROR,
    scope=Scope.NEIGHBOURS,
    unit="m2",
    tolerance="rules.overlap_m2",
    basis="a parcel is recorded once",
    since="0.1",
)
def parcels_duplicate(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """A parcel must be drawn once.

    Copies count an area twice and hide which record is current. Usual cause: a file imported twice, or the parent kept
    beside its renumbered successor. Repair: delete the copy, or retire the old record. Shapes that differ by less than
    the limit of overlaps are copies too.
    """
    for group in coverage(parcels, ctx).duplicates:
        face = ground(parcels, ctx).shape[group[0]]
        yield parcels_duplicate.finding(
            group[0],
            related=group[1 : MOST_RELATED + 1],
            location=face,
            measured=np.nan if face is None else face.area,
            count=len(group),
        )
