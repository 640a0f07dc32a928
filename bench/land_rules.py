"""Checking a sheet against comparing all pairs: parcels per CPU second.

Ours are all rules that need no attribute table: geometry, spikes, overlaps, copies and gaps. The peer does less: shapely's
`is_valid`, and the common area of every pair of parcels whose boxes meet, found with its STRtree. Both must name the same
pairs with more common area than the limit. Once on fabrics without T-junctions, once with 3 % of the vertices on one side
of a boundary only; about 1 % of the parcels has a fault.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import shapely

from bench.harness import Peer, compare, quick
from gis.coverage import coverage
from gis.engine import validate
from gis.ground import ground
from gis.model import Context, Geometries, ParcelTable
from gis.shapes import invalid
from gis.synthetic import FAULT_KINDS, fabric, inject

LIMIT_M2 = 0.01
PEER = Peer("shapely STRtree, all pairs", f"{shapely.__version__} (GEOS {shapely.geos_version_string})")
CASES = (("land_rules_clean", 0.0, 8.0), ("land_rules_t_junctions", 0.03, 5.0))

Pairs = set[tuple[int, int]]


def ours(shapes: Geometries) -> tuple[Pairs, int]:
    """Pairs with common area by the rules, and how many records are invalid."""
    table, ctx = ParcelTable.from_geometry(shapes), Context(epsg=5899)
    validate(table, ctx)
    found = coverage(table, ctx)
    copies = {(one, other) for group in found.duplicates for one in group for other in group if one < other}
    return {(one.first, one.second) for one in found.overlaps} | copies, len(invalid(table, ctx))


def all_pairs(shapes: Geometries) -> tuple[Pairs, int]:
    """Pairs with common area by comparing every pair whose boxes meet; invalid shapes are repaired before."""
    valid = shapely.is_valid(shapes)
    shapes = shapes.copy()
    shapes[~valid] = shapely.make_valid(shapes[~valid], method="structure", keep_collapsed=False)
    first, second = shapely.STRtree(shapes).query(shapes)
    first, second = first[first < second], second[first < second]
    big = shapely.area(shapely.intersection(shapes[first], shapes[second])) > LIMIT_M2
    return set(zip(first[big].tolist(), second[big].tolist(), strict=True)), int((~valid).sum())


def main() -> int:
    """Measures both kinds of fabric."""
    small = quick(__doc__ or "")
    count, rounds = (20_000, 3) if small else (200_000, 5)
    for name, share, goal in CASES:
        clean = fabric(count, seed=1, t_junction_share=share).geometry
        kinds = [kind for _ in range(count // 700) for kind in FAULT_KINDS]
        shapes, _ = inject(clean, kinds, seed=1)
        ours(shapes[:500])
        table, ctx = ParcelTable.from_geometry(shapes), Context(epsg=5899)
        findings = sum(one.record >= 0 for one in validate(table, ctx))
        loose = len(np.unique(ground(table, ctx).edges.loose.record))
        extra: dict[str, Any] = {
            "parcels": len(shapes),
            "vertices": int(shapely.get_num_coordinates(shapes).sum()),
            "with_loose_edges_per_1000": round(1000 * loose / len(shapes), 1),
            "findings_per_1000": round(1000 * findings / len(shapes), 1),
        }
        compare(
            name,
            ours=lambda shapes=shapes: ours(shapes),  # type: ignore[misc]
            peer=lambda shapes=shapes: all_pairs(shapes),  # type: ignore[misc]
            peer_named=PEER,
            count=len(shapes),
            unit="parcels/cpu_s",
            goal=goal,
            rounds=rounds,
            same=lambda mine, theirs: mine == theirs,
            extra=extra,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
