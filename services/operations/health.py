"""What is looked at to tell how the system is."""

from __future__ import annotations

import asyncio
import platform
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import grpc
from ngoclinh.media.v1.article_pb2 import SOURCE_STATE_ACTIVE, SOURCE_STATE_BLOCKED, SOURCE_STATE_DISABLED, Source
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter
from ngoclinh.operations.v1.operations_service_pb2 import (
    CrawlerHealth,
    DiskHealth,
    PartVersion,
    QueueHealth,
    StoreHealth,
)

from services.core.clock import to_timestamp
from services.core.errors import NgocLinhError
from services.core.log import get_logger
from services.core.observation import Observations
from services.core.ports import ArticleIndex, Bus, EngineState, HasEngine, Ledger, ParcelStore

T = TypeVar("T")
_log = get_logger(__name__)
PATIENCE_S = 5.0
"""Seconds after which a store counts as not reachable."""
_WRONG = (SOURCE_STATE_BLOCKED, SOURCE_STATE_DISABLED)


@dataclass(frozen=True)
class Watched:
    """The stores, and where those lie that are files of this machine.

    Attributes:
        bus: events.
        ledger: the store of record.
        index: the search index.
        parcels: parcels, findings, imports.
        data_dir: the data folder.
        files: path by name of store, of those that are files.
        seen: what was seen of the stores at work, which knows since when one is silent.
    """

    bus: Bus
    ledger: Ledger
    index: ArticleIndex
    parcels: ParcelStore
    data_dir: Path
    files: Mapping[str, Path]
    seen: Observations

    @property
    def probes(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        """A small read for each store."""
        return {
            "bus": self.bus.depth,
            "ledger": self.ledger.sources,
            "index": lambda: self.index.search(ArticleFilter(), 1),
            "parcels": lambda: self.parcels.imports(1),
        }

    @property
    def engines(self) -> Mapping[str, HasEngine]:
        """The stores that have a server of their own."""
        stores = {"bus": self.bus, "ledger": self.ledger, "index": self.index, "parcels": self.parcels}
        return {name: store for name, store in stores.items() if isinstance(store, HasEngine)}


async def stores(watched: Watched) -> dict[str, tuple[StoreHealth, Any]]:
    """Every store by name: does it answer, how fast, how large is it, since when it is silent; and what it answered."""
    found = await asyncio.gather(*(_store(watched, name, probe) for name, probe in watched.probes.items()))
    return {health.name: (health, answer) for health, answer in found}


async def _store(watched: Watched, name: str, probe: Callable[[], Awaitable[T]]) -> tuple[StoreHealth, T | None]:
    file = watched.files.get(name)
    health = StoreHealth(name=name, size_bytes=await asyncio.to_thread(size, file) if file else 0)
    for (store, _), count in watched.seen.counts().items():
        if store == name:
            health.call_count += count.calls
            health.error_count += count.errors
    start = time.perf_counter()
    answer = await look(health, watched.seen, probe, PATIENCE_S)
    if health.reachable:
        health.answer_ms = round(1000 * (time.perf_counter() - start), 1)
    return health, answer


async def look(
    health: StoreHealth, seen: Observations, ask: Callable[[], Awaitable[T]], patience_s: float | None = None
) -> T | None:
    """Ask a store for something; what comes of it is told of the store, and fails nothing else.

    Args:
        health: what is told of the store.
        seen: knows since when it is silent.
        ask: what is asked.
        patience_s: seconds after which the store counts as not reachable; None for what may take long.

    Returns:
        The answer; None where there is none.
    """
    health.reachable = False
    try:
        async with asyncio.timeout(patience_s):
            answer = await ask()
    except NgocLinhError as error:
        health.problem.vi, health.problem.en = error.vi, error.en
    except TimeoutError:
        seen.tell(health.name, "probe", PATIENCE_S, False)
        health.problem.vi = f"Không trả lời trong {PATIENCE_S:g} giây."
        health.problem.en = f"No answer within {PATIENCE_S:g} seconds."
    except Exception:
        _log.exception("fault", store=health.name)
        health.problem.vi, health.problem.en = "Lỗi bên trong; xem nhật ký.", "An internal fault; see the log."
    else:
        health.reachable = True
        return answer
    since = seen.silent_since(health.name)
    if since:
        health.silent_since.CopyFrom(to_timestamp(since))
    return None


async def engines(watched: Watched) -> dict[str, EngineState]:
    """State of the servers that answer, by name of their store."""

    async def ask(store: HasEngine) -> EngineState | None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await store.engine()
        except (NgocLinhError, TimeoutError):
            return None
        except Exception:
            _log.exception("fault", engine=type(store).__name__)
            return None

    asked = watched.engines
    states = await asyncio.gather(*(ask(store) for store in asked.values()))
    return {name: state for name, state in zip(asked, states, strict=True) if state is not None}


def size(file: Path) -> int:
    """Bytes of a file with those that SQLite keeps beside it; 0 where there is none."""
    beside = (file.with_name(file.name + suffix) for suffix in ("", "-wal", "-shm"))
    return sum(each.stat().st_size for each in beside if each.exists())


def queues(
    depth: Mapping[tuple[str, str], int], since: Callable[[str], datetime | None] = lambda queue: None
) -> list[QueueHealth]:
    """How many events wait for each group, and since when some do."""
    found = [QueueHealth(name="/".join(place), waiting_count=count) for place, count in sorted(depth.items())]
    for queue in found:
        moment = since(queue.name) if queue.waiting_count else None
        if moment is not None:
            queue.waiting_since.CopyFrom(to_timestamp(moment))
    return found


def crawler(sources: Iterable[Source], enabled: bool) -> CrawlerHealth:
    """The crawler by what it said about its sources."""
    known = list(sources)
    health = CrawlerHealth(
        enabled=enabled,
        source_count=len(known),
        active_count=sum(source.state == SOURCE_STATE_ACTIVE for source in known),
        problem_count=sum(_in_trouble(source) for source in known),
    )
    polled = [source.poll_time for source in known if source.HasField("poll_time")]
    if polled:
        health.last_poll_time.CopyFrom(max(polled, key=lambda stamp: stamp.ToNanoseconds()))
    return health


def _in_trouble(source: Source) -> bool:
    """Is it not polled, has it a problem, or did its last check find something that does not read as declared?"""
    return source.state in _WRONG or source.HasField("problem") or any(not check.ok for check in source.checks)


def disk(data_dir: Path) -> DiskHealth:
    """The disk that the data folder lies on."""
    usage = shutil.disk_usage(data_dir)
    return DiskHealth(free_bytes=usage.free, total_bytes=usage.total)


def versions(states: Iterable[EngineState] = ()) -> list[PartVersion]:
    """Versions of the parts that matter when something is wrong, those of the servers last."""
    found = {
        "ngoclinh": metadata.version("ngoclinh"),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "grpc": grpc.__version__,
    }
    for state in states:
        found |= state.versions
    return [PartVersion(name=name, version=version) for name, version in found.items()]
