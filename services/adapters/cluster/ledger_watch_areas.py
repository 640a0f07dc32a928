"""The watch areas that people keep, in the PostgreSQL ledger: every change with who and when."""

from __future__ import annotations

from ngoclinh.area.v1.area_service_pb2 import WatchArea

from services.adapters import ledger_rows as rows
from services.adapters.cluster.postgres import Postgres
from services.core.clock import Clock

_NEWEST = "SELECT DISTINCT ON (name) record FROM watch_area_change ORDER BY name, id DESC"
_CHANGE = 'INSERT INTO watch_area_change (name, "user", time, record) VALUES (%s, %s, %s, %s)'


class PostgresWatchAreas:
    """The clauses of the port `Ledger` about watch areas; a part of `PostgresLedger`."""

    _database: Postgres
    _clock: Clock

    async def put_watch_area(self, area: WatchArea, user: str) -> None:
        """Keep a watch area, new or changed, with who and when."""
        await self._change(area.name, user, area.SerializeToString())

    async def delete_watch_area(self, name: str, user: str) -> None:
        """End a watch area, with who and when; one that is not kept changes nothing."""
        await self._change(name, user, None)

    async def watch_areas(self) -> list[WatchArea]:
        """The watch areas that are kept, in the order of their names."""
        return [WatchArea.FromString(record) for (record,) in await self._database.fetch(_NEWEST) if record is not None]

    async def _change(self, name: str, user: str, record: bytes | None) -> None:
        row = (name, user, rows.micros(self._clock()), record)
        await self._database.write(lambda connection: connection.execute(_CHANGE, row))
