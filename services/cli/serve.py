"""`ngoclinh serve`: one part of the product as a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import common
from services.cli.up import reload_signal, stop_signal
from services.core.errors import InvalidField

if TYPE_CHECKING:
    from services.core.config import Settings


def serve(
    ctx: typer.Context,
    role: Annotated[str, typer.Argument(help="gateway, media, sentiment, land, imports, worker or crawler.")],
) -> None:
    """Run one part; the settings `peers` say where the others are. Prints one line `ready …` when it serves."""
    common.run(_serve(common.settings_from(ctx), role), ctx)


async def _serve(settings: Settings, name: str) -> None:
    from services.bootstrap import running
    from services.roles import ROLES
    from services.schema import until_migrated

    if name not in ROLES:
        parts = ", ".join(ROLES)
        raise InvalidField("role", f"không có phần “{name}”; có: {parts}", f"no part '{name}'; there are {parts}")
    stop = stop_signal()
    await until_migrated(settings, ROLES[name], stop)
    if stop.is_set():
        return
    async with running(settings, role=ROLES[name]) as program:
        reload_signal(program)
        print(f"ready {name} {program.url} grpc://{program.grpc_address}", flush=True)
        await program.until(stop)
