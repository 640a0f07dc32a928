"""The composition root: settings → stores → servicers → servers, workers, crawler. The only place that knows them all."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc.aio

from crawlers import catalogue
from services import crawler_process
from services.access.audit import Audit
from services.access.servicer import AccessServicer
from services.access.sign_in import SignIn
from services.access.upkeep import first_users
from services.adapters.embedded.files import Files
from services.area.servicer import AreaServicer
from services.backup import scheduled
from services.backup.restore import finish as finish_restore
from services.core.clock import Clock, utc_now
from services.core.config import Settings
from services.core.errors import InvalidField, Unavailable
from services.core.names import EDITIONS, area_name, source_name
from services.core.observation import Observations
from services.core.ports import Bus
from services.core.worker import Handle, run_worker
from services.gateway.app import Gateway
from services.gateway.metrics import metrics_server
from services.gateway.serve import WebServer
from services.land.import_servicer import ImportServicer
from services.land.servicer import LandServicer
from services.media import rebuild
from services.media.alert_servicer import AlertServicer
from services.media.alerting import Alerter, Notifier
from services.media.analyze import Analyzer
from services.media.evidence import EvidenceStore
from services.media.retention import Janitor
from services.media.servicer import MediaServicer
from services.media.workers import SIDE_BY_SIDE, Keeper
from services.operations.gauges import Gauges
from services.operations.health import Watched
from services.operations.servicer import OperationsServicer
from services.roles import ALL, Role, addresses
from services.rpc.access import Gate
from services.rpc.address import require_safe_address
from services.rpc.client import connect
from services.rpc.routing import RoutingChannel
from services.rpc.serve import Server
from services.sentiment.servicer import SentimentServicer
from services.situation.servicer import SituationServicer
from services.stores import Stores, adapter, open_store, open_stores, watch
from services.supervisor import Child, Lock, is_locked
from services.upkeep import Repeated, keep_up

LOCK_WAIT_S = 1.0
"""Seconds to wait for the lock: who only looks whether a program runs holds it for a moment."""
BEGIN_S = 20.0
"""Seconds to wait for the first steps before the program serves without them."""
COMPANIONS_S = 60.0
"""Seconds between two looks at the sources and alerts that analysts see beside the articles."""
RETENTION_S, RETENTION_AFTER_S = 86_400.0, 3600.0
"""Seconds between two runs that forget what is due, and from the start to the first."""
BACKUP_LOOK_S = 600.0
"""Seconds between two looks whether a backup is due."""
STALLED_S = 120.0
"""Seconds without progress after which a drain gives up."""
_SOCKET_FOLDER = "ngoclinh-socket-"
_KEEPS_INDEX = ("media.analyzed", "index")


@dataclass
class Running:
    """A program that serves.

    Attributes:
        settings: what it was made from.
        stores: its stores.
        channel: to all its services.
        grpc_address: "host:port" for other programs; "" where that door is closed.
        url: of the gateway; "" where that door is closed.
        metrics_url: of the port of the metrics; "" where there is none.
        tasks: workers, which run until the program stops.
    """

    settings: Settings
    stores: Stores
    channel: grpc.aio.Channel
    grpc_address: str = ""
    url: str = ""
    metrics_url: str = ""
    tasks: tuple[asyncio.Task[Any], ...] = ()

    async def until(self, stop: asyncio.Event) -> None:
        """Wait until `stop` is set; a worker that ends before is raised as the fault that it is."""
        waiting = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({waiting, *self.tasks}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for task in done - {waiting}:
            task.result()


def _at_once(settings: Settings, place: tuple[str, str]) -> int:
    return settings.media.events_at_once if place in SIDE_BY_SIDE else 1


def watched(settings: Settings, stores: Stores, seen: Observations) -> Watched:
    """The stores as OperationsService watches them."""
    files = Files(settings.data_dir)
    places = {"bus": files.bus, "ledger": files.ledger, "index": files.index, "parcels": files.parcels}
    embedded = {name: place for name, place in places.items() if adapter(settings, name) == "embedded"}
    return Watched(stores.bus, stores.ledger, stores.index, stores.parcels, settings.data_dir, embedded, seen)


@dataclass
class Services:
    """The servicers of one process; they reach each other over the channel only.

    Attributes:
        by_name: servicer by the full name of its service.
    """

    by_name: Mapping[str, Any]

    @classmethod
    def over(
        cls,
        settings: Settings,
        stores: Stores,
        channel: grpc.aio.Channel,
        clock: Clock,
        seen: Observations,
        role: Role = ALL,
    ) -> Services:
        """The servicers of a role over some stores."""
        evidence = EvidenceStore(settings.data_dir / "evidence")
        uploads = settings.data_dir / "uploads"
        crawling = settings.crawler.enabled
        makers: Mapping[str, Callable[[], Any]] = {
            _AREA: lambda: AreaServicer(settings.watch_areas, clock, stores.ledger),
            _MEDIA: lambda: MediaServicer(stores.bus, stores.ledger, stores.index, evidence, channel, clock),
            _ALERTS: lambda: AlertServicer(stores.ledger, stores.index, channel, settings.alerts.webhook_hosts, clock),
            _SENTIMENT: lambda: SentimentServicer(
                stores.classifier, settings.sentiment, lambda: open_store(settings, "classifier")
            ),
            _LAND: lambda: LandServicer(stores.parcels, settings.land),
            _IMPORTS: lambda: ImportServicer(stores.parcels, stores.bus, uploads, settings.land, clock),
            _SITUATION: lambda: SituationServicer(channel, settings.default_watch_area, settings.situation, clock),
            _OPERATIONS: lambda: OperationsServicer(watched(settings, stores, seen), channel, crawling, clock),
            _ACCESS: lambda: AccessServicer(stores.ledger, clock),
        }
        return cls({name: make() for name, make in makers.items() if name in role.names})

    @property
    def first_steps(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        """What some of them do before all else, by name."""
        return {name: self.by_name[name].start for name in (_MEDIA, _IMPORTS) if name in self.by_name}

    async def close(self) -> None:
        """Stop what works in the background."""
        for name in (_IMPORTS, _LAND, _SENTIMENT):
            if name in self.by_name:
                await self.by_name[name].close()


_AREA, _LAND, _IMPORTS = (
    "ngoclinh.area.v1.AreaService",
    "ngoclinh.land.v1.LandService",
    "ngoclinh.land.v1.ImportService",
)
_MEDIA, _ALERTS = "ngoclinh.media.v1.MediaService", "ngoclinh.media.v1.AlertService"
_SENTIMENT, _SITUATION = "ngoclinh.sentiment.v1.SentimentService", "ngoclinh.situation.v1.SituationService"
_OPERATIONS, _ACCESS = "ngoclinh.operations.v1.OperationsService", "ngoclinh.access.v1.AccessService"


def handlers(
    settings: Settings,
    stores: Stores,
    services: Services,
    channel: grpc.aio.Channel,
    clock: Clock,
    role: Role = ALL,
) -> Mapping[tuple[str, str], Handle]:
    """The handler of every (subject, group) that a role works for."""
    every = {
        **Keeper(stores.ledger, stores.index, clock).handlers,
        **Analyzer(channel, source_areas(settings), clock).handlers,
        **Alerter(stores.ledger, stores.index, channel, clock).handlers,
        **Notifier(settings.alerts.webhook_hosts).handlers,
        **(services.by_name[_SITUATION].handlers if _SITUATION in services.by_name else {}),
    }
    return {place: handle for place, handle in every.items() if place in role.workers}


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    doors: bool = True,
    work: bool = True,
    crawl: bool = True,
    role: Role = ALL,
    clock: Clock = utc_now,
    **given: Any,
) -> AsyncIterator[Running]:
    """Run a role, by itself everything, in this process, over the stores that the settings ask for; leaving the block stops it gracefully.

    What people upload (evidence, files of parcels) and the crawler's frontier lie in the data folder in either mode.

    Args:
        settings: all settings.
        doors: listen for others, gRPC and HTTP; without, only this process reaches the services.
        work: run the workers that keep ledger and index and analyse.
        crawl: run the crawler child, where the settings enable it.
        role: what this process does.
        clock: the present moment.
        **given: stores to use, by the names of `Stores`.

    Raises:
        Conflict: another program works in the data folder, or a port is taken.
        InvalidField: an address beyond loopback without users and TLS, or a data folder that cannot be used.
    """
    require_safe_address(settings.grpc)
    _make_folder(settings.data_dir)
    async with AsyncExitStack() as stack:
        stack.enter_context(Lock(settings.data_dir / "lock", LOCK_WAIT_S))
        finish_restore(settings.data_dir)
        seen = Observations(clock)
        stores = watch(open_stores(settings, **given), seen)
        for store in (stores.bus, stores.ledger, stores.index, stores.parcels):
            stack.push_async_callback(store.close)
        users = first_users(settings.gateway.users_file) if settings.gateway.users_file and role.web else {}
        sign_in, audit = SignIn(stores.ledger, settings, users, clock), Audit(stores.ledger, clock)
        gate = Gate(settings.grpc, sign_in.by_authorization)
        unix = stack.enter_context(_socket(settings.data_dir))
        server = Server(settings.grpc, tcp=doors, unix=unix, gate=gate, audit=audit.stage)
        elsewhere = {name: to for name, to in addresses(settings.peers).items() if name not in role.names}
        channel = gate.channel = RoutingChannel(server.target, elsewhere, settings.grpc)
        stack.push_async_callback(channel.close)
        services = Services.over(settings, stores, channel, clock, seen, role)
        for name, servicer in services.by_name.items():
            server.add(name, servicer)
        stack.push_async_callback(services.close)
        await server.start()
        stack.push_async_callback(server.stop)
        program = Running(settings, stores, channel)
        if work:
            program.tasks = (
                asyncio.create_task(
                    keep_up(
                        _first(services, stores, role),
                        begun := asyncio.Event(),
                        _again(settings, stores, role, clock),
                    ),
                    name="upkeep",
                ),
                *(
                    asyncio.create_task(
                        run_worker(stores.bus, *place, handle, at_once=_at_once(settings, place)), name=".".join(place)
                    )
                    for place, handle in handlers(settings, stores, services, channel, clock, role).items()
                ),
            )
            stack.push_async_callback(_cancel, program.tasks)
            await _begun(program.tasks[0], begun)
        measured = gauges(settings, stores, seen, role)
        if doors:
            program.grpc_address = server.address
        if doors and settings.observability.metrics_address:
            exported = metrics_server(settings.observability, measured.page)
            await exported.start()
            stack.push_async_callback(exported.stop)
            program.metrics_url = exported.url
        if doors and role.web:
            gateway = Gateway(channel, settings, sign_in, audit.keep, measured.page)
            web = WebServer(gateway.app, settings.gateway)
            await web.start()
            stack.push_async_callback(web.stop)
            stack.callback(gateway.events.close)
            program.url = web.url
        if crawl and role.crawl and settings.crawler.enabled:
            child = crawler(settings)
            await child.start()
            stack.push_async_callback(child.stop)
        yield program


def _first(services: Services, stores: Stores, role: Role) -> Mapping[str, Callable[[], Awaitable[object]]]:
    """What is done before all else, by name: an index that was lost is filled by those who keep it."""
    index = (
        {"index": lambda: rebuild.rebuild_if_empty(stores.ledger, stores.index)} if _KEEPS_INDEX in role.workers else {}
    )
    return {**index, **services.first_steps}


def _again(settings: Settings, stores: Stores, role: Role, clock: Clock) -> Sequence[Repeated]:
    """What comes again and again, for those who keep the index: forgetting, the backup, and what analysts see with Kibana."""
    if _KEEPS_INDEX not in role.workers:
        return ()
    again = list[Repeated]()
    if settings.retention.enabled:
        again.append(Repeated(RETENTION_S, janitor(settings, stores, clock).run, after_s=RETENTION_AFTER_S))
    if settings.backup.folder is not None:
        again.append(Repeated(BACKUP_LOOK_S, lambda: asyncio.to_thread(scheduled.run, settings, clock), BACKUP_LOOK_S))
    if adapter(settings, "index") == "cluster":
        from services.adapters.cluster.elastic_companions import refresh_companions

        again.append(Repeated(COMPANIONS_S, lambda: refresh_companions(stores.ledger, settings.elasticsearch)))
    return again


def gauges(settings: Settings, stores: Stores, seen: Observations, role: Role) -> Gauges:
    """What a role measures: those who serve operations look at what all share, those who make the backup at its age."""
    folder = settings.backup.folder if _KEEPS_INDEX in role.workers else None

    def last_backup() -> datetime | None:
        return next((moment for moment, _ in reversed(scheduled.kept(folder))), None) if folder else None

    return Gauges(watched(settings, stores, seen), _OPERATIONS in role.names, last_backup if folder else None)


def janitor(settings: Settings, stores: Stores, clock: Clock = utc_now) -> Janitor:
    """Who forgets what is due."""
    evidence = EvidenceStore(settings.data_dir / "evidence")
    state = settings.data_dir / "retention.json"
    return Janitor(stores.ledger, stores.index, evidence, settings.retention, state, clock)


async def _begun(upkeep: asyncio.Task[None], begun: asyncio.Event) -> None:
    """Wait for the first steps, but not for a store that does not answer or an index that takes long to fill."""
    waiting = asyncio.create_task(begun.wait())
    await asyncio.wait({waiting, upkeep}, timeout=BEGIN_S, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if upkeep.done():
        upkeep.result()


@asynccontextmanager
async def reach(settings: Settings) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the services of the data folder: of the program that runs there, else of this process for a while."""
    link = settings.data_dir / "socket"
    if is_locked(settings.data_dir / "lock") and link.exists():
        channel = connect(f"unix:{link.resolve()}", settings.grpc.default_deadline_s)
        async with channel:
            yield channel
    else:
        async with running(settings, doors=False, work=False, crawl=False) as program:
            yield program.channel


async def crawl_once(settings: Settings) -> dict[tuple[str, str], int]:
    """Poll every source once, drain through analysis into ledger and index; returns what could not be drained.

    Raises:
        Unavailable: the crawler failed; what it had found is drained all the same.
    """
    async with running(settings, doors=False, crawl=False) as program:
        code = await crawler(settings, once=True).run()
        left = await drain(program.stores.bus)
        if code:
            raise Unavailable(
                f"Tiến trình thu thập dừng với mã {code}; nhật ký cho biết lý do.",
                f"The crawler ended with code {code}; the log says why.",
            )
        return left


def source_areas(settings: Settings) -> dict[str, list[str]]:
    """By the name of a source, the areas that it writes about; what people paste is about their watch areas."""
    declared = catalogue.declared(settings)
    watched = [area_name(EDITIONS[-1], code) for area in settings.watch_areas.values() for code in area.areas]
    return {source_name(spec.id): spec.areas for spec in declared} | {source_name("manual"): watched}


async def drain(bus: Bus, stalled_s: float = STALLED_S) -> dict[tuple[str, str], int]:
    """Wait until workers have ended all events, or nothing moves any more; returns what is left by (subject, group).

    Raises:
        Unavailable: the bus did not answer for `stalled_s`.
    """
    clock = asyncio.get_running_loop().time
    before: Mapping[tuple[str, str], int] = {}
    moved = clock()
    while True:
        try:
            depth = await bus.depth()
        except Unavailable:
            if clock() - moved > stalled_s:
                raise
            await asyncio.sleep(1)
            continue
        left = {key: count for key, count in depth.items() if count and key[1] != "crawler"}
        if not left or clock() - moved > stalled_s:
            return left
        if left != before:
            before, moved = left, clock()
        await asyncio.sleep(0.1)


def crawler(settings: Settings, once: bool = False) -> Child:
    """The crawler child."""
    files = Files(settings.data_dir)
    job = crawler_process.job(settings, files.frontier, once)
    return Child("crawler", crawler_process.command(), job, crawler_process.environment())


@contextlib.contextmanager
def _socket(data_dir: Path) -> Any:
    """Path of the Unix socket, short because the kernel takes 107 bytes; `socket` in the data folder leads to it.

    Who holds the lock has no living predecessor: the folder that one left behind when it was killed is removed.
    """
    link = data_dir / "socket"
    if link.is_symlink():
        left = link.readlink().parent
        if left.name.startswith(_SOCKET_FOLDER):
            shutil.rmtree(left, ignore_errors=True)
    link.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix=_SOCKET_FOLDER) as private:
        path = Path(private) / "socket"
        link.symlink_to(path)
        yield path
        link.unlink(missing_ok=True)


async def _cancel(tasks: tuple[asyncio.Task[Any], ...]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _make_folder(data_dir: Path) -> None:
    """Make the data folder where it is not there, and look whether files can be made in it."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        why = error.strerror or str(error)
        raise InvalidField(
            "data_dir", f"không dùng được thư mục {data_dir}: {why}", f"cannot use the folder {data_dir}: {why}"
        ) from error
