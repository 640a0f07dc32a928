"""Reading Shapefile, GeoJSON, GML and DXF with GDAL, of which nothing else is left switched on.

GDAL reads `OGR_SKIP` once, when its drivers are registered at the import of pyogrio; set later it has no effect. A file
of any name whose content is OGR-VRT would otherwise read other files of the machine and send requests.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.parsers import expat

from gis.kinds import Kind
from gis.layer import Layer, LayerInfo
from services.core.errors import RefusedFile, TooLarge, UnreadableFile

DRIVERS = frozenset({"ESRI Shapefile", "GeoJSON", "GML", "DXF"})
"""The GDAL drivers that stay; every other one is skipped, whatever the installed GDAL has."""

ENVIRONMENT = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "CPL_CURL_ENABLE_VSIMEM": "NO",
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "GDAL_HTTP_MAX_RETRY": "0",
    "GDAL_HTTP_CONNECTTIMEOUT": "1",
    "GDAL_HTTP_TIMEOUT": "1",
    "GML_DOWNLOAD_SCHEMA": "NO",
    "GML_SKIP_RESOLVE_ELEMS": "ALL",
    "GDAL_DRIVER_PATH": "disable",
    "OGR_GEOJSON_MAX_OBJ_SIZE": "64",
    "OSR_USE_NON_DEPRECATED": "NO",
    "SHAPE_RESTORE_SHX": "YES",
}
"""Settings of GDAL: no network, no plug-ins, no schema or link of a GML file is followed.

A deprecated code of a coordinate system comes as it stands: silently replaced, its fault could not be told.
"""

_CRS_MEMBER = re.compile(rb'"crs"\s*:\s*(\{\s*"(?:type|properties)")')
_KNOWN_TO_GDAL = re.compile(r"(?i)\bEPSG\b|CRS84|OGC")
_PLACE = re.compile(r"At line (\d+), character (\d+): (.+)")
_FOLDERS = re.compile(r"/(?:[^\s/':,]+/)+")
_SOURCE = re.compile(r"^\w+\.cpp,?\s*(?:line\s*)?\d*:?\s*")
_ENCODINGS = ("UTF-8", "ISO-8859-1")


def verify(path: Path, kind: Kind) -> None:
    """Check what GDAL would pass over: it reads a file cut short as far as it goes, without a word.

    Raises:
        UnreadableFile: cut short or damaged; the message says where.
        RefusedFile: XML with a document type.
    """
    if kind is Kind.SHAPEFILE:
        _check_shapefile(path)
    elif kind is Kind.GML:
        _check_xml(path)


def layers(path: Path) -> list[LayerInfo]:
    """The layers of a file with their columns."""
    pyogrio = load()
    with _told():
        found = []
        for name, geometry_type in pyogrio.list_layers(path):
            info = pyogrio.read_info(path, layer=name, encoding=_ENCODINGS[-1])
            found.append(LayerInfo(str(name), tuple(map(str, info["fields"])), str(geometry_type or "")))
        return found


def read(path: Path, kind: Kind, name: str, max_rows: int) -> Layer:
    """All records of a layer in the order of the file.

    Raises:
        TooLarge: more than `max_rows` records.
        UnreadableFile: cut short or damaged; the message says where.
    """
    pyogrio = load()
    with _told():
        count = pyogrio.read_info(path, layer=name, encoding=_ENCODINGS[-1], force_feature_count=True)["features"]
        if count > max_rows:
            raise TooLarge(
                f"Lớp “{name}” có {count} thửa, nhiều hơn giới hạn {max_rows}.",
                f"Layer “{name}” has {count} parcels, more than the limit of {max_rows}.",
                {"limit": str(max_rows)},
            )
        meta, wkb, values = _read_rows(pyogrio, path, kind, name)
    if wkb is None:
        raise UnreadableFile("Tệp không có hình học.", "The file holds no geometry.", {"kind": str(kind)})
    if len(wkb) < count:
        raise UnreadableFile(
            f"Chỉ đọc được {len(wkb)} trong {count} đối tượng; tệp bị hỏng hoặc bị cụt.",
            f"Only {len(wkb)} of {count} features could be read; the file is damaged or cut short.",
            {"kind": str(kind)},
        )
    crs = str(meta["crs"] or "")
    named = crs_member(path) if kind is Kind.GEOJSON else None
    if named and not _KNOWN_TO_GDAL.search(named):
        crs = named
    return Layer(name, list(wkb), dict(zip(map(str, meta["fields"]), values, strict=True)), crs, named == "")


def crs_member(path: Path) -> str:
    """Name of the system in the `crs` member of a GeoJSON file; "" where there is none or it is null.

    RFC 7946 dropped the member: without it a file is in EPSG:4326. GDAL says the same of a name that means nothing.
    """
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        member = _CRS_MEMBER.search(content)
        text = content[member.start(1) : member.start(1) + 2000] if member else b""
    try:
        value, _ = json.JSONDecoder().raw_decode(text.decode("utf-8", errors="replace"))
        return str(value["properties"]["name"])
    except (ValueError, LookupError, TypeError):
        return ""


def load() -> Any:
    """Pyogrio, imported with every driver but `DRIVERS` skipped.

    Raises:
        RuntimeError: GDAL has another driver all the same; then no file is opened.
    """
    if "pyogrio" not in sys.modules:
        os.environ.update(ENVIRONMENT)
        os.environ["OGR_SKIP"] = ",".join(sorted(_registered_drivers() - DRIVERS))
    import pyogrio

    surplus = set(pyogrio.list_drivers()) - DRIVERS
    if surplus:
        raise RuntimeError(f"GDAL drivers that should be off: {', '.join(sorted(surplus))}")
    return pyogrio


def _registered_drivers() -> set[str]:
    """All drivers of the installed GDAL, asked in a fork, since registering happens once in a process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            import pyogrio

            os.write(writing, json.dumps(sorted(pyogrio.list_drivers())).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    return set(json.loads(answer))


def _read_rows(pyogrio: Any, path: Path, kind: Kind, name: str) -> tuple[dict[str, Any], Any, list[Any]]:
    """Rows as pyogrio reads them; a Shapefile without .cpg, or whose .cpg lies, is UTF-8 or else one byte a character."""
    options: dict[str, Any] = {"layer": name, "datetime_as_string": True}
    attempts: list[dict[str, str]] = [{"encoding": encoding} for encoding in _ENCODINGS]
    if kind is not Kind.SHAPEFILE:
        attempts = [{}]
    elif path.with_suffix(".cpg").is_file():
        attempts = [{}, attempts[-1]]
    for attempt in attempts[:-1]:
        try:
            meta, _, wkb, values = pyogrio.raw.read(path, **attempt, **options)
        except UnicodeDecodeError:
            continue
        return meta, wkb, values
    meta, _, wkb, values = pyogrio.raw.read(path, **attempts[-1], **options)
    return meta, wkb, values


@contextmanager
def _told() -> Iterator[None]:
    """GDAL's errors as errors of the file, its warnings unheard."""
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError, UnicodeDecodeError) as error:
            raise _unreadable(str(error)) from error


def _unreadable(words: str) -> UnreadableFile:
    """GDAL's words as an error of the file, with the place where it says one."""
    reason = words.partition("\n")[0].partition("; It might help")[0]
    reason = _SOURCE.sub("", _FOLDERS.sub("", reason)).strip()[:300]
    place = _PLACE.search(reason)
    if place is None:
        return UnreadableFile(f"Không đọc được tệp: {reason}", f"The file cannot be read: {reason}")
    line, column, reason = place.groups()
    return UnreadableFile(
        f"Tệp bị hỏng hoặc bị cụt ở dòng {line}, cột {column}: {reason}.",
        f"The file is damaged or cut short at line {line}, column {column}: {reason}.",
        {"line": line},
    )


def _check_shapefile(path: Path) -> None:
    """The header of each part names its length; GDAL gives records beyond the end as empty, without a word."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(100)
    if len(head) < 100:
        raise _cut(".shp", 100, size)
    expected = 2 * int.from_bytes(head[24:28], "big")
    if expected > size:
        raise _cut(".shp", expected, size)
    table = path.with_suffix(".dbf")
    if table.is_file():
        with table.open("rb") as stream:
            head = stream.read(32)
        records = int.from_bytes(head[4:8], "little")
        needed = int.from_bytes(head[8:10], "little") + records * int.from_bytes(head[10:12], "little")
        if len(head) < 32 or needed > table.stat().st_size:
            raise _cut(".dbf", max(needed, 32), table.stat().st_size)


def _check_xml(path: Path) -> None:
    """Well-formed to the end and without a document type; GDAL reads nothing of a file cut short, without a word."""
    parser = expat.ParserCreate()

    def refuse(*_: Any) -> None:
        raise RefusedFile(
            "Tệp XML có khai báo DOCTYPE; tệp GML không cần và không được có.",
            "The XML file declares a DOCTYPE; a GML file needs none and may have none.",
            {"kind": "XML DOCTYPE"},
        )

    parser.StartDoctypeDeclHandler = refuse
    try:
        with path.open("rb") as stream:
            parser.ParseFile(stream)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise UnreadableFile(
            f"Tệp GML bị hỏng hoặc bị cụt ở dòng {error.lineno}, cột {error.offset}: {reason}.",
            f"The GML file is damaged or cut short at line {error.lineno}, column {error.offset}: {reason}.",
            {"kind": "GML", "line": str(error.lineno)},
        ) from error


def _cut(part: str, expected: int, size: int) -> UnreadableFile:
    return UnreadableFile(
        f"Shapefile bị cụt: phần đầu của tệp {part} ghi {expected} byte nhưng tệp chỉ có {size} byte.",
        f"The Shapefile is cut short: the header of its {part} says {expected} bytes, the file has {size}.",
        {"kind": "Shapefile", "part": part},
    )
