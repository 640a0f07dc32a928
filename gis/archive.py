"""ZIP archives of files that users send: nothing of a member's name reaches the disk, and every size is bounded."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from gis.kinds import HEAD, Kind, sniff
from services.core.errors import RefusedFile, TooLarge, UnreadableFile

MAX_ENTRIES = 1000
MAX_RATIO = 200
"""Most bytes that one packed byte may become, above `RATIO_FREE_BYTES`."""
RATIO_FREE_BYTES = 16 << 20
"""Unpacked size up to which the ratio does not matter: tables of blanks pack well."""
SIDECARS = (".shx", ".dbf", ".prj", ".cpg")
_CHUNK = 1 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError)


def unpack(path: Path, folder: Path, max_bytes: int) -> tuple[Kind, Path]:
    """Unpack the one data set of an archive into `folder`, under names of our own.

    Args:
        path: the archive.
        folder: an empty folder.
        max_bytes: most bytes that the members may have together.

    Returns:
        kind and path of the data set; a Shapefile's further parts lie beside it. A workbook, which is an archive
        itself, stays where it is.

    Raises:
        RefusedFile: names that leave the folder, links, archives in the archive, passwords, OGR-VRT, bombs.
        TooLarge: more than `MAX_ENTRIES` entries or `max_bytes`.
        UnreadableFile: broken, or not exactly one data set in it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _checked(archive, path.stat().st_size, max_bytes)
            if is_workbook(archive):
                return Kind.XLSX, path
            kind, main = _data_set(archive, members)
            target = folder / f"sheet{SUFFIX[kind]}"
            left = _copy(archive, main, target, max_bytes)
            if kind is Kind.SHAPEFILE:
                for member in members:
                    suffix = PurePosixPath(member.filename).suffix.lower()
                    if suffix in SIDECARS and _stem(member) == _stem(main):
                        left = _copy(archive, member, target.with_suffix(suffix), left)
            return kind, target
    except _BROKEN as error:
        raise UnreadableFile(
            f"Tệp ZIP bị hỏng hoặc bị cụt ({path.stat().st_size} byte): {error}.",
            f"The ZIP file is broken or cut short ({path.stat().st_size} bytes): {error}.",
            {"kind": "ZIP"},
        ) from error


SUFFIX = {Kind.GEOPACKAGE: ".gpkg", Kind.SHAPEFILE: ".shp", Kind.GEOJSON: ".geojson", Kind.GML: ".gml"} | {
    kind: f".{kind.lower()}" for kind in (Kind.XLSX, Kind.CSV, Kind.DXF, Kind.DGN)
}


def is_workbook(archive: zipfile.ZipFile) -> bool:
    """Whether an archive is an XLSX workbook."""
    names = set(archive.namelist())
    return {"[Content_Types].xml", "xl/workbook.xml"} <= names


def _checked(archive: zipfile.ZipFile, packed: int, max_bytes: int) -> list[zipfile.ZipInfo]:
    """The members that are files, after every check that their headers allow."""
    infos = archive.infolist()
    if len(infos) > MAX_ENTRIES:
        raise TooLarge(
            f"Tệp ZIP có {len(infos)} mục, nhiều hơn giới hạn {MAX_ENTRIES}.",
            f"The ZIP file has {len(infos)} entries, more than the limit of {MAX_ENTRIES}.",
            {"limit": str(MAX_ENTRIES)},
        )
    for info in infos:
        name = info.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or name[1:2] == ":":
            raise _refused(name, "đường dẫn ra ngoài thư mục", "a path that leaves the folder")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise _refused(name, "liên kết tượng trưng", "a symbolic link")
        if info.flag_bits & 0x1:
            raise _refused(name, "mục có mật khẩu", "an entry with a password")
    total = sum(info.file_size for info in infos)
    if total > max(RATIO_FREE_BYTES, MAX_RATIO * packed):
        raise RefusedFile(
            f"Tệp ZIP nở ra {total} byte từ {packed} byte, quá {MAX_RATIO} lần.",
            f"The ZIP file grows from {packed} to {total} bytes, more than {MAX_RATIO} times.",
            {"kind": "ZIP", "limit": str(MAX_RATIO)},
        )
    if total > max_bytes:
        raise _too_large(max_bytes)
    return [info for info in infos if not info.is_dir() and not _is_clutter(info)]


def _data_set(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> tuple[Kind, zipfile.ZipInfo]:
    """The one member that is a data set; every member's first bytes are looked at."""
    found: list[tuple[Kind, zipfile.ZipInfo]] = []
    for member in members:
        with archive.open(member) as stream:
            head = stream.read(HEAD)
        try:
            kind = sniff(head)
        except UnreadableFile:
            continue
        if kind is Kind.ZIP:
            raise _refused(member.filename, "tệp ZIP lồng trong ZIP", "a ZIP file inside the ZIP file")
        if kind is Kind.SHAPEFILE and PurePosixPath(member.filename).suffix.lower() != ".shp":
            continue
        found.append((kind, member))
    if len(found) == 1:
        return found[0]
    names = ", ".join(member.filename[:80] for _, member in found[:10])
    if found:
        raise UnreadableFile(
            f"Tệp ZIP có {len(found)} bộ dữ liệu ({names}); hãy nén mỗi bộ thành một tệp.",
            f"The ZIP file holds {len(found)} data sets ({names}); pack each into a file of its own.",
        )
    raise UnreadableFile(
        "Tệp ZIP không có bộ dữ liệu nào đọc được (GeoPackage, Shapefile, GeoJSON, GML, DXF, DGN, CSV).",
        "The ZIP file holds no data set that is read (GeoPackage, Shapefile, GeoJSON, GML, DXF, DGN, CSV).",
    )


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Unpack one member, counting the bytes that really come; returns how many more are allowed."""
    with archive.open(member) as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise _too_large(left)
            sink.write(chunk)
    return left


def _stem(member: zipfile.ZipInfo) -> str:
    return str(PurePosixPath(member.filename).with_suffix("")).lower()


def _is_clutter(member: zipfile.ZipInfo) -> bool:
    """Files that operating systems add: they are never data."""
    path = PurePosixPath(member.filename)
    return path.parts[0] == "__MACOSX" or path.name.startswith(".")


def _refused(name: str, vi: str, en: str) -> RefusedFile:
    return RefusedFile(
        f"Tệp ZIP bị từ chối: mục “{name[:80]}” là {vi}.",
        f"The ZIP file is refused: entry “{name[:80]}” is {en}.",
        {"kind": "ZIP"},
    )


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"Nội dung giải nén lớn hơn giới hạn {limit >> 20} MB.",
        f"The unpacked content exceeds the limit of {limit >> 20} MB.",
    )
