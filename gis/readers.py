"""A file of parcels → columns with a meaning. Runs only in the fenced child process: files are hostile until read.

The kind is told from the content, never from the name. What GDAL has to read, it reads from a private folder under a
name of our own, with all other drivers off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely

from gis import archive, columns, corner_list, dgn, dxf, encoding, geopackage, ogr, wkb
from gis.kinds import HEAD, Kind, sniff
from gis.layer import Layer, LayerInfo
from gis.model import Geometries, Note, Strings
from services.core.errors import UnreadableFile

MOST_RELATED = 50
"""Records that a note about a value names besides the first; its detail `count` tells how many there are."""

MOST_SHOWN = 200
"""Characters of a value that a note shows."""

_NOT_AREAS = re.compile(r"(?i)^(multi)?point")


@dataclass(frozen=True)
class Limits:
    """What a file may cost.

    Attributes:
        max_parcels: most records.
        max_bytes: most bytes of an unpacked archive.
        max_vertices: most rows of a list of corner points.
    """

    max_parcels: int = 2_000_000
    max_bytes: int = 4 << 30
    max_vertices: int = 300_000


@dataclass(frozen=True)
class Sheet:
    """The n records of a file, their columns told by meaning.

    Attributes:
        kind: kind of the file; None for parcels that came in a request.
        layer: name of the layer in the file.
        crs: ``EPSG:code`` or WKT as the file says; "" where it names none.
        crs_assumed: whether `crs` is only the default of the format: GeoJSON without `crs` means EPSG:4326.
        geometry: shape (n,), two-dimensional, x = east as far as the file tells; None where a record has none.
        source_wkb: n well-known binaries, bit for bit as in the file where it has no heights; None as in `geometry`.
        known: columns by key of `gis.columns.ALIASES`, shape (n,) each, text as written; absent ones are left out.
        attributes: all other columns by their name in the file, but not those about persons.
        personal: names of the columns about persons.
        owners: these columns, shape (n,) each, text as written; empty where they were not asked for.
        z_dropped: whether heights were dropped.
        notes: what was seen while it was read, for the rules that report it.
    """

    kind: Kind | None
    layer: str
    crs: str
    geometry: Geometries
    source_wkb: Sequence[bytes | None]
    crs_assumed: bool = False
    known: Mapping[str, Strings] = field(default_factory=dict)
    attributes: Mapping[str, Strings] = field(default_factory=dict)
    personal: tuple[str, ...] = ()
    owners: Mapping[str, Strings] = field(default_factory=dict)
    z_dropped: bool = False
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.geometry)


def read(path: Path, folder: Path, limits: Limits | None = None, *, keep_owners: bool = False) -> Sheet:
    """Read the parcels of a file.

    Args:
        path: the file; of a Shapefile the parts beside it are read too.
        folder: an empty private folder for unpacked and linked files.
        limits: what it may cost.
        keep_owners: whether the columns about persons are read too, apart from the others.

    Raises:
        RefusedFile: refused on purpose, such as OGR-VRT.
        UnreadableFile: empty, cut short, damaged, of an unknown kind, without parcels.
        TooLarge: above a limit.
    """
    limits = limits or Limits()
    with path.open("rb") as stream:
        kind = sniff(stream.read(HEAD))
    if kind is Kind.ZIP:
        kind, path = archive.unpack(path, folder, limits.max_bytes)
    else:
        path = _linked(path, kind, folder)
    if kind is Kind.GEOPACKAGE:
        with geopackage.opened(path) as connection:
            name = choose(geopackage.layers(connection))
            layer = geopackage.read(connection, name, limits.max_parcels)
    elif kind in (Kind.XLSX, Kind.CSV):
        layer = corner_list.read(path, kind, limits.max_vertices)
    elif kind is Kind.DGN:
        layer = dgn.read(path)
    elif kind is Kind.DXF:
        layer = dxf.read(path, limits.max_parcels)
    else:
        ogr.verify(path, kind)
        layer = ogr.read(path, kind, choose(ogr.layers(path)), limits.max_parcels)
    if not layer.wkb:
        raise UnreadableFile(
            f"Lớp “{layer.name}” không có thửa nào.", f"Layer “{layer.name}” has no parcel.", {"layer": layer.name}
        )
    return to_sheet(kind, layer, keep_owners=keep_owners)


def choose(layers: Sequence[LayerInfo]) -> str:
    """The layer that holds the parcels: not points, and with more known columns than any other.

    Raises:
        UnreadableFile: no layer, or several that are equally good.
    """
    candidates = [layer for layer in layers if not _NOT_AREAS.match(layer.geometry_type)]
    if not candidates:
        names = ", ".join(f"{layer.name} ({layer.geometry_type})" for layer in layers[:10])
        raise UnreadableFile(
            f"Tệp không có lớp vùng nào (có: {names or 'không lớp nào'}).",
            f"The file has no layer of areas (it has: {names or 'no layer at all'}).",
        )
    scores = [len(columns.recognise(layer.columns)) for layer in candidates]
    best = [layer for layer, score in zip(candidates, scores, strict=True) if score == max(scores)]
    if len(best) > 1:
        names = ", ".join(layer.name for layer in best[:10])
        raise UnreadableFile(
            f"Tệp có nhiều lớp vùng ({names}); hãy xuất riêng lớp thửa đất.",
            f"The file has several layers of areas ({names}); export the layer of parcels alone.",
        )
    return best[0].name


def to_sheet(kind: Kind | None, layer: Layer, *, keep_owners: bool = False) -> Sheet:
    """Give the columns of a layer their meaning and its geometries their shapes."""
    geometry = wkb.shapes(layer.wkb)
    source = list(layer.wkb)
    high = shapely.has_z(geometry)
    if high.any():
        geometry = geometry.copy()
        geometry[high] = shapely.force_2d(geometry[high])
        for row, flat in zip(np.flatnonzero(high), shapely.to_wkb(geometry[high]), strict=True):
            source[row] = flat
    fields = {encoding.repair(name): values for name, values in layer.fields.items()}
    personal = tuple(filter(columns.is_personal, fields))
    known = columns.recognise(fields)
    kept, repairs = _repaired({name: values for name, values in fields.items() if name not in personal})
    owners = _repaired({name: fields[name] for name in personal if keep_owners})[0]  # what was repaired is told nowhere
    meant = set(known.values())
    return Sheet(
        kind=kind,
        layer=layer.name,
        crs=layer.crs,
        crs_assumed=layer.crs_assumed,
        geometry=geometry,
        source_wkb=source,
        known={key: kept[name] for key, name in known.items() if name in kept},
        attributes={name: values for name, values in kept.items() if name not in meant},
        personal=personal,
        owners=owners,
        z_dropped=bool(high.any()),
        notes=(*layer.notes, *map(_note, repairs)),
    )


def _repaired(fields: Mapping[str, Sequence[object]]) -> tuple[dict[str, Strings], list[encoding.Repair]]:
    """Columns as text in Unicode, and what had to be repaired for it."""
    texts = {name: _texts(values) for name, values in fields.items()}
    repairs = [one for name, values in texts.items() for one in encoding.repair_column(values.tolist(), name)]
    for one in repairs:
        texts[one.column][list(one.records)] = one.after
    return texts, repairs


def _note(one: encoding.Repair) -> Note:
    return Note(
        "text_not_unicode",
        one.records[0],
        one.records[1 : MOST_RELATED + 1],
        details={
            "column": one.column,
            "before": one.before[:MOST_SHOWN],
            "after": one.after[:MOST_SHOWN],
            "encoding": one.encoding,
            "count": str(len(one.records)),
        },
    )


def _texts(values: Sequence[object]) -> Strings:
    texts = np.empty(len(values), dtype=object)
    texts[:] = [columns.to_text(value) for value in values]
    return texts


def _linked(path: Path, kind: Kind, folder: Path) -> Path:
    """The file under a name of our own; GDAL sees no other file beside it than a Shapefile's parts.

    It makes the index of a Shapefile (.shx) anew in the private folder: of one that it is shown it may repair the user's
    own file.
    """
    target = folder / f"sheet{archive.SUFFIX[kind]}"
    target.symlink_to(path.absolute())
    if kind is Kind.SHAPEFILE:
        for other in path.parent.iterdir():
            if other.stem == path.stem and other.suffix.lower() in archive.SIDECARS and other.suffix.lower() != ".shx":
                target.with_suffix(other.suffix.lower()).symlink_to(other.absolute())
    return target
