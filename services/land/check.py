"""Read, place and check one sheet: everything that happens to hostile data. Runs only in the reader child."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from google.protobuf.message import Message
from ngoclinh.land.v1.land_service_pb2 import ValidateParcelsRequest
from ngoclinh.land.v1.parcel_pb2 import Import, ImportState

from gis import crs, engine, readers
from gis.model import Context, Note, Severity
from services.land import convert, inline, naming, options
from services.land.options import Known


@dataclass(frozen=True)
class Limits:
    """What a sheet may cost.

    Attributes:
        max_parcels: most records.
        max_vertices: most vertices of a parcel; a larger one is a finding.
        max_bytes: most bytes of an unpacked archive.
    """

    max_parcels: int
    max_vertices: int
    max_bytes: int


def check_file(
    path: Path, folder: Path, import_: Import, limits: Limits, *, keep_owners: bool = False
) -> Iterator[Message]:
    """Read and check a file.

    Args:
        path: the file.
        folder: an empty private folder.
        import_: name, name of the file, options; its name is "" where only findings are asked for.
        limits: what it may cost.
        keep_owners: whether what the file says of owners is kept, where the import has a name.

    Yields:
        an `Import` for each step, then `Parcel`s where the import has a name, each with its `ParcelOwners` before it
        where they are kept, `Finding`s, and the `Import` at its end.
    """
    known = options.read(import_.options)
    yield _step(import_, "reading")
    sheet = readers.read(
        path,
        folder,
        readers.Limits(limits.max_parcels, limits.max_bytes),
        keep_owners=keep_owners and bool(import_.name),
    )
    yield from _check(sheet, known, import_, limits)


def check_request(request: ValidateParcelsRequest, limits: Limits) -> Iterator[Message]:
    """Check the parcels of a request: `Finding`s, then an `Import` that says how it ended."""
    known = options.read(request.options)
    for message in _check(inline.sheet_of(request), known, Import(options=request.options), limits):
        if not isinstance(message, Import) or message.state != ImportState.IMPORT_STATE_RUNNING:
            yield message


def _check(sheet: readers.Sheet, known: Known, import_: Import, limits: Limits) -> Iterator[Message]:
    done = Import()
    done.CopyFrom(import_)
    done.parcel_count = len(sheet)
    done.owner_columns.extend(convert.owner_columns(sheet))
    done.owners_kept = bool(sheet.owners)
    yield _step(done, "crs")
    table = convert.table_of(sheet, known)
    codes = {code or known.commune for code in table.commune.tolist()}
    resolved = crs.resolve(
        shapely.get_coordinates(sheet.geometry),
        file_crs=sheet.crs,
        user_crs=known.coordinate_system,
        commune=sorted({name for code in codes for name in known.possible(code)}),
        assumed=sheet.crs_assumed,
    )
    done.coordinate_system, done.coordinate_system_origin = f"EPSG:{resolved.epsg}", resolved.origin
    yield _step(done, "validation")
    if not resolved.stops:
        table = replace(table, geometry=crs.to_plane(sheet.geometry, resolved))
    found = engine.validate(table, _context(sheet, known, resolved, limits))
    names = naming.names_of(sheet, table, known, import_.file_name)
    findings = list(convert.findings_of(found, table, names, resolved, import_.name))
    if import_.name and not resolved.stops:
        counts = (convert.count_by_record(found, severity) for severity in (Severity.ERROR, Severity.WARNING))
        yield from convert.parcels_of(sheet, table, names, resolved, import_.name, *counts)
    yield from findings
    for finding in findings:
        count = _COUNTS[finding.severity]
        setattr(done, count, getattr(done, count) + 1)
    done.state = ImportState.IMPORT_STATE_COMMITTED
    if resolved.stops:
        done.state = ImportState.IMPORT_STATE_REJECTED
        done.problem.CopyFrom(findings[0].message)
    done.step = ""
    yield done


_COUNTS = {1: "info_count", 2: "warning_count", 3: "error_count"}


def _context(sheet: readers.Sheet, known: Known, resolved: crs.Resolved, limits: Limits) -> Context:
    return Context(
        epsg=resolved.plane,
        crs=resolved,
        as_of=known.as_of,
        commune=known.commune,
        scale=known.scale,
        foreign=resolved.foreign,
        tolerances={"rules.max_vertices": float(limits.max_vertices)},
        z_dropped=sheet.z_dropped,
        notes=tuple(_placed(note, resolved) for note in sheet.notes),
    )


def _placed(note: Note, resolved: crs.Resolved) -> Note:
    """A note with its place in the plane."""
    if note.location is None or resolved.stops:
        return note
    places = np.empty(1, dtype=object)
    places[0] = note.location
    return replace(note, location=crs.to_plane(places, resolved)[0])


def _step(import_: Import, step: str) -> Import:
    running = Import()
    running.CopyFrom(import_)
    running.state, running.step = ImportState.IMPORT_STATE_RUNNING, step
    return running
