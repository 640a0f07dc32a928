"""What several rules need of a sheet, computed once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from gis.model import Context, ParcelTable

T = TypeVar("T")


def derived(compute: Callable[[ParcelTable, Context], T]) -> Callable[[ParcelTable, Context], T]:
    """Makes a function of a sheet compute once per table and context."""

    @wraps(compute)
    def remembered(parcels: ParcelTable, ctx: Context) -> T:
        key = (compute.__qualname__, id(ctx))
        if key not in parcels.memo:
            parcels.memo[key] = (ctx, compute(parcels, ctx))
        value: T = parcels.memo[key][1]
        return value

    return remembered
