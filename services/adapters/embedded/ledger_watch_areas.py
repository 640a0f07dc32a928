"""The watch areas that people keep, in the SQLite ledger: every change with who and when."""

from __future__ import annotations

from ngoclinh.area.v1.area_service_pb2 import WatchArea

from services.adapters import ledger_rows as rows
from services.adapters.embedded.database import Database
from services.core.clock import Clock

MIGRATION = """
    CREATE TABLE watch_area_change (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        user TEXT NOT NULL,
        time INTEGER NOT NULL,
        record BLOB
    );
    CREATE INDEX watch_area_change_name ON watch_area_change (name, id);
"""
"""A watch area is the newest record of its name; a change without a record is its end."""

_NEWEST = """
    SELECT record FROM watch_area_change JOIN (SELECT max(id) AS id FROM watch_area_change GROUP BY name) USING (id)
    WHERE record IS NOT NULL ORDER BY name
"""


class SqliteWatchAreas:
    """The clauses of the port `Ledger` about watch areas; a part of `SqliteLedger`."""

    _database: Database
    _clock: Clock

    async def put_watch_area(self, area: WatchArea, user: str) -> None:
        """Keep a watch area, new or changed, with who and when."""
        await self._change(area.name, user, area.SerializeToString())

    async def delete_watch_area(self, name: str, user: str) -> None:
        """End a watch area, with who and when; one that is not kept changes nothing."""
        await self._change(name, user, None)

    async def watch_areas(self) -> list[WatchArea]:
        """The watch areas that are kept, in the order of their names."""
        found = await self._database.read(lambda connection: connection.execute(_NEWEST).fetchall())
        return [WatchArea.FromString(record) for (record,) in found]

    async def _change(self, name: str, user: str, record: bytes | None) -> None:
        now = rows.micros(self._clock())
        await self._database.write(
            lambda connection: connection.execute(
                "INSERT INTO watch_area_change (name, user, time, record) VALUES (?, ?, ?, ?)",
                (name, user, now, record),
            )
        )
