"""Files that say they are backups."""

from __future__ import annotations

import asyncio
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.backup.make import make
from services.backup.restore import restore
from services.core.errors import Conflict, NgocLinhError, RefusedFile, TooLarge, UnreadableFile
from tests.services.backup.office import everything, fill, settings_for

Entries = dict[str, bytes]


def _manifest(entries: Entries, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads(entries["manifest.json"])
    change(manifest)
    entries["manifest.json"] = json.dumps(manifest).encode()


def _named(name: str) -> Callable[[Entries], object]:
    """A file that the manifest names too."""

    def change(entries: Entries) -> None:
        entries[name] = b"x"
        _manifest(entries, lambda made: made["files"].update({name: {"size": 1, "sha256": "2d" * 32}}))

    return change


def _without(name: str) -> Callable[[Entries], object]:
    return lambda entries: entries.pop(name)


def _flip(entries: Entries) -> None:
    data = bytearray(entries["ledger.sqlite"])
    data[len(data) // 2] ^= 1
    entries["ledger.sqlite"] = bytes(data)


def _bomb(entries: Entries) -> None:
    entries["ledger.sqlite"] = bytes(300 << 20)


def _huge(entries: Entries) -> None:
    _manifest(entries, lambda made: made["files"]["ledger.sqlite"].update(size=1 << 60))


CASES: dict[str, tuple[Callable[[Entries], object], type[NgocLinhError]]] = {
    "a name above the folder": (_named("../../etc/cron.d/x"), RefusedFile),
    "an absolute name": (_named("/etc/passwd"), RefusedFile),
    "a name with a backslash": (_named("uploads/..\\x"), RefusedFile),
    "a name that begins with a dot": (_named("uploads/.."), RefusedFile),
    "a program among the sources": (_named("sources/x.py"), RefusedFile),
    "the lock": (_named("lock"), RefusedFile),
    "a file that the manifest does not name": (lambda entries: entries.update({"uploads/x": b"x"}), UnreadableFile),
    "a file that is missing": (_without("parcels.sqlite"), UnreadableFile),
    "no manifest": (_without("manifest.json"), UnreadableFile),
    "a manifest that is none": (lambda entries: entries.update({"manifest.json": b"[]"}), UnreadableFile),
    "one bit": (_flip, UnreadableFile),
    "a bomb": (_bomb, UnreadableFile),
    "more than the disk has": (_huge, TooLarge),
    "rows that are missing": (
        lambda entries: _manifest(entries, lambda made: made["stores"]["ledger"]["rows"].update(article=7)),
        UnreadableFile,
    ),
    "a newer release": (lambda entries: _manifest(entries, lambda made: made.update(version="99.0")), Conflict),
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office")
    asyncio.run(fill(folder / "data", articles=2))
    make(settings_for(folder / "data"), folder / "b")
    return folder


def _rewritten(source: Path, target: Path, change: Callable[[Entries], object]) -> None:
    with zipfile.ZipFile(source) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def _refused(office: Path, backup: Path, error: type[NgocLinhError]) -> None:
    before = everything(office / "data")
    with pytest.raises(error) as raised:
        restore(settings_for(office / "data"), backup)
    assert raised.value.vi != raised.value.en
    assert everything(office / "data") == before
    assert not list((office / "data").glob(".rest*"))
    assert not list(office.rglob("cron.d"))


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_or_damaged_backup_is_refused_and_nothing_changes(office: Path, tmp_path: Path, case: str) -> None:
    change, error = CASES[case]
    _rewritten(office / "b", tmp_path / "b", change)
    _refused(office, tmp_path / "b", error)


def test_a_link_is_refused(office: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(office / "b") as source, zipfile.ZipFile(tmp_path / "b", "w") as archive:
        for info in source.infolist():
            data = source.read(info)
            if info.filename == "ledger.sqlite":
                info.external_attr, data = (stat.S_IFLNK | 0o777) << 16, b"/etc/passwd"
            archive.writestr(info, data)
    _refused(office, tmp_path / "b", RefusedFile)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_is_refused(office: Path, tmp_path: Path, share: float) -> None:
    data = (office / "b").read_bytes()
    (tmp_path / "b").write_bytes(data[: int(len(data) * share)])
    _refused(office, tmp_path / "b", UnreadableFile)
