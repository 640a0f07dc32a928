"""The SQLite file of the frontier: its tables, its transactions.

A transaction survives the death of the process at once; after a power failure the last ones may be missing, which costs
some requests but no article, because validators and the pages that they stand for go together.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.core.errors import Conflict

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE source (
    id TEXT PRIMARY KEY, paused INTEGER NOT NULL DEFAULT 0, articles INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0, newest REAL, recent TEXT NOT NULL DEFAULT '',
    blocked_until REAL NOT NULL DEFAULT 0, blocked_vi TEXT NOT NULL DEFAULT '', blocked_en TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE discovery (
    source TEXT NOT NULL, url TEXT NOT NULL, kind TEXT NOT NULL, host TEXT NOT NULL, due REAL NOT NULL,
    interval_s REAL NOT NULL, asked REAL, complete INTEGER NOT NULL DEFAULT 0, on_time INTEGER NOT NULL DEFAULT 0, last_new REAL,
    items INTEGER NOT NULL DEFAULT 0, empty_streak INTEGER NOT NULL DEFAULT 0, failure_streak INTEGER NOT NULL DEFAULT 0,
    moved TEXT NOT NULL DEFAULT '', problem_vi TEXT NOT NULL DEFAULT '', problem_en TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (source, url)
) WITHOUT ROWID;
CREATE INDEX discovery_due ON discovery (host, due);
CREATE TABLE resource (
    url TEXT PRIMARY KEY, etag TEXT NOT NULL, modified TEXT NOT NULL, body_sha256 TEXT NOT NULL, asks INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE page (
    url TEXT PRIMARY KEY, host TEXT NOT NULL, source TEXT NOT NULL, discovery TEXT NOT NULL, state TEXT NOT NULL,
    due REAL, attempts INTEGER NOT NULL DEFAULT 0, checks INTEGER NOT NULL DEFAULT 0, found REAL NOT NULL,
    feed_time REAL, submission TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX page_due ON page (host, due) WHERE due IS NOT NULL;
CREATE TABLE document (
    article TEXT PRIMARY KEY, page TEXT NOT NULL, content_sha256 TEXT NOT NULL, signature BLOB NOT NULL,
    story TEXT NOT NULL, time REAL NOT NULL, first_seen REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX document_page ON document (page);
CREATE TABLE band (band INTEGER NOT NULL, time REAL NOT NULL, article TEXT NOT NULL, PRIMARY KEY (band, time, article))
    WITHOUT ROWID;
CREATE INDEX band_article ON band (article);
"""

_VIEWS = """
CREATE TEMP VIEW open_discovery AS SELECT * FROM discovery WHERE source NOT IN (SELECT id FROM source WHERE paused);
CREATE TEMP VIEW open_page AS
    SELECT * FROM page WHERE due IS NOT NULL AND source NOT IN (SELECT id FROM source WHERE paused);
CREATE TEMP TABLE active (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class Store:
    """The file of one crawler; only one process may have it open.

    Args:
        path: the file, made where it is not there.
        clock: wall-clock seconds.

    Raises:
        Conflict: another release made the file.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.clock = clock
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA trusted_schema=OFF")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version=1; COMMIT;")
        elif version != 1:
            raise Conflict(
                f"Tệp {path} do một phiên bản mới hơn tạo ra; hãy cập nhật Ngọc Linh.",
                f"{path} was made by a newer release; update Ngọc Linh.",
            )
        self._db.executescript(_VIEWS)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self, synced: bool = False) -> Iterator[sqlite3.Connection]:
        """Everything or nothing; `synced` also after a power failure."""
        with self._lock:
            self._db.execute(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def secret(self) -> bytes:
        """A key that only this installation knows, made at first use."""
        with self.transaction() as db:
            db.execute("INSERT OR IGNORE INTO meta VALUES ('secret', ?)", (secrets.token_hex(32),))
        return bytes.fromhex(str(self.rows("SELECT value FROM meta WHERE key = 'secret'")[0][0]))
