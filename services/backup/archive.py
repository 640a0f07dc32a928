"""Read a backup that may be damaged or made by somebody who means harm.

Only names that a backup may have are taken, a manifest must name all of them and nothing else, no file is read beyond
the size that it states, and the sum must fit on the disk before anything is written.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from services.backup.content import MANIFEST, MAX_MANIFEST, SETTINGS, STORES, Manifest, is_name
from services.core.errors import InvalidField, RefusedFile, TooLarge, UnreadableFile

CHUNK = 1 << 20
"""Bytes that are read at once."""
SPARE = 64 << 20
"""Bytes that stay free on the disk."""


@contextmanager
def opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """A backup with its manifest, whose names and sizes agree.

    Raises:
        InvalidField: the file cannot be read.
        UnreadableFile: it is damaged, or no backup.
        RefusedFile: it holds what no backup holds.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive, _manifest(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise _damaged(str(error)) from error
    except FileNotFoundError as error:
        raise InvalidField("FILE", f"không có tệp {path}", f"{path} does not exist") from error


def unpack(archive: zipfile.ZipFile, manifest: Manifest, folder: Path) -> None:
    """Write all files of a backup into a new folder, each compared with its hash, and sync them.

    Raises:
        TooLarge: the disk has too little room.
        UnreadableFile: a file is not what the manifest says.
    """
    needed = sum(entry.size for entry in manifest.files.values())
    free = shutil.disk_usage(folder.parent).free
    if needed + SPARE > free:
        raise TooLarge(
            f"Cần {needed / 1e6:.0f} MB nhưng ổ đĩa chỉ còn {free / 1e6:.0f} MB.",
            f"{needed / 1e6:.0f} MB are needed, but the disk has {free / 1e6:.0f} MB left.",
        )
    folder.mkdir(mode=0o700)
    for name in manifest.files:
        target = folder / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _unpack_one(archive, manifest, name, target)


def _unpack_one(archive: zipfile.ZipFile, manifest: Manifest, name: str, target: Path) -> None:
    entry = manifest.files[name]
    digest, left = hashlib.sha256(), entry.size
    with archive.open(name) as source, target.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        while part := source.read(min(CHUNK, left + 1)):
            left -= len(part)
            if left < 0:
                raise _damaged(f"{name}: size")
            digest.update(part)
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    if left or digest.hexdigest() != entry.sha256:
        raise _damaged(f"{name}: sha256")


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    for info in infos:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if (
            (info.filename != MANIFEST and not is_name(info.filename))
            or kind not in (0, stat.S_IFREG)
            or info.flag_bits & 1
        ):
            raise RefusedFile(
                f"Tệp sao lưu chứa mục lạ {info.filename[:80]!r}; không phải do Ngọc Linh tạo ra.",
                f"The backup holds {info.filename[:80]!r}, which Ngọc Linh never puts there.",
            )
    if MANIFEST not in names:
        raise _damaged(MANIFEST)
    with archive.open(MANIFEST) as file:
        text = file.read(MAX_MANIFEST + 1)
    if len(text) > MAX_MANIFEST:
        raise _damaged(MANIFEST)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise _damaged(f"{MANIFEST}: {error.errors()[0]['msg']}") from error
    stores = {f"{name}.sqlite" for name in STORES} & manifest.files.keys()
    if len(set(names)) != len(names) or set(names) != {MANIFEST, *manifest.files} or SETTINGS not in names:
        raise _damaged(MANIFEST)
    if {f"{name}.sqlite" for name in manifest.stores} != stores:
        raise _damaged(f"{MANIFEST}: stores")
    return manifest


def _damaged(where: str) -> UnreadableFile:
    return UnreadableFile(
        f"Tệp sao lưu bị hỏng hoặc không phải bản sao lưu của Ngọc Linh ({where}).",
        f"The backup is damaged, or no backup of Ngọc Linh ({where}).",
    )
