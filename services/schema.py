"""Where a migration of its own brings the database up to date, a part serves only when that was done.

A release replaces pods one by one while its migration runs: a new one that listened before would be given calls that it
has to refuse, although an old one could answer them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from services.core.config import Settings
from services.core.errors import NgocLinhError
from services.core.log import get_logger
from services.roles import Role
from services.stores import adapter, require

LOOK_S = 1.0
"""Seconds between two looks at a schema that lacks something."""
_WITHOUT_DATABASE = {"sentiment", "situation"}
"""Keys of services that ask no database."""
_log = get_logger(__name__)


async def until_migrated(settings: Settings, role: Role, stop: asyncio.Event) -> None:
    """Wait until the schemas that a role uses are those of this release, or until `stop` is set.

    Returns at once where the part brings them up to date itself (`postgres.migrate`), and where the database does not
    answer or a newer release made it: then the part says so to its callers.
    """
    uses = bool(role.workers or set(role.services) - _WITHOUT_DATABASE)
    schemas = [name for name in ("ledger", "parcels") if uses and adapter(settings, name) == "cluster"]
    for schema in schemas if not settings.postgres.migrate else ():
        postgres = require("services.adapters.cluster.postgres").Postgres(settings.postgres, schema)
        try:
            await _prepared(postgres.prepare, stop)
        finally:
            await postgres.close()


async def _prepared(prepare: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
    told = False
    while not stop.is_set():
        try:
            await prepare()
            return
        except NgocLinhError as error:
            if "missing" not in error.details:
                return
            if not told:
                _log.warning("waiting for the migration", missing=error.details["missing"])
                told = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_S)
