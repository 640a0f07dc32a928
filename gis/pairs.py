"""Pairs of shapes whose boxes meet, in pieces that fit into memory however many there are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.model import Geometries

PAIRS_AT_ONCE = 200_000
"""Pairs of one piece, about."""

SHAPES_AT_ONCE = 1024
"""Most shapes of one piece: a piece that suddenly is dense stays below some ten million pairs."""


def box_pairs(shapes: Geometries, tree: shapely.STRtree) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pieces of pairs: number in `shapes` and number in the tree, in the order of `shapes`."""
    at, size = 0, 64
    while at < len(shapes):
        number, other = tree.query(shapes[at : at + size])
        yield at + number, other
        at += size
        size = min(2 * size, SHAPES_AT_ONCE, max(1, size * PAIRS_AT_ONCE // max(len(number), 1)))
