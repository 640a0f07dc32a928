"""A layer of a file as its format gives it, before columns get a meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gis.model import Note


@dataclass(frozen=True)
class LayerInfo:
    """What a file says about one of its layers.

    Attributes:
        name: name in the file.
        columns: names of its columns.
        geometry_type: as the format writes it, such as ``MULTIPOLYGON`` or ``Polygon Z``; "" or "Unknown" for any.
    """

    name: str
    columns: tuple[str, ...]
    geometry_type: str


@dataclass(frozen=True)
class Layer:
    """The n records of a layer.

    Attributes:
        name: name in the file.
        wkb: well-known binary of each record, x = east; None where a record has no geometry.
        fields: columns by name, n values each, of the types of the format.
        crs: ``EPSG:code``, WKT, or a name that means nothing, as the file says; "" where it says nothing.
        crs_assumed: whether `crs` is only the default of the format.
        notes: what was seen while it was read.
    """

    name: str
    wkb: Sequence[bytes | None]
    fields: Mapping[str, Sequence[Any]]
    crs: str
    crs_assumed: bool = False
    notes: tuple[Note, ...] = ()
