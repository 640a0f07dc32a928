"""No room on the disk of a store, of uploads, of evidence: told in words, nothing acknowledged is lost, it goes on when there is room.

The disks are small file systems in memory; a file that stands for everything else on them is removed in the end.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.land.v1.import_service_pb2 import UploadHeader, UploadImportRequest
from ngoclinh.media.v1.media_service_pb2 import CorrectArticleRequest

from services.adapters.embedded.bus_sqlite import SqliteBus
from services.adapters.embedded.index_sqlite import SqliteArticleIndex
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.adapters.embedded.parcels_sqlite import SqliteParcelStore
from services.core import room
from services.core.errors import Unavailable
from services.land.uploads import Uploads
from services.media.evidence import EvidenceStore
from tests.contracts.articles import analyzed, article, collected
from tests.contracts.bus_worker import submission
from tests.contracts.parcel_store_worker import PARCELS_IN_AN_IMPORT, a_finding, a_parcel, put
from tests.faults import checks, device

pytestmark = [
    pytest.mark.skipif(bool(device.missing()), reason=device.missing() or "-"),
    pytest.mark.timeout(600),
]

DISK, ELSE_MB = "12m", 6
"""Size of the disk, and what lies on it besides."""
MOST = 100_000
"""Writes after which a disk that never gets full ends the test."""

KEPT = [(-1.0, "Ổ đĩa đã đầy", "disk is full"), (0.2, "Ổ đĩa sắp đầy", "disk is almost full")]
"""What is kept of the disk for the stores, and what is said to who sends a file: where nothing is kept the disk itself says it."""

Write = Callable[[Any, int], Awaitable[str]]


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk which is half full of something else."""
    folder = Path(tempfile.mkdtemp(prefix="ngoclinh-full-"))
    with device.memory(folder / "disk", DISK) as small:
        (small / "else").write_bytes(bytes(ELSE_MB << 20))
        yield small
    shutil.rmtree(folder)


async def to_bus(bus: SqliteBus, number: int) -> str:
    """Publish one event."""
    await bus.publish("media.submission", submission(f"k{number}"), f"k{number}")
    return f"k{number}"


async def to_ledger(ledger: SqliteLedger, number: int) -> str:
    """Record, analyse and correct one article."""
    made = article(f"c{number}")
    await ledger.record_collected(collected(made))
    await ledger.record_analyzed(analyzed(made.name))
    await ledger.correct(CorrectArticleRequest(name=made.name, stance="critical"), "thư ký")
    return made.name


async def to_index(index: SqliteArticleIndex, number: int) -> str:
    """Put one article."""
    await index.put([article(f"c{number}", change_number=number + 1)])
    return str(number)


async def to_parcels(store: SqliteParcelStore, number: int) -> str:
    """Commit one import."""
    parcels = [a_parcel(record) for record in range(PARCELS_IN_AN_IMPORT)]
    findings = [a_finding(f"f{number + 1}-{parcel.record}", parcel) for parcel in parcels]
    return (await put(store, number + 1, parcels, findings)).name


STORES: dict[str, tuple[Callable[[Path], Any], Write, Callable[[Any, Sequence[str]], Awaitable[int]]]] = {
    "bus": (SqliteBus, to_bus, checks.check_bus),
    "ledger": (SqliteLedger, to_ledger, checks.check_ledger),
    "index": (SqliteArticleIndex, to_index, checks.check_index),
    "parcels": (SqliteParcelStore, to_parcels, checks.check_parcels),
}
"""How it is opened, filled and looked at, by name."""


async def fill(write: Callable[[int], Awaitable[str]], start: int = 0) -> tuple[list[str], Unavailable]:
    """Write until it is refused; what was acknowledged, and the refusal."""
    told: list[str] = []
    for number in range(start, MOST):
        try:
            told.append(await write(number))
        except Unavailable as error:
            return told, error
    raise AssertionError("the disk was never full")


@pytest.mark.parametrize("name", STORES)
async def test_a_full_disk_under_a_store_loses_nothing_and_passes(name: str, disk: Path) -> None:
    open_, write, check = STORES[name]
    store = open_(disk / f"{name}.sqlite")
    try:
        told, error = await fill(lambda number: write(store, number))
        assert told
        assert f"{name}.sqlite" in error.vi
        assert f"{name}.sqlite" in error.en
        again, _ = await fill(lambda number: write(store, number), len(told))
        told += again
        (disk / "else").unlink()
        begun = len(told)  # what was refused is written again, as a worker does
        told += [await write(store, number) for number in range(begun, begun + 3)]
        assert await check(store, told) == len(told)
    finally:
        await store.close()


async def sheet(size: int) -> AsyncIterator[UploadImportRequest]:
    """An upload of so many bytes."""
    yield UploadImportRequest(chunk=b"SQLite format 3\0" + bytes(84))
    for _ in range(size >> 16):
        yield UploadImportRequest(chunk=os.urandom(1 << 16))


@pytest.mark.parametrize(("share", "told_vi", "told_en"), KEPT)
async def test_an_upload_that_finds_no_room_is_refused_and_takes_none(
    disk: Path, monkeypatch: pytest.MonkeyPatch, share: float, told_vi: str, told_en: str
) -> None:
    monkeypatch.setattr(room, "KEPT_SHARE", share)
    uploads = Uploads(disk / "uploads", 200)
    header = UploadHeader(file_name="to3.gpkg")

    async def upload(number: int) -> str:
        return (await uploads.receive(header, sheet(1 << 20))).name

    told, error = await fill(upload)
    assert told_vi in error.vi
    assert told_en in error.en
    assert shutil.disk_usage(disk).free >= share * shutil.disk_usage(disk).total, "the stores have theirs"
    assert sorted(uploads.names()) == sorted(told) != []
    assert not list((disk / "uploads").glob("*.part"))
    (disk / "else").unlink()
    told.append(await upload(0))
    assert sorted(uploads.names()) == sorted(told)


@pytest.mark.parametrize(
    ("share", "told_vi", "told_en"), [(-1.0, "Không ghi được tệp minh chứng", "Evidence cannot be written"), *KEPT[1:]]
)
async def test_evidence_that_finds_no_room_is_refused_and_takes_none(
    disk: Path, monkeypatch: pytest.MonkeyPatch, share: float, told_vi: str, told_en: str
) -> None:
    monkeypatch.setattr(room, "KEPT_SHARE", share)
    store = EvidenceStore(disk / "evidence")
    kept: dict[str, str] = {}

    async def keep(number: int) -> str:
        data = b"%PDF-1.7" + os.urandom(1 << 20)

        async def chunks() -> AsyncIterator[bytes]:
            yield data

        sha256 = (await store.receive(chunks())).sha256
        kept[sha256] = hashlib.sha256(data).hexdigest()
        return sha256

    _, error = await fill(keep)
    assert told_vi in error.vi
    assert told_en in error.en
    assert shutil.disk_usage(disk).free >= share * shutil.disk_usage(disk).total, "the stores have theirs"
    assert not list((disk / "evidence").glob("*/*.part")), "what was begun takes the last room from others"
    (disk / "else").unlink()
    await keep(0)
    for name, digest in kept.items():
        assert hashlib.sha256(b"".join([part async for part in store.read(name)])).hexdigest() == digest == name
