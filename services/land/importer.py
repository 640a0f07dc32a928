"""Carries imports through in the background, one at a time, across restarts too."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from ngoclinh.land.v1.parcel_pb2 import Finding, Import, ImportState, LandValidated, Parcel, ParcelOwners

from gis.columns import MOST_PERSON_COLUMNS
from services.core.clock import Clock, to_timestamp, utc_now
from services.core.errors import Conflict, NgocLinhError, NotFound, OutsideArea, Unavailable, UnreadableFile
from services.core.log import get_logger
from services.core.ports import Bus, ParcelStore
from services.core.sections.work import LandSettings
from services.land import frames
from services.land.reader import read_file
from services.land.uploads import Uploads

BATCH = 1000
"""Parcels or findings of one write to the store."""

MOST_TRIES = 3
"""Times that an import is tried where something of ours fails; then it ends as FAILED."""

RETRY_S = 30.0
"""Seconds before it is tried again."""

_RUNNING, _COMMITTED, _FAILED, _CANCELLED = (
    ImportState.IMPORT_STATE_RUNNING,
    ImportState.IMPORT_STATE_COMMITTED,
    ImportState.IMPORT_STATE_FAILED,
    ImportState.IMPORT_STATE_CANCELLED,
)
_CHILDS_FIELDS = (
    "state",
    "step",
    "coordinate_system",
    "coordinate_system_origin",
    "parcel_count",
    "error_count",
    "warning_count",
    "info_count",
    "owners_kept",
)
_log = get_logger(__name__)


class Importer:
    """Runs the imports whose files lie in `uploads`.

    A file stays there until its import has ended and the event is published, so `start` after a crash finds what is
    left to do.

    Args:
        store: where parcels go.
        bus: for `land.validated`.
        uploads: the files.
        land: limits.
        clock: the present moment.
    """

    def __init__(
        self, store: ParcelStore, bus: Bus, uploads: Uploads, land: LandSettings, clock: Clock = utc_now
    ) -> None:
        self._store = store
        self._bus = bus
        self._uploads = uploads
        self._land = land
        self._clock = clock
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._now: Import | None = None
        self._turn = asyncio.Lock()
        self._carrying: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[Import] | None = None

    async def start(self) -> None:
        """Go on with the imports that an earlier run left, and wait for new ones.

        An import that the store holds as running but whose file is gone ends as FAILED.
        """
        async with self._starting:
            if self._worker is None:
                names = await asyncio.to_thread(self._uploads.names)
                for import_ in [each async for each in self._running() if each.name not in names]:
                    gone = UnreadableFile(
                        "Tệp đã nhận không còn trên đĩa.", "The stored file is no longer on the disk."
                    )
                    await self._end(_failed(import_, gone))
                for name in names:
                    self._queue.put_nowait(name)
                self._worker = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Stop working; an import that runs is taken up again by the next `start`."""
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
            self._worker = None

    @property
    def waiting(self) -> int:
        """Imports that wait for their turn."""
        return self._queue.qsize()

    def add(self, name: str) -> None:
        """Take up an import that the store holds as running and whose file is stored."""
        self._queue.put_nowait(name)

    async def cancel(self, name: str) -> Import:
        """End an import that waits or runs as CANCELLED: the child that reads it is killed, nothing of it is kept.

        Raises:
            NotFound: there is no such import.
            Conflict: it has ended otherwise.
        """
        async with self._turn:
            import_ = await self._store.import_(name)
            if import_ is None:
                raise NotFound(name)
            if import_.state != _RUNNING:
                return _cancelled(import_)
            if self._now is None or self._now.name != name:
                import_ = await self._end(_copy(import_, state=_CANCELLED, step=""))
                self._uploads.forget(name)
                return import_
            carrying = self._carrying
            if self._reading is not None:
                self._reading.cancel()
        if carrying is not None:
            await asyncio.wait({carrying})
        ended = await self._store.import_(name)
        assert ended is not None, "an import stays"
        return _cancelled(ended)

    def with_step(self, import_: Import) -> Import:
        """The import with the step that it is in, if it is the one that runs now."""
        if self._now is not None and import_.state == _RUNNING and import_.name == self._now.name:
            return _copy(import_, step=self._now.step, parcel_count=self._now.parcel_count)
        return import_

    async def _work(self) -> None:
        tries: Counter[str] = Counter()
        while True:
            name = await self._queue.get()
            try:
                self._carrying = asyncio.create_task(self._carry_through(name, last=tries[name] >= MOST_TRIES - 1))
                await self._carrying
                del tries[name]
            except Exception as error:
                if isinstance(error, Unavailable):  # a store that is away is no fault of ours
                    _log.warning("import interrupted", import_name=name, error=error.en)
                else:
                    _log.exception("import interrupted", import_name=name)
                tries[name] += 1
                asyncio.get_running_loop().call_later(RETRY_S, self._queue.put_nowait, name)
            finally:
                self._now = self._reading = self._carrying = None

    async def _carry_through(self, name: str, *, last: bool) -> None:
        """Bring an import to its end, whatever was done of it already, and forget its file."""
        async with self._turn:
            import_ = await self._store.import_(name)
            if import_ is not None and import_.state == _RUNNING:
                await self._store.begin_import(import_)
                self._now = import_
                self._reading = asyncio.create_task(self._read(import_))
        if self._reading is not None and import_ is not None:
            import_ = await self._run(import_, self._reading, last=last)
        if import_ is not None and import_.state == _COMMITTED:
            await self._bus.publish("land.validated", LandValidated(**{"import": import_}), import_.name)
        self._uploads.forget(name)

    async def _run(self, import_: Import, reading: asyncio.Task[Import], *, last: bool) -> Import:
        """End an import as its reading ends; on the last try a fault of ours ends it too instead of coming again."""
        try:
            done = await reading
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is None or this.cancelling():
                raise
            await self._store.begin_import(import_)
            done = _copy(import_, state=_CANCELLED)
        except NgocLinhError as error:
            if isinstance(error, Unavailable) and not last:
                raise
            done = _failed(import_, error)
        except Exception:
            if not last:
                raise
            _log.exception("import failed", import_name=import_.name)
            done = _failed(import_, NgocLinhError("Lỗi của máy chủ khi nhập tệp.", "A fault of the server."))
        return await self._end(done)

    async def _end(self, done: Import) -> Import:
        done.update_time.CopyFrom(to_timestamp(self._clock()))
        if done.state == _COMMITTED:
            self._now = _copy(done, state=_RUNNING, step="commit")
            await self._store.commit(done)
        else:
            await self._store.fail(done)
        _log.info("import ended", import_name=done.name, state=ImportState.Name(done.state), parcels=done.parcel_count)
        return done

    async def _running(self) -> AsyncIterator[Import]:
        """The imports that the store holds as running."""
        after = None
        while True:
            imports, after = await self._store.imports(1000, after)
            for import_ in imports:
                if import_.state == _RUNNING:
                    yield import_
            if after is None:
                return

    async def _read(self, import_: Import) -> Import:
        """Put what the child finds into the store; returns the import as it ended."""
        parcels: list[Parcel] = []
        owners: list[ParcelOwners] = []
        findings: list[Finding] = []

        async def put(least: int) -> None:
            if len(parcels) >= least:
                await self._store.put_parcels(import_.name, parcels, owners)
                parcels.clear()
                owners.clear()
            if len(findings) >= least:
                await self._store.put_findings(import_.name, findings)
                findings.clear()

        done, allowed = import_, frozenset(import_.options.areas)
        async with aclosing(read_file(self._uploads.path(import_.name), import_, self._land)) as answers:
            async for answer in answers:
                if isinstance(answer, Parcel):
                    if allowed and answer.current_area not in allowed:
                        raise OutsideArea(answer.current_area or f"{answer.sheet}/{answer.number}")
                    parcels.append(answer)
                elif isinstance(answer, ParcelOwners) and self._land.keep_owners:
                    owners.append(answer)
                elif isinstance(answer, Finding):
                    findings.append(answer)
                elif isinstance(answer, Import):
                    self._now = done = _told(import_, answer)
                await put(BATCH)
        await put(1)
        return done


def _told(import_: Import, answer: Import) -> Import:
    """An import with what the child may say of it: never its name, its times, its file."""
    told = _copy(import_, **{field: getattr(answer, field) for field in _CHILDS_FIELDS})
    told.owner_columns.extend(answer.owner_columns[:MOST_PERSON_COLUMNS])
    if answer.HasField("problem"):
        told.problem.CopyFrom(answer.problem)
    return told


def _cancelled(import_: Import) -> Import:
    """An import that was cancelled.

    Raises:
        Conflict: it ended otherwise.
    """
    if import_.state != _CANCELLED:
        raise Conflict(
            f"Đợt nhập {import_.name} đã kết thúc nên không huỷ được.",
            f"{import_.name} has ended and cannot be cancelled.",
        )
    return import_


def _failed(import_: Import, error: NgocLinhError) -> Import:
    failure = frames.failure(error)
    failed = _copy(import_, state=_FAILED, reason=failure.reason)
    failed.problem.CopyFrom(failure.problem)
    return failed


def _copy(import_: Import, **fields: Any) -> Import:
    copy = Import()
    copy.CopyFrom(import_)
    for name, value in fields.items():
        setattr(copy, name, value)
    return copy
