"""The file of a linear model: heads, scales and one table of small integers.

Layout: one line of JSON, then the table, row by row, one signed byte an entry. A row is a bucket of `features`, a column
a label of a head. No pickle, nothing that runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.errors import InputError
from services.sentiment.features import table_rows

FORMAT = "ngoclinh-linear-1"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """One question that the model answers."""

    name: str
    labels: tuple[str, ...]
    sharpness: float = 1.0
    """Factor from decisions to log odds; calibrated on texts that the weights did not learn from."""
    threshold: float = 0.0
    """Probability below which the answer is unsure."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Measured worth by name."""


@dataclass(frozen=True)
class Weights:
    """A linear model over buckets; its columns are the labels of all heads, one after the other."""

    version: str
    heads: tuple[Head, ...]
    table: NDArray[np.int8]
    scales: Floats
    """What one unit of the table is worth, (columns)."""
    bias: Floats
    """Decision for a text without a bucket, (columns)."""

    def to_bytes(self) -> bytes:
        """The file."""
        header = {
            "format": FORMAT,
            "version": self.version,
            "rows": len(self.table),
            "heads": [
                {
                    "name": head.name,
                    "labels": list(head.labels),
                    "sharpness": head.sharpness,
                    "threshold": head.threshold,
                    "metrics": dict(head.metrics),
                }
                for head in self.heads
            ],
            "scales": self.scales.tolist(),
            "bias": self.bias.tolist(),
        }
        return json.dumps(header, sort_keys=True).encode() + b"\n" + self.table.tobytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> Weights:
        """Read the file.

        Raises:
            InputError: it is no such file, or one for other features.
        """
        try:
            line, _, body = content.partition(b"\n")
            header: dict[str, Any] = json.loads(line)
            heads = tuple(Head(**{**head, "labels": tuple(head["labels"])}) for head in header["heads"])
            shape = (header["rows"], sum(len(head.labels) for head in heads))
            table = np.frombuffer(body, dtype=np.int8).reshape(shape)
            fits = header["format"] == FORMAT and header["rows"] == table_rows()
            scales, bias = np.array(header["scales"]), np.array(header["bias"])
        except (ValueError, KeyError, TypeError) as error:
            raise _unusable() from error
        if not fits or len(scales) != shape[1] or len(bias) != shape[1]:
            raise _unusable()
        return cls(version=header["version"], heads=heads, table=table, scales=scales, bias=bias)


def quantise(dense: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Weights as signed bytes with one scale a column; half a unit of rounding error at most."""
    scales = np.maximum(np.abs(dense).max(axis=0), 1e-12) / 127
    return np.rint(dense / scales).astype(np.int8), scales


def columns(heads: Sequence[Head]) -> list[slice]:
    """Which columns belong to each head."""
    ends = np.cumsum([len(head.labels) for head in heads]).tolist()
    return [slice(end - len(head.labels), end) for head, end in zip(heads, ends, strict=True)]


def _unusable() -> InputError:
    return InputError(
        "Tệp trọng số không dùng được hoặc không khớp với phiên bản này; hãy chạy: make model",
        "The file of weights cannot be used, or does not fit this version; run: make model",
    )
