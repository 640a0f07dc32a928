"""Bring a backup back: everything is unpacked and looked at beside the data, then swapped in.

The swap survives a crash at any point: a folder that is renamed once everything in it is sound says that it has begun,
and whoever next takes the data folder ends it (`finish`). What was there before is kept in a folder beside, until the
operator removes it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from contextlib import closing
from importlib import metadata
from pathlib import Path

from crawlers.store import Store
from services.backup import archive, postgres, snapshot
from services.backup.content import FOLDERS, LEFT_OUT, POSTGRES, SETTINGS, STORES, Manifest, release
from services.core.clock import Clock, utc_now
from services.core.config import Settings
from services.core.errors import Conflict, UnreadableFile
from services.stores import adapter, open_store
from services.supervisor import Lock

_STAGING, _SOUND = ".restoring", ".restored"
"""Names of the folder beside: while it is filled, and from the moment at which everything in it is sound."""
_SETTINGS_KEPT = "settings-of-backup.json"
_PROBES: dict[str, Callable[[object], Awaitable[object]]] = {
    "bus": lambda store: store.depth(),  # type: ignore[attr-defined]
    "ledger": lambda store: store.sources(),  # type: ignore[attr-defined]
    "parcels": lambda store: store.imports(1),  # type: ignore[attr-defined]
}


def restore(settings: Settings, source: Path, clock: Clock = utc_now) -> tuple[Manifest, Path]:
    """Replace everything in the data folder by a backup.

    Args:
        settings: where everything lies.
        source: the backup.
        clock: the present moment.

    Returns:
        What the backup says about itself, and the folder in which lies what was there before.

    Raises:
        Conflict: the program runs, or a newer release made the backup.
        UnreadableFile: the backup is damaged.
        RefusedFile: it holds what no backup holds.
        TooLarge: the disk has too little room.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Lock(settings.data_dir / "lock"):
        return bring_back(settings, source, f"before-restore-{clock():%Y%m%dT%H%M%S%fZ}")


def bring_back(settings: Settings, source: Path, before: str) -> tuple[Manifest, Path]:
    """The same for who holds the lock of the data folder; `before` is the folder for what was there before."""
    data = settings.data_dir
    with archive.opened(source) as (file, manifest):
        require_known(settings, manifest)
        finish(data)
        staging = data / _STAGING
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        try:
            archive.unpack(file, manifest, staging / "new")
            _examine(settings, manifest, staging / "new")
            if POSTGRES in manifest.files:
                postgres.restore(settings.postgres, staging / "new" / POSTGRES)
                (staging / "new" / POSTGRES).unlink()
            (staging / "new" / SETTINGS).rename(staging / "new" / _SETTINGS_KEPT)
            plan = {"before": before, "names": sorted(path.name for path in (staging / "new").iterdir())}
            (staging / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        os.sync()
        staging.rename(data / _SOUND)
        finish(data)
    return manifest, data / before


def finish(data: Path) -> None:
    """End a swap that was begun, if one was; only who holds the lock of the data folder may call this."""
    sound = data / _SOUND
    if not sound.is_dir():
        return
    plan = json.loads((sound / "plan.json").read_text(encoding="utf-8"))
    new, kept = sound / "new", data / plan["before"]
    kept.mkdir(mode=0o700, exist_ok=True)
    files = [f"{name}.sqlite" for name in (*STORES, *LEFT_OUT)]
    beside = [f"{name}-{suffix}" for name in files for suffix in ("wal", "shm")]
    # What SQLite keeps beside a file goes first: a log never meets a file that it does not belong to.
    for name in (*beside, *files, *FOLDERS, _SETTINGS_KEPT):
        placed = name in plan["names"] and not (new / name).exists()
        if (data / name).exists() and not placed:
            (data / name).rename(kept / name)
        if (new / name).exists():
            (new / name).rename(data / name)
    os.sync()
    shutil.rmtree(sound)


def take_back(data: Path, before: str) -> None:
    """Undo a restore into files: what lies in `before` takes its place again, and that of the backup lies in `{before}-undone`.

    Only who holds the lock of the data folder may call this; it may be called again after a crash.
    """
    finish(data)
    staging = data / _STAGING
    if (data / before).is_dir():
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        names = sorted(path.name for path in (data / before).iterdir())
        (staging / "plan.json").write_text(json.dumps({"before": f"{before}-undone", "names": names}), encoding="utf-8")
        os.sync()
        (data / before).rename(staging / "new")
    if (staging / "new").is_dir():
        staging.rename(data / _SOUND)
    finish(data)


def require_known(settings: Settings, manifest: Manifest) -> None:
    """Refuse what a newer release made, and what belongs to stores of another mode."""
    ours = metadata.version("ngoclinh")
    if release(manifest.version) > release(ours):
        raise Conflict(
            f"Bản sao lưu do phiên bản {manifest.version} tạo ra, mới hơn {ours} đang dùng; hãy cập nhật trước.",
            f"Release {manifest.version} made the backup, which is newer than {ours}; update first.",
        )
    in_postgres = any(adapter(settings, name) == "cluster" for name in ("ledger", "parcels"))
    if in_postgres != (POSTGRES in manifest.files):
        raise Conflict(
            "Bản sao lưu thuộc chế độ khác với cài đặt hiện nay (mode, stores).",
            "The backup belongs to another mode than the settings ask for (mode, stores).",
        )


def _examine(settings: Settings, manifest: Manifest, folder: Path) -> None:
    """Look into every store as the program will: SQLite's own check, the rows that were counted, the adapter."""
    for name, entry in manifest.stores.items():
        path = folder / f"{name}.sqlite"
        if (
            not snapshot.is_sound(path)
            or snapshot.schema_version(path) != entry.schema_version
            or dict(snapshot.tables(path)) != entry.rows
        ):
            raise UnreadableFile(
                f"Kho dữ liệu {name} trong bản sao lưu bị hỏng.", f"The store {name} of the backup is damaged."
            )
        if name == "frontier":
            with closing(Store(path)):
                pass
        else:
            asyncio.run(_open(settings.model_copy(update={"data_dir": folder}), name))


async def _open(settings: Settings, name: str) -> None:
    """Open a store with its adapter, which brings its schema up to date or refuses one that it does not know."""
    store = open_store(settings, name)
    try:
        await _PROBES[name](store)
    finally:
        await store.close()
