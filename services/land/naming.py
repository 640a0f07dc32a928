"""What the records of a sheet are called. Runs in the reader child."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePath

from gis.model import ParcelTable, Strings
from gis.readers import Sheet
from services.core.names import digest_id, parcel_name, parse_area_name
from services.core.vietnamese import strip_controls
from services.land.options import Known

_LONGEST_NAME = 180
_SUFFIXES = frozenset({".zip", ".gpkg", ".shp", ".geojson", ".json", ".gml", ".xml"})


@dataclass(frozen=True)
class Names:
    """What the n records of a sheet are called.

    Attributes:
        parcels: resource names; no two are equal.
        communes: area names of the communes whose sheet series they belong to; "" where unknown.
        aliases: names before a renumbering; "" where there was none.
    """

    parcels: list[str]
    communes: list[str]
    aliases: list[str]


def names_of(sheet: Sheet, table: ParcelTable, known: Known, series: str) -> Names:
    """Resource names of the records.

    A record without sheet and parcel number is named after the file and its own identifier, or its number in the file.

    Args:
        sheet: the sheet as read.
        table: its columns.
        known: what the user said.
        series: what stands for the sheet where records have none: the name of the file.
    """
    series = _series(series)
    codes = [code or known.commune for code in table.commune.tolist()]
    communes = [known.area(code) for code in codes]
    identifiers = _unique(sheet.known.get("identifier"), len(sheet))
    parcels, taken = [], Counter[str]()
    for record, (code, area) in enumerate(zip(codes, communes, strict=True)):
        place = parse_area_name(area) if area else (None, code)
        key = (table.sheet[record], table.number[record])
        if not any(key):
            key = (series, identifiers[record])
        name = parcel_name(place[0], *map(_printable, (place[1], *key)))
        name = name if len(name) <= _LONGEST_NAME else f"parcels/{digest_id(name)}"
        taken[name] += 1
        parcels.append(f"{name}~{record}" if taken[name] > 1 else name)
    old = [sheet.known.get(key) for key in ("old_sheet", "old_number")]
    aliases = [""] * len(sheet)
    if old[0] is not None and old[1] is not None:
        for record, key in enumerate(zip(*old, strict=True)):
            if all(key) and communes[record]:
                aliases[record] = parcel_name(*parse_area_name(communes[record]), *key)
    return Names(parcels, communes, aliases)


def _series(file_name: str) -> str:
    """The name of a file without its suffixes."""
    while (path := PurePath(file_name)).suffix.lower() in _SUFFIXES:
        file_name = path.stem
    return file_name


def _printable(text: str) -> str:
    return text if text.isprintable() else strip_controls(text)


def _unique(identifiers: Strings | None, count: int) -> list[str]:
    """The file's own identifiers where they tell all records apart, else the numbers of the records."""
    if identifiers is not None and len(set(identifiers)) == count and all(identifiers):
        return [str(identifier) for identifier in identifiers]
    return [str(record) for record in range(count)]
