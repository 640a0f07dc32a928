"""The limits of the rules: defaults, what a caller overrides, and the tables by map scale, dated and with their source."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.model import Context, ParcelTable


@dataclass(frozen=True, slots=True)
class Limit:
    """A default limit."""

    value: float
    """In `unit`."""
    unit: str
    """UCUM unit."""
    meaning: str
    """What it limits, in English."""


def limit(key: str) -> Limit:
    """The default of a limit. Example of a key: ``rules.overlap_m2``."""
    group, _, name = key.partition(".")
    row = table("limits.toml")[group][name]
    return Limit(float(row["value"]), row["unit"], row["meaning"])


def tolerance(ctx: Context, key: str) -> float:
    """A limit: what the caller overrides, else the default."""
    return float(ctx.tolerances.get(key, limit(key).value))


def scales(parcels: ParcelTable, ctx: Context) -> NDArray[np.int64]:
    """Shape (n,), denominators of the map scale: the record's own, else the sheet's; 0 where unknown."""
    return np.where(parcels.scale > 0, parcels.scale, ctx.scale)


def position_error_m(ctx: Context, scale: ArrayLike) -> NDArray[np.float64]:
    """Largest error of a boundary point against the nearest control, by map scale (Thông tư 25/2014, điều 7).

    Where no scale is known, or one without a row, it is the project's own limit `rules.position_m`. The table is not
    checked against the gazette: it may widen that limit, never narrow it, so that no ERROR rests on it alone.

    Args:
        ctx: what is known about the sheet.
        scale: denominators, any shape; 0 where unknown.
    """
    least = tolerance(ctx, "rules.position_m")
    rows = table("accuracy.toml")["position"]["limit_m"]
    known = {int(denominator): max(float(value), least) for denominator, value in rows.items()}
    distinct, place = np.unique(np.asarray(scale), return_inverse=True)
    return np.array([known.get(int(one), least) for one in distinct], dtype=np.float64)[place]


def area_tolerance_m2(scale: int, area_m2: ArrayLike) -> NDArray[np.float64]:
    """Allowed difference of two areas of one parcel by map scale, linear between the knots (Thông tư 25/2014, phụ lục 04).

    Args:
        scale: denominator; NaN comes back where the table has no row for it.
        area_m2: areas, any shape.
    """
    area = np.asarray(area_m2, dtype=np.float64)
    row = table("accuracy.toml")["area"]["scale"].get(str(scale))
    if row is None:
        return np.full(area.shape, np.nan)
    upto = [float(row["base_upto_m2"]), *(float(step[0]) for step in row["per_10_m2"])]
    slopes = [float(step[1]) / 10 for step in row["per_10_m2"]] + [float(row["beyond_per_10_m2"]) / 10]
    values = float(row["base_m2"]) + np.concatenate([[0.0], np.cumsum(np.diff(upto) * slopes[:-1])])
    return np.asarray(np.interp(area, upto, values) + np.maximum(area - upto[-1], 0) * slopes[-1])


@lru_cache(maxsize=8)
def table(name: str) -> dict[str, Any]:
    """A data file of the package, parsed. Example: ``limits.toml``."""
    return tomllib.loads(files("gis").joinpath("data", name).read_text(encoding="utf-8"))
