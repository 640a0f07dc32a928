"""From buckets to decisions: the sum of the weights of a text's buckets, divided by its length.

The weights are whole numbers and summed as such; everything after works on one row at a time. So the other texts of a
batch cannot change a decision, not even its last digit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.sentiment.features import Bags, Ints, extract
from services.sentiment.segments import Reading
from services.sentiment.weights import Floats, Weights

KIND_WEIGHTS = (1.5, 1.0, 0.5)
"""How much words, characters and concepts count."""
LONGEST_LEARNED = 420
"""Characters of the longest text of citizen-voice."""


def shares(weights: Weights, readings: Sequence[Reading]) -> Floats:
    """What each segment adds to the decisions about its text, (segments of all readings, columns)."""
    segments = [segment for reading in readings for segment in reading.segments]
    bags = extract([segment.text for segment in segments])
    times = np.array([segment.weight for segment in segments], dtype=np.int64)
    owners = np.repeat(np.arange(len(readings)), [len(reading.segments) for reading in readings])
    chars = _per_text([len(segment.text) for segment in segments], owners, len(readings))
    found = np.zeros((len(segments), len(weights.scales)))
    for kind, kind_weight in zip(bags, KIND_WEIGHTS, strict=True):
        counts = _per_text(times * times * kind.counts, owners, len(readings))
        divisors = text_length(np.maximum(counts, 1)) * damping(chars)
        found += _sums(weights.table, kind) * (kind_weight * times / divisors[owners])[:, None]
    return found * weights.scales


def text_length(bucket_counts: Ints) -> Floats:
    """Divisors for texts with so many buckets: the power of 0.625, between none (0) and the mean (1).

    Built from square roots alone, which every machine rounds alike.
    """
    roots = np.sqrt(bucket_counts.astype(np.float64))
    return np.asarray(roots * np.sqrt(np.sqrt(roots)))


def damping(chars: Ints) -> Floats:
    """Divisors for texts of so many characters, beside their lengths.

    1 for texts as short as those that the weights learned from; above, the fourth root of how much longer one is.
    Without it long news would add up to complaints.
    """
    return np.asarray(np.sqrt(np.sqrt(np.maximum(chars, LONGEST_LEARNED) / LONGEST_LEARNED)))


def _per_text(values: Sequence[int] | Ints, owners: Ints, text_count: int) -> Ints:
    sums = np.zeros(text_count, dtype=np.int64)
    np.add.at(sums, owners, values)
    return sums


def _sums(table: NDArray[np.int8], bags: Bags) -> Floats:
    """Sum of the table over the buckets of each sentence, (sentences, columns): exact."""
    sums = np.zeros((len(bags.starts) - 1, table.shape[1]))
    filled = np.flatnonzero(bags.counts)
    if len(filled):
        rows = table.take(bags.buckets, axis=0)
        sums[filled] = np.add.reduceat(rows, bags.starts[filled], axis=0, dtype=np.int32)
    return sums
