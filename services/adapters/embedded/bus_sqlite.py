"""The bus as an SQLite spool that the core process and the crawler share.

Every event lies once for each group of its subject. A consumer takes the event that is due longest by moving its due
time to the end of the lease; who holds the lease is told by a token, so that a late acknowledgement of an expired
lease changes nothing. Times are wall-clock seconds, because they must mean the same in every process and after a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from google.protobuf.message import Message

from services.adapters.embedded.database import Database
from services.core import events
from services.core.errors import Unavailable
from services.core.names import random_id
from services.core.ports import BATCH_BYTES, SUBJECTS, TOGETHER, Delivery, Output, Quarantined

DEDUP_WINDOW_S = 86_400.0
"""Seconds during which the same (subject, key) is stored once."""
LEASE_S = 60.0
"""Seconds after which an event that was not ended comes again."""
POLL_S = (0.05, 1.0)
"""Shortest and longest pause between two looks for an event of another process, in seconds."""
SWEEP_S = 300.0
"""Seconds between two cleanings."""

MIGRATIONS = (
    """
    CREATE TABLE published (
        subject TEXT NOT NULL, key TEXT NOT NULL, time REAL NOT NULL, PRIMARY KEY (subject, key)
    ) WITHOUT ROWID;
    CREATE INDEX published_time ON published (time);
    CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        subject TEXT NOT NULL,
        consumer TEXT NOT NULL,
        key TEXT NOT NULL,
        payload BLOB NOT NULL,
        attempt INTEGER NOT NULL DEFAULT 0,
        token TEXT NOT NULL DEFAULT '',
        set_time REAL NOT NULL,
        due REAL NOT NULL,
        reason TEXT
    );
    CREATE INDEX message_due ON message (subject, consumer, due, id) WHERE reason IS NULL;
    CREATE INDEX message_quarantined ON message (set_time, id) WHERE reason IS NOT NULL;
    """,
)

_DUE = """
    SELECT id, key, payload, attempt + 1 FROM message
    WHERE subject = :subject AND consumer = :consumer AND reason IS NULL AND due <= :now ORDER BY due, id LIMIT :most
"""
_TAKE = """
    UPDATE message SET attempt = attempt + 1, token = :token, set_time = :now, due = :until
    WHERE id IN (SELECT value FROM json_each(:ids))
"""

Taken = tuple[int, str, bytes, int]
"""Id, key, payload, number of the delivery."""


class SqliteBus:
    """The port `Bus` over one SQLite file.

    Args:
        path: the file; every process that takes part opens the same.
        clock: wall-clock seconds.
        lease_s: seconds of a lease.
    """

    def __init__(self, path: Path | str, clock: Callable[[], float] = time.time, lease_s: float = LEASE_S) -> None:
        self._database = Database(path, MIGRATIONS)
        self._clock = clock
        self._lease_s = lease_s
        self._sleepers: set[tuple[str, asyncio.Event]] = set()
        self._next_sweep = 0.0

    async def __aenter__(self) -> SqliteBus:
        """Nothing to do: the file is opened at its first use."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the file."""
        await self.close()

    async def publish(self, subject: str, event: Message, key: str) -> None:
        """Store an event durably; the same (subject, key) within 24 h is stored once."""
        rows = _rows([Output(subject, event, key)])
        await self._database.write(lambda connection: self._insert(connection, rows))
        self._wake(subject)

    async def consume(self, subject: str, group: str) -> AsyncGenerator[Delivery, None]:
        """Deliveries for one member of a group until the bus is closed."""
        async with contextlib.aclosing(self.batches(subject, group, 1)) as batches:
            async for (delivery,) in batches:
                yield delivery

    async def batches(self, subject: str, group: str, most: int) -> AsyncGenerator[Sequence[Delivery], None]:
        """What waits at a moment, for one member of a group, until the bus is closed."""
        if group not in SUBJECTS[subject]:
            raise ValueError(f"{group} is no group of {subject}")
        shortest, longest = POLL_S
        news, pause = asyncio.Event(), shortest
        sleeper = (subject, news)
        self._sleepers.add(sleeper)
        try:
            while not self._database.closed:
                news.clear()
                try:
                    taken = await self._take(subject, group, most)
                except Unavailable:
                    if self._database.closed:
                        return
                    raise
                if taken:
                    pause = shortest
                    yield taken
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):  # wait_for would swallow a cancellation that meets the news
                        await news.wait()
                pause = shortest if news.is_set() else min(2 * pause, longest)
        finally:
            self._sleepers.discard(sleeper)

    async def acknowledge(self, done: Sequence[tuple[Delivery, Sequence[Output]]]) -> None:
        """Forget events and publish their outputs in one transaction; one whose lease was lost changes nothing."""
        ended = [(cast(_SqliteDelivery, delivery), _rows(outputs)) for delivery, outputs in done]

        def work(connection: sqlite3.Connection) -> None:
            for held, rows in ended:
                if connection.execute("DELETE FROM message WHERE id = ? AND token = ?", (held.id, held.token)).rowcount:
                    self._insert(connection, rows)

        await self._database.write(work)
        self._wake(*{subject for _, rows in ended for subject, _, _ in rows})

    async def depth(self) -> Mapping[tuple[str, str], int]:
        """Events not yet acknowledged, for every subject and group; quarantined ones are not counted."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT subject, consumer, count(*) FROM message WHERE reason IS NULL GROUP BY subject, consumer"
            ).fetchall()
        )
        counted = {(subject, group): count for subject, group, count in rows}
        return {
            (subject, group): counted.get((subject, group), 0) for subject in SUBJECTS for group in SUBJECTS[subject]
        }

    async def quarantined(self) -> list[Quarantined]:
        """Events set aside, oldest first."""
        rows = await self._database.read(
            lambda connection: connection.execute(
                "SELECT id, subject, consumer, key, reason, attempt, set_time, payload FROM message "
                "WHERE reason IS NOT NULL ORDER BY set_time, id"
            ).fetchall()
        )
        return [
            Quarantined(str(id_), subject, group, key, reason, attempts, datetime.fromtimestamp(moment, UTC), payload)
            for id_, subject, group, key, reason, attempts, moment, payload in rows
        ]

    async def release(self, ids: Sequence[str]) -> int:
        """Deliver quarantined events again from attempt 1; returns how many there were."""
        now = self._clock()
        count = await self._database.write(
            lambda connection: sum(
                connection.execute(
                    "UPDATE message SET reason = NULL, attempt = 0, token = '', set_time = ?, due = ? "
                    "WHERE id = ? AND reason IS NOT NULL",
                    (now, now, id_),
                ).rowcount
                for id_ in ids
            )
        )
        self._wake(*SUBJECTS)
        return count

    async def purge(self, ids: Sequence[str]) -> int:
        """Forget quarantined events; returns how many there were."""
        return await self._database.write(
            lambda connection: sum(
                connection.execute("DELETE FROM message WHERE id = ? AND reason IS NOT NULL", (id_,)).rowcount
                for id_ in ids
            )
        )

    async def close(self) -> None:
        """End all consumers and close the file."""
        await self._database.close()
        self._wake(*SUBJECTS)

    async def put_back(
        self, id_: int, token: str, delay_s: float, reason: str | None = None, counted: bool = True
    ) -> bool:
        """Give up the lease: deliver again after `delay_s`, or set aside with a reason; False where it was lost."""
        now = self._clock()
        return await self._database.write(
            lambda connection: bool(
                connection.execute(
                    "UPDATE message SET token = '', set_time = ?, due = ?, reason = ?, attempt = attempt - ? "
                    "WHERE id = ? AND token = ?",
                    (now, now + delay_s, reason, not counted, id_, token),
                ).rowcount
            )
        )

    async def _take(self, subject: str, group: str, most: int) -> list[Delivery]:
        """Lease the events that are due longest; an undecodable one is set aside at once."""
        while True:
            now, token = self._clock(), random_id()
            values = {"subject": subject, "consumer": group, "token": token, "now": now, "until": now + self._lease_s}
            rows = await self._look(values | {"most": most})
            taken: list[Delivery] = []
            for id_, key, payload, attempt in rows:
                event = events.decode(subject, payload)
                if event is not None:
                    taken.append(_SqliteDelivery(self, id_, token, subject, event, key, attempt))
                else:
                    await self.put_back(id_, token, 0, "undecodable")
            if taken or not rows:
                return taken

    async def _look(self, values: Mapping[str, object]) -> list[Taken]:
        """Look without a write lock first: an idle consumer costs one indexed read."""
        now = self._clock()
        if now >= self._next_sweep or now < self._next_sweep - SWEEP_S:
            self._next_sweep = now + SWEEP_S
            await self._database.write(lambda connection: _sweep(connection, now))
        waiting = await self._database.read(
            lambda connection: connection.execute(
                "SELECT 1 FROM message WHERE subject = :subject AND consumer = :consumer AND reason IS NULL "
                "AND due <= :now LIMIT 1",
                values,
            ).fetchone()
        )
        if waiting is None:
            return []
        taking = asyncio.ensure_future(self._database.write(lambda connection: _lease(connection, values)))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            for id_, *_ in await taking:
                await self.put_back(id_, str(values["token"]), 0)
            raise

    def _insert(self, connection: sqlite3.Connection, rows: Sequence[tuple[str, str, bytes]]) -> None:
        now = self._clock()
        for subject, key, payload in rows:
            fresh = connection.execute(
                "INSERT INTO published VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET time = ?3 WHERE time <= ?3 - ?4",
                (subject, key, now, DEDUP_WINDOW_S),
            ).rowcount
            if fresh:
                connection.executemany(
                    "INSERT INTO message (subject, consumer, key, payload, set_time, due) VALUES (?, ?, ?, ?, ?, ?)",
                    [(subject, group, key, payload, now, now) for group in SUBJECTS[subject]],
                )

    def _wake(self, *subjects: str) -> None:
        """Let the consumers of this process look at once."""
        for subject, news in self._sleepers:
            if subject in subjects:
                news.set()


def _lease(connection: sqlite3.Connection, values: Mapping[str, object]) -> list[Taken]:
    """Take what may come together: of many events, those that are small enough and came seldom before."""
    rows: list[Taken] = connection.execute(_DUE, values).fetchall()
    taken, size = rows[:1], sum(len(payload) for _, _, payload, _ in rows[:1])
    for row in rows[1:] if taken and taken[0][3] <= TOGETHER else ():
        size += len(row[2])
        if size > BATCH_BYTES:
            break
        if row[3] <= TOGETHER:
            taken.append(row)
    connection.execute(_TAKE, {**values, "ids": json.dumps([id_ for id_, *_ in taken])})
    return taken


def _rows(outputs: Sequence[Output]) -> list[tuple[str, str, bytes]]:
    return [(output.subject, output.key, events.encode(output.subject, output.event)) for output in outputs]


def _sweep(connection: sqlite3.Connection, now: float) -> None:
    """Forget keys beyond the window; make due what waits for a time that a clock set back has put far away."""
    connection.execute("DELETE FROM published WHERE time <= ?", (now - DEDUP_WINDOW_S,))
    connection.execute("UPDATE message SET due = ?1, set_time = ?1 WHERE reason IS NULL AND set_time > ?1 + 1", (now,))


@dataclass(frozen=True)
class _SqliteDelivery:
    """One leased event."""

    bus: SqliteBus
    id: int
    token: str
    subject: str
    event: Message
    key: str
    attempt: int

    async def ack(self, outputs: Sequence[Output] = ()) -> None:
        await self.bus.acknowledge([(self, outputs)])

    async def retry(self, delay_s: float, counted: bool = True) -> None:
        await self.bus.put_back(self.id, self.token, delay_s, counted=counted)

    async def quarantine(self, reason: str) -> None:
        await self.bus.put_back(self.id, self.token, 0, reason)
