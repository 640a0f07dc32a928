"""The composition root: settings → stores → servicers → servers, workers, crawler. The only place that knows them all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc.aio

from services import crawler_process, folder
from services.access.audit import Audit
from services.access.sign_in import SignIn
from services.access.upkeep import first_users
from services.adapters.embedded.files import Files
from services.backup.restore import finish as finish_restore
from services.chores import again, first, gauges, outlook, with_rules
from services.core import tracing
from services.core.clock import Clock, utc_now
from services.core.config import Settings
from services.core.errors import Unavailable
from services.core.observation import Observations
from services.core.ports import Bus
from services.core.worker import Handle, Together, run_worker
from services.gateway.app import Gateway
from services.gateway.metrics import metrics_server
from services.gateway.serve import WebServer
from services.maintenance import servicer as maintenance
from services.monitoring.now import Watch
from services.operations.gauges import Gauges
from services.operations.outlook import Outlook
from services.parts import Services, at_once, handlers
from services.roles import ALL, Role, addresses
from services.rpc.access import Gate
from services.rpc.address import require_safe_address
from services.rpc.client import connect
from services.rpc.routing import RoutingChannel
from services.rpc.serve import Server
from services.stores import Stores, open_stores, watch
from services.supervisor import Child, Lock, is_locked
from services.upkeep import Chores, Step, keep_up

LOCK_WAIT_S = 1.0
"""Seconds to wait for the lock: who only looks whether a program runs holds it for a moment."""
BEGIN_S = 20.0
"""Seconds to wait for the first steps before the program serves without them."""
STALLED_S = 120.0
"""Seconds without progress after which a drain gives up."""


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

    async def until(self, *stops: asyncio.Event) -> None:
        """Wait until one of `stops` is set; a worker that ends before is raised as the fault that it is."""
        waiting = {asyncio.create_task(stop.wait()) for stop in stops}
        done, _ = await asyncio.wait({*waiting, *self.tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        for task in done - waiting:
            task.result()


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    doors: bool = True,
    work: bool = True,
    crawl: bool = True,
    role: Role = ALL,
    clock: Clock = utc_now,
    restart: asyncio.Event | None = None,
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
        restart: set where a person asks that the program starts again; None where nothing starts it again.
        **given: stores to use, by the names of `Stores`, and a `classifier`.

    Raises:
        Conflict: another program works in the data folder, or a port is taken.
        InvalidField: an address beyond loopback without users and TLS, or a data folder that cannot be used.
    """
    require_safe_address(settings.grpc)
    folder.make(settings.data_dir)
    async with AsyncExitStack() as stack:
        _take_folder(stack, settings, role)
        seen = Observations(clock)
        classifier = given.pop("classifier", None)
        load = None if classifier is None else lambda: classifier
        stores = _watched_stores(stack, settings, seen, given)
        people = _people(stack, settings, stores, role, clock)
        server, channel = _server(stack, settings, role, people, doors)
        beside = _beside(settings, stores, role, clock, seen, work)
        services = Services.over(settings, stores, channel, clock, seen, role, load, beside.program(restart))
        await _serve(stack, server, services)
        program = Running(settings, stores, channel)
        if work:
            handled = tracing.traced(handlers(settings, stores, services, channel, clock, role))
            lasting = {"audit": people.audit.keep_up(), **_workers(settings, stores, handled)}
            if "operations" in role.services:
                lasting["rules"] = beside.rules.keep()
            await _work(stack, program, first(services, stores, role), beside.chores, lasting)
        if doors:
            program.grpc_address = server.address
            page = beside.measured.page
            gateway = Gateway(channel, settings, people.sign_in, people.audit.keep, page) if role.web else None
            await _open_doors(stack, program, gateway, beside.measured)
        if crawl and role.crawl and settings.crawler.enabled:
            child = crawler(settings)
            await child.start()
            stack.push_async_callback(child.stop)
        yield program


def _take_folder(stack: AsyncExitStack, settings: Settings, role: Role) -> None:
    """Nobody else works in the data folder from here on; a restore that was broken off ends before anything is opened."""
    stack.enter_context(Lock(settings.data_dir / "lock", LOCK_WAIT_S))
    finish_restore(settings.data_dir)
    tracing.configure(settings.tracing, "core" if role is ALL else "+".join(role.services) or "worker")
    stack.push_async_callback(asyncio.to_thread, tracing.stop)


@dataclass(frozen=True)
class _People:
    """Who knows people, what they may do, and what they did."""

    sign_in: SignIn
    gate: Gate
    audit: Audit


def _people(stack: AsyncExitStack, settings: Settings, stores: Stores, role: Role, clock: Clock) -> _People:
    """They ask the ledger; what was done is kept before it closes."""
    users = first_users(settings.gateway.users_file) if settings.gateway.users_file and role.web else {}
    sign_in, audit = SignIn(stores.ledger, settings, users, clock), Audit(stores.ledger, settings.data_dir, clock)
    stack.push_async_callback(audit.close)
    return _People(sign_in, Gate(settings.grpc, sign_in.by_authorization), audit)


def _server(
    stack: AsyncExitStack, settings: Settings, role: Role, people: _People, doors: bool
) -> tuple[Server, grpc.aio.Channel]:
    """The server of a role, which serves nothing yet, and a channel to all services, here and elsewhere."""
    unix = stack.enter_context(folder.socket(settings.data_dir))
    server = Server(settings.grpc, tcp=doors, unix=unix, gate=people.gate, audit=people.audit.stage)
    elsewhere = {name: to for name, to in addresses(settings.peers).items() if name not in role.names}
    channel = people.gate.channel = RoutingChannel(server.target, elsewhere, settings.grpc)
    stack.push_async_callback(channel.close)
    return server, channel


@dataclass(frozen=True)
class _Beside:
    """What a process does and measures beside serving."""

    chores: Chores
    besides: Outlook
    measured: Gauges
    rules: Watch

    def program(self, restart: asyncio.Event | None) -> maintenance.Program:
        """The same as services tell of it."""
        return maintenance.Program(self.chores, with_rules(self.besides, self.rules), restart.set if restart else None)


def _beside(settings: Settings, stores: Stores, role: Role, clock: Clock, seen: Observations, work: bool) -> _Beside:
    chores = again(settings, stores, role, clock) if work else Chores()
    besides = outlook(settings, stores, role, clock)
    measured = gauges(settings, stores, seen, role, besides)
    return _Beside(chores, besides, measured, Watch(measured.page, clock))


async def _serve(stack: AsyncExitStack, server: Server, services: Services) -> None:
    """Answer calls of this process; leaving takes no new ones before anything that they need is closed."""
    for name, servicer in services.by_name.items():
        server.add(name, servicer)
    stack.push_async_callback(services.close)
    await server.start()
    stack.push_async_callback(server.stop)


async def _work(
    stack: AsyncExitStack,
    program: Running,
    steps: Mapping[str, Step],
    chores: Chores,
    lasting: Mapping[str, Coroutine[Any, Any, None]],
) -> None:
    """Begin what runs until the program stops: the first steps and the chores, and what lasts beside them."""
    upkeep = keep_up(steps, begun := asyncio.Event(), chores)
    program.tasks = _tasks({"upkeep": upkeep, **lasting})
    stack.push_async_callback(_cancel, program.tasks)
    await _begun(program.tasks[0], begun)


def _watched_stores(stack: AsyncExitStack, settings: Settings, seen: Observations, given: Mapping[str, Any]) -> Stores:
    """The stores, which tell `seen` how they do and close with the stack."""
    stores = watch(open_stores(settings, **given), seen)
    for store in (stores.bus, stores.ledger, stores.index, stores.parcels):
        stack.push_async_callback(store.close)
    return stores


def _workers(
    settings: Settings, stores: Stores, handled: Mapping[tuple[str, str], Handle | Together]
) -> dict[str, Coroutine[Any, Any, None]]:
    """What each worker does, by its subject and group."""
    return {
        ".".join(place): run_worker(stores.bus, *place, handle, at_once=at_once(settings, place))
        for place, handle in handled.items()
    }


def _tasks(work: Mapping[str, Coroutine[Any, Any, None]]) -> tuple[asyncio.Task[None], ...]:
    return tuple(asyncio.create_task(coroutine, name=name) for name, coroutine in work.items())


async def _open_doors(stack: AsyncExitStack, program: Running, gateway: Gateway | None, measured: Gauges) -> None:
    """Listen for browsers and for the monitoring."""
    settings = program.settings
    if settings.observability.metrics_address:
        exported = metrics_server(settings.observability, measured.page)
        await exported.start()
        stack.push_async_callback(exported.stop)
        program.metrics_url = exported.url
    if gateway is not None:
        web = WebServer(gateway.app, settings.gateway)
        await web.start()
        stack.push_async_callback(web.stop)
        stack.callback(gateway.events.close)
        program.url = web.url


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
    silence_s = settings.crawler.silence_s
    return Child("crawler", crawler_process.command(), job, crawler_process.environment(), silence_s)


async def _cancel(tasks: tuple[asyncio.Task[Any], ...]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
