"""A linear classifier with squared hinge loss, all labels at once, the same bits on every machine.

Dual coordinate descent for L2-regularised L2-loss support vector machines (Hsieh et al., "A dual coordinate descent
method for large-scale linear SVM", ICML 2008, algorithm 1). The order of visits comes from a hash, and only additions,
multiplications, divisions and comparisons are used, so that training again gives the same weights bit by bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.sentiment.features import mix

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Vector:
    """A sparse row: each column index once, with its value."""

    indices: NDArray[np.int64]
    values: Floats


def train(
    vectors: Sequence[Vector], signs: NDArray[np.int8], costs: Floats, width: int, epochs: int
) -> tuple[Floats, Floats]:
    """Weights (width, labels) and bias (labels) of one binary classifier a label.

    Args:
        vectors: the texts.
        signs: 1 where a text has a label, -1 where it has not, (texts, labels).
        costs: what an error on a text costs for a label, (texts, labels); 0 leaves the text out.
        width: columns of the vectors.
        epochs: passes over the texts.
    """
    weights = np.zeros((width, signs.shape[1]))
    bias = np.zeros(signs.shape[1])
    alphas = np.zeros(signs.shape)
    used = costs > 0
    damping = np.where(used, 0.5 / np.where(used, costs, 1.0), 0.0)
    squares = np.array([np.add.reduce(vector.values * vector.values) + 1.0 for vector in vectors])
    inverse = 1.0 / (squares[:, None] + damping)
    for epoch in range(epochs):
        for i in _order(len(vectors), epoch):
            indices, values = vectors[i].indices, vectors[i].values[:, None]
            decision = np.add.reduce(weights[indices] * values, axis=0) + bias
            gradient = signs[i] * decision - 1.0 + damping[i] * alphas[i]
            fresh = np.where(used[i], np.maximum(alphas[i] - gradient * inverse[i], 0.0), 0.0)
            step = (fresh - alphas[i]) * signs[i]
            alphas[i] = fresh
            weights[indices] += values * step
            bias += step
    return weights, bias


def _order(count: int, epoch: int) -> list[int]:
    """A permutation that looks random and is always the same."""
    keys = mix(np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(epoch + 1))
    return [int(i) for i in np.argsort(keys, kind="stable")]
