"""`ngoclinh up`: everything, embedded."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli import common

if TYPE_CHECKING:
    from services.bootstrap import Running
    from services.core.config import Settings


ANSWER_S = 60.0
"""Seconds for the stores to answer with the data of a backup."""
RELOAD_S = 60.0
"""Seconds for which a model may take to load."""


def up(
    ctx: typer.Context,
    port: Annotated[int | None, typer.Option(help="Port of the gateway; 0 takes a free one.")] = None,
    grpc_port: Annotated[int | None, typer.Option(help="Port for gRPC; 0 takes a free one.")] = None,
    crawl: Annotated[bool | None, typer.Option(help="Crawl while it runs.")] = None,
    only: Annotated[
        Literal["land", "media"] | None,
        typer.Option(
            help="For offices that keep land data off the Internet: media crawls and knows no parcels, land never crawls."
        ),
    ] = None,
) -> None:
    """Run everything: services, workers, crawler, gateway. Prints one line `ready …` when it serves."""
    settings = common.settings_from(ctx, gateway__port=port, grpc__port=grpc_port, crawler__enabled=crawl)
    if common.run(serve(settings, only), ctx):
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  the command that we are


async def serve(settings: Settings, only: str | None = None) -> bool:
    """Serve until SIGTERM or SIGINT; a name of `roles.ONLY` serves one half.

    Returns:
        Whether the program is to start again: a restore was asked for, or its backup did not answer.
    """
    from services.bootstrap import running
    from services.maintenance import pending
    from services.roles import ALL, ONLY

    await asyncio.to_thread(pending.carry_out, settings)
    stop, restart = stop_signal(), asyncio.Event()
    try:
        async with running(settings, role=ONLY[only] if only else ALL, restart=restart) as program:
            await answers_with_the_backup(program)
            reload_signal(program)
            say_ready(program)
            await program.until(stop, restart)
    except Exception as error:
        if not await asyncio.to_thread(pending.silent, settings, error):
            raise
        return True
    return restart.is_set() and not stop.is_set()


async def answers_with_the_backup(program: Running) -> None:
    """Where a restore is on trial, ask every store; once all of them answer it is done, and stands in the audit log.

    Raises:
        NgocLinhError, TimeoutError: a store does not answer.
    """
    from services.access.audit import Audit
    from services.maintenance import pending
    from services.rpc.caller import Caller

    wish = pending.read(program.settings.data_dir)
    if wish is None or wish.state != "trying":
        return
    stores = program.stores
    async with asyncio.timeout(ANSWER_S):
        await asyncio.gather(stores.bus.depth(), stores.ledger.sources(), stores.parcels.imports(1))
    await asyncio.to_thread(pending.answered, program.settings)
    who = Caller(wish.user, frozenset())
    await Audit(stores.ledger, program.settings.data_dir).keep(
        who, "program/Restore", f"backups/{wish.file.name}", "OK", ""
    )


def say_ready(program: Running) -> None:
    """Print the one line that says where it serves."""
    print(f"ready {program.url} grpc://{program.grpc_address}", flush=True)


def reload_signal(program: Running) -> None:
    """From now on, SIGHUP loads the model of the sentiment service again; the log says how it went."""
    from ngoclinh.sentiment.v1.sentiment_service_pb2 import ReloadModelRequest
    from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

    stub, calls = SentimentServiceStub(program.channel), set()

    def reload() -> None:
        call = stub.ReloadModel(ReloadModelRequest(), timeout=RELOAD_S)
        calls.add(call)
        call.add_done_callback(calls.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; a second signal ends the program at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask, number)
    return stop
