"""Rules about the rings of one parcel: closed, not crossing itself, without repeated vertices and spikes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import shapely

from gis.corners import corners, spikes
from gis.limits import tolerance
from gis.model import Context, Finding, ParcelTable, Scope, Severity
from gis.rules.registry import rule
from gis.shapes import invalid, shapes

_PLACE = re.compile(r"(.*?)\s*\[(\S+) (\S+).*\]")
_TOUCHES = ("Ring Self-intersection", "Interior is disconnected")
_TOO_FEW = ("Too few points",)
_NESTING = ("Hole lies outside shell", "Holes are nested", "Nested shells", "Duplicate Rings")


def place(reason: str) -> tuple[str, shapely.Point | None]:
    """A reason of GEOS taken apart. Example: "Self-intersection[3 4]" is the text and the point (3, 4)."""
    found = _PLACE.fullmatch(reason)
    return (found[1], shapely.Point(float(found[2]), float(found[3]))) if found else (reason, None)


@rule(code="G01", severity=Severity.ERROR, scope=Scope.PARCEL, basis="OGC Simple Features, 6.1.11", since="0.1")
def ring_not_closed(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """A boundary must be a closed ring of at least three corners.

    An open boundary has no inside and no area. Usual cause: a line in CAD (DGN level 10) whose last vertex was not
    snapped to the first, or a ring that collapsed to a line. Repair: close the line at its first vertex, or draw the
    missing corners.
    """
    for record, fault in shapes(parcels, ctx).faults.items():
        if fault in {"open", "short"}:
            parts = shapely.get_parts(parcels.geometry[record])
            wrong = parts[~shapely.is_closed(parts)] if fault == "open" else parts
            yield ring_not_closed.finding(record, location=shapely.get_point(wrong[0], -1), case=fault)
    for record, reason in invalid(parcels, ctx).items():
        if reason.startswith(_TOO_FEW):
            text, point = place(reason)
            yield ring_not_closed.finding(record, location=point, case="short", reason=text)


@rule(
    code="G02",
    severity=Severity.ERROR,
    scope=Scope.PARCEL,
    basis="OGC Simple Features, 6.1.11; GEOS IsValid",
    since="0.1",
)
def ring_crosses_itself(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """The boundary of a parcel must not cross itself.

    A crossing boundary (bow-tie) has a wrong area and cannot be compared with its neighbours. Usual cause: two corners
    in the wrong order. Repair: put the corners at the marked place into the order of the boundary.
    """
    others = (*_TOUCHES, *_TOO_FEW, *_NESTING)
    for record, reason in invalid(parcels, ctx).items():
        if not reason.startswith(others) and record not in spikes(parcels, ctx):
            text, point = place(reason)
            yield ring_crosses_itself.finding(record, location=point, reason=text)


@rule(
    code="G03",
    severity=Severity.ERROR,
    scope=Scope.PARCEL,
    basis="OGC Simple Features, 6.1.11; GEOS IsValid",
    since="0.1",
)
def ring_touches_itself(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """The inside of a parcel must be one piece, which its boundary does not pinch.

    A boundary that touches itself (figure 8) leaves pieces that hang together at one point. Usual cause: a hole that was
    drawn as a part of the outer ring, or two parcels under one number. Repair: draw the hole as a ring of its own, or
    split the parcel.
    """
    for record, reason in invalid(parcels, ctx).items():
        if reason.startswith(_TOUCHES) and record not in spikes(parcels, ctx):
            text, point = place(reason)
            yield ring_touches_itself.finding(record, location=point, reason=text)


@rule(
    code="G04",
    severity=Severity.ERROR,
    scope=Scope.PARCEL,
    basis="OGC Simple Features, 6.1.11; GEOS IsValid",
    since="0.1",
)
def rings_badly_nested(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """Holes must lie inside their outer ring, and no ring inside another of its kind or twice.

    Otherwise it is unclear what belongs to the parcel. Usual cause: a faulty import that put rings together in the
    wrong way. Repair: build the parcel again from its rings.
    """
    for record, reason in invalid(parcels, ctx).items():
        if reason.startswith(_NESTING):
            text, point = place(reason)
            yield rings_badly_nested.finding(record, location=point, reason=text)


@rule(
    code="G07",
    severity=Severity.WARNING,
    scope=Scope.PARCEL,
    unit="m",
    tolerance="rules.repeated_vertex_m",
    basis="millimetre grid of the cadastral plane (Thông tư 26/2024/TT-BTNMT, điều 3; not checked against the gazette)",
    since="0.1",
)
def vertex_repeated(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """A vertex must not be repeated directly after itself.

    Repeated vertices break the comparison of edges and angles in other programs. Usual cause: a corner digitised twice.
    Repair: delete one of them; nothing is lost.
    """
    limit = tolerance(ctx, "rules.repeated_vertex_m")
    for record, (count, xy) in corners(parcels, ctx).repeated.items():
        if invalid(parcels, ctx).get(record, "").startswith(_TOO_FEW):
            continue  # the ring collapsed: G01 says so
        yield vertex_repeated.finding(record, location=shapely.Point(xy), threshold=limit, count=count)


@rule(
    code="G09",
    severity=Severity.ERROR,
    scope=Scope.PARCEL,
    unit="deg",
    tolerance="rules.spike_deg rules.spike_arm_m",
    basis="rule catalogue of the project; no legal limit",
    since="0.1",
)
def boundary_spike(parcels: ParcelTable, ctx: Context) -> Iterator[Finding]:
    """The boundary must not run out into a needle and back.

    A needle is no piece of land; it cuts through neighbours. Usual cause: a stray vertex, or a wrong snap in CAD.
    Repair: delete the vertex at the tip.
    """
    for record, spike in spikes(parcels, ctx).items():
        yield boundary_spike.finding(
            record,
            location=shapely.Point(spike.tips[0]),
            measured=spike.angle_deg,
            threshold=tolerance(ctx, "rules.spike_deg"),
            count=len(spike.tips),
            length_m=f"{spike.arm_m:.3f}",
        )
