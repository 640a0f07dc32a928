"""Make a backup while the program runs.

Frontier, bus and ledger tell each other what is done, so they are copied as they were at one moment. What they name
lies there before it is named: evidence and uploads are therefore copied after the stores that name them.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import BinaryIO

from crawlers.catalogue import own_folder
from services.adapters.embedded.files import Files
from services.backup import snapshot
from services.backup.content import (
    FOLDERS,
    LEFT_OUT,
    MANIFEST,
    POSTGRES,
    SETTINGS,
    STORES,
    FileEntry,
    Manifest,
    StoreEntry,
    is_name,
)
from services.backup.postgres import dump
from services.backup.readable import readable
from services.core.clock import Clock, utc_now
from services.core.config import Settings
from services.core.errors import InvalidField, Unavailable
from services.stores import adapter

CHUNK = 1 << 20
"""Bytes that are read at once."""
_PACKED = (".sqlite", ".json", ".toml")
"""Endings of what is worth compressing; evidence is compressed already."""


def make(
    settings: Settings, target: Path, clock: Clock = utc_now, told: Callable[[int], object] = lambda count: None
) -> Manifest:
    """Write a backup of everything that the settings name; blocks until the file is on disk, whole.

    Args:
        settings: where everything lies.
        target: a file that is not there yet.
        clock: the present moment.
        told: hears how many bytes were added, often.

    Raises:
        InvalidField: the file is there already, or cannot be written.
        Unavailable: a store cannot be read.
    """
    if target.exists():
        raise InvalidField("FILE", f"tệp {target} đã có; hãy chọn tên khác", f"{target} is there already")
    with _told(target), tempfile.TemporaryDirectory(dir=target.parent, prefix=".ngoclinh-backup-") as staging:
        part = Path(staging) / "backup"
        with part.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            manifest = _write(settings, Path(staging), file, clock, told)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, target)  # unlike a rename it replaces nothing
        _sync(target.parent)
    return manifest


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """Faults of the machine as errors of the product."""
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(
            f"Không sao chép được kho dữ liệu: {error}.", f"The stores cannot be copied: {error}."
        ) from error
    except OSError as error:
        why = error.strerror or str(error)
        raise InvalidField("FILE", f"không ghi được {target}: {why}", f"cannot write {target}: {why}") from error


def size(settings: Settings) -> int:
    """About how many bytes a backup adds: of stores and folders that are files of this machine."""
    stores = (getattr(Files(settings.data_dir), name) for name in STORES if _embedded(settings, name))
    paths = [*stores, *(path for folder in FOLDERS for path, _ in _folder(settings, folder))]
    return sum(path.stat().st_size for path in paths if path.exists())


def _write(settings: Settings, staging: Path, file: BinaryIO, clock: Clock, told: Callable[[int], object]) -> Manifest:
    time = clock()
    stores = _copy_stores(settings, staging)
    files: dict[str, FileEntry] = {}
    add = partial(_add_file, told=told)
    with zipfile.ZipFile(file, "w", compresslevel=1) as archive:
        for path in sorted(staging.glob("*.sqlite")):
            files[path.name] = add(archive, path, path.name)
            path.unlink()
        dumped = [name for name in ("ledger", "parcels") if adapter(settings, name) == "cluster"]
        if dumped:
            dump(settings.postgres, dumped, staging / POSTGRES)
            files[POSTGRES] = add(archive, staging / POSTGRES, POSTGRES)
        for folder in FOLDERS:
            for path, name in _folder(settings, folder):
                try:
                    files[name] = add(archive, path, name)
                except FileNotFoundError:
                    continue  # it was erased meanwhile, as an article was taken down or an import ended
        (staging / SETTINGS).write_text(
            json.dumps(readable(settings.model_dump(mode="json")), ensure_ascii=False, indent=1), encoding="utf-8"
        )
        files[SETTINGS] = add(archive, staging / SETTINGS, SETTINGS)
        manifest = Manifest(
            version=metadata.version("ngoclinh"),
            time=time.isoformat(),
            stores=stores,
            left_out=list(LEFT_OUT),
            files=files,
        )
        archive.writestr(MANIFEST, manifest.model_dump_json(indent=1), zipfile.ZIP_DEFLATED)
    return manifest


def _copy_stores(settings: Settings, staging: Path) -> dict[str, StoreEntry]:
    """Copy the stores that are files, those that belong together as of one moment."""
    places = {name: getattr(Files(settings.data_dir), name) for name in STORES}
    kept = [name for name in STORES if places[name].exists() and _embedded(settings, name)]
    together = [name for name in kept if name != "parcels"]
    with snapshot.one_moment([places[name] for name in together]) as readers:
        for name, reader in zip(together, readers, strict=True):
            snapshot.copy(reader, staging / f"{name}.sqlite")
    if "parcels" in kept:
        with closing(sqlite3.connect(places["parcels"], timeout=snapshot.WAIT_S, isolation_level=None)) as reader:
            snapshot.copy(reader, staging / "parcels.sqlite")
    made = {name: staging / f"{name}.sqlite" for name in kept}
    return {
        name: StoreEntry(schema_version=snapshot.schema_version(path), rows=dict(snapshot.tables(path)))
        for name, path in made.items()
    }


def _embedded(settings: Settings, name: str) -> bool:
    return name == "frontier" or adapter(settings, name) == "embedded"


def _folder(settings: Settings, folder: str) -> Iterator[tuple[Path, str]]:
    """The files of a folder with their names in the backup."""
    root = own_folder(settings) if folder == "sources" else settings.data_dir / folder
    for path in sorted(root.rglob("*")):
        name = f"{folder}/{path.relative_to(root).as_posix()}"
        if path.is_file() and not path.is_symlink() and is_name(name) and path.suffix != ".part":
            yield path, name


def _add_file(archive: zipfile.ZipFile, path: Path, name: str, told: Callable[[int], object]) -> FileEntry:
    """Add a file; it is read once, and what was read is what the manifest says."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o600 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED if name.endswith(_PACKED) else zipfile.ZIP_STORED
    digest, count = hashlib.sha256(), 0
    with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
        while part := source.read(CHUNK):
            digest.update(part)
            count += len(part)
            target.write(part)
            told(len(part))
    return FileEntry(size=count, sha256=digest.hexdigest())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
