"""Coordinates written in a table: decimal comma or point, thousands apart, north or east first."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray

BETWEEN_M = 850_000.0
"""In Vietnam every northing is above and every easting below, in 3° and 6° zones alike."""

_BLANKS = re.compile(r"[\s\u00a0\u2009\u202f']+|m$")
_PLAIN = {".": re.compile(r"[+-]?\d{1,3}(?:,\d{3})*(?:\.\d+)?|[+-]?\d+(?:\.\d+)?"),
          ",": re.compile(r"[+-]?\d{1,3}(?:\.\d{3})*(?:,\d+)?|[+-]?\d+(?:,\d+)?")}  # fmt: skip
_LATITUDES, _LONGITUDES = (8.0, 24.0), (102.0, 118.0)


class Axes(Enum):
    """Which of two coordinates comes first."""

    EAST_FIRST = "east"
    NORTH_FIRST = "north"


def to_number(text: str, sign: str) -> float | None:
    """A number whose decimal sign is `sign`; None where the text is none.

    Examples: ``1.677.297,17`` with a comma, ``537,609.79`` with a point, ``537609.79`` with either where unambiguous.
    """
    plain = _BLANKS.sub("", text)
    if not _PLAIN[sign].fullmatch(plain):
        other = "." if sign == "," else ","
        if plain.count(other) != 1 or not _PLAIN[other].fullmatch(plain):
            return None
        sign = other
    plain = plain.replace("," if sign == "." else ".", "").replace(",", ".")
    number = float(plain)
    return number if math.isfinite(number) else None


def decimal_sign(texts: Sequence[str]) -> str:
    """The decimal sign under which most texts are coordinates of Vietnam; a comma where both do equally well."""

    def fitting(sign: str) -> int:
        numbers = (to_number(text, sign) for text in texts)
        return sum(number is not None and _plausible(number) for number in numbers)

    return "." if fitting(".") > fitting(",") else ","


def axes(points: NDArray[np.float64], named: Axes) -> Axes:
    """Which of the two coordinates of the points, shape (n, 2), is the first; their names only where numbers do not tell."""
    if not len(points):
        return named
    first, second = np.median(points, axis=0).tolist()
    if first > BETWEEN_M > second:
        return Axes.NORTH_FIRST
    if second > BETWEEN_M > first:
        return Axes.EAST_FIRST
    if _within(first, _LATITUDES) and _within(second, _LONGITUDES):
        return Axes.NORTH_FIRST
    if _within(second, _LATITUDES) and _within(first, _LONGITUDES):
        return Axes.EAST_FIRST
    return named


def _plausible(number: float) -> bool:
    return 160_000 <= number <= 2_600_000 or _within(number, _LATITUDES) or _within(number, _LONGITUDES)


def _within(number: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= number <= bounds[1]
