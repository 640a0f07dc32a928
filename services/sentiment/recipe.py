"""How weights are learned: one recipe for every set of texts with labels.

Each label is one column against the rest, rare labels weigh as much as frequent ones, and features that few texts have
weigh more (inverse document frequency). Probabilities are calibrated on decisions about texts that were left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.sentiment.features import extract, table_rows
from services.sentiment.judging import softmax
from services.sentiment.scoring import KIND_WEIGHTS, text_length
from services.sentiment.segments import read
from services.sentiment.solver import Vector, train
from services.sentiment.weights import Floats, Head, Weights, columns, quantise

COST = 1.6
EPOCHS = 15
FOLDS = 5
RARITY = 0.75
"""Power of the inverse document frequency."""
SHARPNESSES = [round(1.05**step, 4) for step in range(70)]


@dataclass(frozen=True)
class Example:
    """A text with the labels that are known, by head."""

    text: str
    labels: Mapping[str, str]


def learn(examples: Sequence[Example], heads: Sequence[Head], version: str, *, calibrated: bool = True) -> Weights:
    """Weights with thresholds 0.

    Args:
        examples: what to learn from.
        heads: names and labels.
        version: of the weights.
        calibrated: find the sharpness of each head, which trains five more times; without, it is that of the heads.
    """
    vectors = vectorise([example.text for example in examples])
    rarity = _rarity(vectors)
    scaled = [Vector(vector.indices, vector.values * rarity[vector.indices]) for vector in vectors]
    signs, costs = _targets(examples, heads)
    dense, bias = train(scaled, signs, costs, table_rows(), EPOCHS)
    table, scales = quantise(dense * rarity[:, None])
    if calibrated:
        left_out = _left_out(scaled, signs, costs)
        heads = [
            replace(head, sharpness=_sharpness(left_out[:, place], signs[:, place], costs[:, place]))
            for head, place in zip(heads, columns(heads), strict=True)
        ]
    return Weights(version=version, heads=tuple(heads), table=table, scales=scales, bias=bias)


def vectorise(texts: Sequence[str]) -> list[Vector]:
    """The texts as sparse rows over the buckets, divided by their lengths as at run time."""
    readings = [read("", text, len(text)) for text in texts]
    bags = extract([segment.text for reading in readings for segment in reading.segments])
    vectors, start = [], 0
    for reading in readings:
        end = start + len(reading.segments)
        indices: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        values: list[Floats] = [np.zeros(0)]
        for kind, kind_weight in zip(bags, KIND_WEIGHTS, strict=True):
            buckets = kind.buckets[kind.starts[start] : kind.starts[end]]
            found, times = np.unique(buckets, return_counts=True)
            indices.append(found)
            values.append(times.astype(np.float64) * (kind_weight / float(text_length(np.array(max(len(buckets), 1))))))
        vectors.append(Vector(np.concatenate(indices), np.concatenate(values)))
        start = end
    return vectors


def _rarity(vectors: Sequence[Vector]) -> Floats:
    """A factor a bucket, in steps of 1/16 so that no last digit of a logarithm can matter."""
    frequency = np.zeros(table_rows())
    for vector in vectors:
        frequency[vector.indices] += 1
    steps = {
        count: round(16 * (math.log((1 + len(vectors)) / (1 + count)) + 1) ** RARITY) / 64
        for count in np.unique(frequency).tolist()
    }
    return np.array([steps[count] for count in frequency.tolist()])


def _targets(examples: Sequence[Example], heads: Sequence[Head]) -> tuple[NDArray[np.int8], Floats]:
    """Signs and costs of every text and label; both sides of a label cost the same in sum."""
    width = sum(len(head.labels) for head in heads)
    signs = np.full((len(examples), width), -1, dtype=np.int8)
    costs = np.zeros((len(examples), width))
    for head, place in zip(heads, columns(heads), strict=True):
        known = np.array([head.name in example.labels for example in examples])
        for column, label in enumerate(head.labels, place.start):
            has = np.array([example.labels.get(head.name) == label for example in examples])
            count, having = int(known.sum()), int(has.sum())
            signs[has, column] = 1
            costs[known & has, column] = COST * count / (2 * max(having, 1))
            costs[known & ~has, column] = COST * count / (2 * max(count - having, 1))
    return signs, costs


def _left_out(vectors: Sequence[Vector], signs: NDArray[np.int8], costs: Floats) -> Floats:
    """Decisions about each text by weights that did not learn from it."""
    decisions = np.zeros(signs.shape)
    for fold in range(FOLDS):
        kept = [i for i in range(len(vectors)) if i % FOLDS != fold]
        weights, bias = train([vectors[i] for i in kept], signs[kept], costs[kept], table_rows(), EPOCHS)
        for i in range(fold, len(vectors), FOLDS):
            vector = vectors[i]
            decisions[i] = np.add.reduce(weights[vector.indices] * vector.values[:, None], axis=0) + bias
    return decisions


def _sharpness(decisions: Floats, signs: NDArray[np.int8], costs: Floats) -> float:
    """The factor that makes the true labels most probable."""
    known = np.flatnonzero(costs[:, 0] > 0).tolist()
    truths = signs.argmax(axis=1).tolist()

    def surprise(sharpness: float) -> float:
        return -math.fsum(math.log(softmax(decisions[i].tolist(), sharpness)[truths[i]] + 1e-12) for i in known)

    return min(SHARPNESSES, key=surprise)
