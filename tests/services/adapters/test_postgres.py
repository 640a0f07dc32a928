"""The shared part of the PostgreSQL stores: connections, transactions, migrations, on the real server."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from services.adapters.cluster import migrate
from services.adapters.cluster.postgres import Postgres
from services.adapters.cluster.postgres_pool import CANCEL_S, Connection
from services.core.errors import Conflict, InvalidField, NgocLinhError, Overloaded, Unavailable
from services.core.sections.stores import PostgresSettings
from tests.engines import Postgres as Server
from tests.engines.base import free_port
from tests.services.certificates import Authority

pytestmark = pytest.mark.cluster


@pytest.fixture
def url(postgres: Server) -> str:
    return postgres.database()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations of an invented store."""
    (tmp_path / "0001_note.sql").write_text("CREATE TABLE note (id bigint PRIMARY KEY, text text NOT NULL);\n")
    (tmp_path / "0002_seed.sql").write_text("INSERT INTO note VALUES (0, '100 % ruộng; ''lúa''');\nSELECT 1;\n")
    return tmp_path


@pytest.fixture
async def store(url: str, folder: Path) -> AsyncIterator[Postgres]:
    store = Postgres(url, "ledger", folder)
    yield store
    await store.close()


async def notes(store: Postgres) -> list[tuple[int, str]]:
    async def work(connection: Connection) -> list[tuple[int, str]]:
        return await (await connection.execute("SELECT id, text FROM note ORDER BY id")).fetchall()

    return await store.read(work)


async def add(connection: Connection, id_: int) -> None:
    await connection.execute("INSERT INTO note VALUES (%s, 'x') ON CONFLICT DO NOTHING", (id_,))


# ---------------------------------------------------------------- migrations


async def test_migrations_are_applied_once_at_the_first_use(store: Postgres, url: str, folder: Path) -> None:
    assert await notes(store) == [(0, "100 % ruộng; 'lúa'")]
    assert await store.migrate() == []
    other = Postgres(url, "ledger", folder)
    assert await notes(other) == await notes(store)
    await other.close()


async def test_processes_that_start_together_apply_them_once(url: str, folder: Path) -> None:
    stores = [Postgres(url, "ledger", folder) for _ in range(6)]
    applied = await asyncio.gather(*(store.migrate() for store in stores))
    assert sorted(applied, key=len) == [[]] * 5 + [["0001_note", "0002_seed"]]
    assert [len(await notes(store)) for store in stores] == [1] * 6
    await asyncio.gather(*(store.close() for store in stores))


async def test_a_later_release_adds_what_is_missing_and_an_earlier_one_is_refused(
    store: Postgres, url: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = tmp_path_factory.mktemp("release") / "ledger"
    shutil.copytree(folder, before)
    await store.prepare()
    (folder / "0003_more.sql").write_text("ALTER TABLE note ADD COLUMN more text;\n")
    later, earlier = Postgres(url, "ledger", folder), Postgres(url, "ledger", before)
    assert await later.migrate() == ["0003_more"]
    with pytest.raises(Conflict, match=r"newer release \(0003_more\)") as refused:
        await notes(earlier)
    assert "hãy cập nhật Ngọc Linh" in refused.value.vi
    await later.close()
    await earlier.close()


async def test_an_applied_migration_that_changed_is_refused(store: Postgres, url: str, folder: Path) -> None:
    await store.prepare()
    (folder / "0001_note.sql").write_text("CREATE TABLE note (id bigint PRIMARY KEY);\n")
    changed = Postgres(url, "ledger", folder)
    with pytest.raises(Conflict, match="0001_note differs"):
        await changed.migrate()
    await changed.close()


async def test_a_migration_that_fails_leaves_nothing_behind(store: Postgres, folder: Path, postgres: Server) -> None:
    (folder / "0002_seed.sql").write_text("INSERT INTO nothing VALUES (1);\n")
    broken = Postgres(postgres.dsn(store.address.rpartition("/")[2]), "ledger", folder)
    with pytest.raises(Exception, match="nothing"):
        await broken.migrate()
    await broken.close()
    database = store.address.rpartition("/")[2]
    assert postgres.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'ledger'", database).strip() == "0"


async def test_where_migrating_is_off_the_store_waits_for_the_command(url: str, folder: Path) -> None:
    waiting = Postgres(PostgresSettings(url=url, migrate=False), "ledger", folder)
    with pytest.raises(Unavailable, match=r"lacks 0001_note, 0002_seed .* run `ngoclinh migrate`") as missing:
        await notes(waiting)
    assert "hãy chạy `ngoclinh migrate`" in missing.value.vi
    assert await waiting.migrate() == ["0001_note", "0002_seed"]
    assert len(await notes(waiting)) == 1
    await waiting.close()


@pytest.mark.parametrize("schema", migrate.SCHEMAS)
async def test_the_migrations_of_the_package_apply_and_live_side_by_side(url: str, schema: str) -> None:
    store = Postgres(url, schema)
    names = await store.migrate()
    assert names == [script.name for script in migrate.scripts(schema)]
    state = await store.engine() if names else None
    assert state is None or (state.size_bytes > 0 and state.problems == [] and state.versions["postgresql"] >= "15")
    await store.close()


def test_a_gap_in_the_numbers_is_told(folder: Path) -> None:
    (folder / "0004_late.sql").write_text("SELECT 1;")
    with pytest.raises(ValueError, match="without a gap"):
        migrate.scripts("ledger", folder)


# ---------------------------------------------------------------- transactions


async def test_a_transaction_is_kept_whole_or_not_at_all(store: Postgres) -> None:
    async def fail(connection: Connection) -> None:
        await add(connection, 1)
        raise KeyError("no")

    with pytest.raises(KeyError):
        await store.write(fail)
    await store.write(lambda connection: add(connection, 2))
    assert [id_ for id_, _ in await notes(store)] == [0, 2]


async def test_commits_wait_for_the_disk_whatever_the_database_says(store: Postgres, postgres: Server) -> None:
    database = store.address.rpartition("/")[2]
    postgres.sql(f"ALTER DATABASE {database} SET synchronous_commit = off", database)

    async def work(connection: Connection) -> Any:
        return await (await connection.execute("SHOW synchronous_commit")).fetchone()

    assert await store.write(work) == ("on",)


async def test_a_server_that_only_reads_is_told_and_used_again_when_it_writes(
    store: Postgres, postgres: Server, folder: Path
) -> None:
    database = store.address.rpartition("/")[2]
    await store.prepare()
    await store.close()
    standby = Postgres(postgres.dsn(database), "ledger", folder)
    postgres.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    with pytest.raises(Unavailable, match="read-only transaction"):
        await standby.write(lambda connection: add(connection, 7))
    postgres.sql(f"ALTER DATABASE {database} RESET default_transaction_read_only")
    await standby.write(lambda connection: add(connection, 7))
    await standby.close()


async def test_a_missing_permission_is_told(store: Postgres, postgres: Server, folder: Path) -> None:
    database = store.address.rpartition("/")[2]
    await store.prepare()
    grants = (
        f"GRANT USAGE ON SCHEMA ledger TO r_{database}; GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO r_{database}"
    )
    postgres.sql(f"CREATE ROLE r_{database} LOGIN; {grants}", database)
    reader = Postgres(postgres.dsn(database).replace("postgres@", f"r_{database}@"), "ledger", folder)
    assert len(await notes(reader)) == 1
    with pytest.raises(Unavailable, match="permission denied for table note"):
        await reader.write(lambda connection: add(connection, 7))
    await reader.close()


async def test_deadlocked_transactions_are_done_again(store: Postgres) -> None:
    await store.write(lambda connection: add(connection, 1))
    met = asyncio.Barrier(2)
    tries: list[int] = []

    async def both(connection: Connection, first: int, second: int) -> None:
        tries.append(first)
        await connection.execute("UPDATE note SET text = text || 'y' WHERE id = %s", (first,))
        if len(tries) <= 2:
            await met.wait()
        await connection.execute("UPDATE note SET text = text || 'z' WHERE id = %s", (second,))

    await asyncio.gather(
        store.write(lambda connection: both(connection, 0, 1)), store.write(lambda connection: both(connection, 1, 0))
    )
    assert len(tries) == 3, "one of them was given up by the server once"
    assert [len(text) for _, text in await notes(store)] == [len("100 % ruộng; 'lúa'") + 2, 3]


async def test_a_statement_has_a_limit_and_a_busy_pool_says_so(url: str, folder: Path) -> None:
    settings = PostgresSettings(url=url, statement_timeout_s=0.5, max_connections=2)
    store = Postgres(settings, "ledger", folder)
    with pytest.raises(Unavailable, match="statement timeout"):
        await store.read(lambda connection: connection.execute("SELECT pg_sleep(5)"))
    release = asyncio.Event()

    async def hold(connection: Connection) -> None:
        await release.wait()

    holders = [asyncio.create_task(store.read(hold)) for _ in range(2)]
    await asyncio.sleep(0.1)
    with pytest.raises(Overloaded, match="are busy"):
        await notes(store)
    release.set()
    await asyncio.gather(*holders)
    assert len(await notes(store)) == 1
    await store.close()


async def test_a_cancelled_call_ends_its_statement_and_the_next_one_works(store: Postgres, postgres: Server) -> None:
    await store.prepare()
    begin = time.perf_counter()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await store.read(lambda connection: connection.execute("SELECT pg_sleep(20)"))
    assert time.perf_counter() - begin < 19
    assert len(await notes(store)) == 1
    assert postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%' AND state = 'active' AND pid <> pg_backend_pid()").strip() == "0"  # fmt: skip


async def test_a_call_that_is_given_up_does_not_wait_for_a_server_that_stands_still(
    store: Postgres, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def asked(connection: psycopg.AsyncConnection[Any], *, timeout: float) -> None:  # noqa: ASYNC109
        waits.append(timeout)
        await ask(connection, timeout=timeout)

    ask = psycopg.AsyncConnection.cancel_safe
    monkeypatch.setattr(psycopg.AsyncConnection, "cancel_safe", asked)
    used: list[Connection] = []

    async def work(connection: Connection) -> None:
        used.append(connection)
        await connection.execute("SELECT pg_sleep(600)")

    await store.prepare()
    reading = asyncio.create_task(store.read(work))
    while not used or used[0].info.transaction_status != TransactionStatus.ACTIVE:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    postgres.pause()
    try:
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    finally:
        postgres.resume()
    assert waits == [CANCEL_S]
    assert used[0].closed
    assert len(await notes(store)) == 1


# ---------------------------------------------------------------- a server that is not there


async def told(store: Postgres) -> NgocLinhError:
    with pytest.raises(Unavailable) as error:
        await notes(store)
    return error.value


async def test_a_server_that_is_not_there_is_told_at_once_in_both_languages(folder: Path) -> None:
    port = free_port()
    store = Postgres(f"postgresql://an@127.0.0.1:{port}/so_cai", "ledger", folder)
    begin = time.perf_counter()
    error = await told(store)
    assert time.perf_counter() - begin < 30
    assert f"PostgreSQL at 127.0.0.1:{port}/so_cai cannot be used" in error.en
    assert f"Không dùng được PostgreSQL tại 127.0.0.1:{port}/so_cai" in error.vi
    assert "postgres.url" in error.vi


async def test_a_wrong_password_is_told_without_it_and_the_right_one_counts_at_once(
    postgres: Server, url: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    database = url.rpartition("/")[2]
    postgres.sql(
        f"CREATE ROLE {database} LOGIN PASSWORD 'dung-mat-khau'; GRANT ALL ON DATABASE {database} TO {database}"
    )
    rules = postgres.folder / "data/pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host all {database} 127.0.0.1/32 scram-sha-256\n{before}")
    postgres.sql("SELECT pg_reload_conf()")
    secret = tmp_path_factory.mktemp("secret") / "password"
    secret.write_text("sai-mat-khau\n")
    settings = PostgresSettings(url=url.replace("//postgres@", f"//{database}@"), password_file=secret)
    store = Postgres(settings, "ledger", folder)
    try:
        error = await told(store)
        assert "password authentication failed" in error.en
        assert "postgres.password_file" in error.vi
        assert "sai-mat-khau" not in error.vi + error.en + str(error.__cause__)
        secret.write_text("dung-mat-khau\n")
        assert len(await notes(store)) == 1
        secret.unlink()
        await store.close()
        assert str(secret) in (await told(Postgres(settings, "ledger", folder))).en
    finally:
        rules.write_text(before)
        postgres.sql("SELECT pg_reload_conf()")


async def test_the_certificate_of_the_server_is_checked_where_the_address_asks_for_it(
    postgres: Server, url: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("tls")
    authority, stranger = Authority(place / "a"), Authority(place / "b", "stranger")
    for file, name in zip(authority.issue("127.0.0.1"), ("server.crt", "server.key"), strict=True):
        shutil.copy(file, postgres.folder / "data" / name)
        (postgres.folder / "data" / name).chmod(0o600)
    postgres.own()
    postgres.sql("ALTER SYSTEM SET ssl = on")
    postgres.sql("SELECT pg_reload_conf()")
    try:
        checked = Postgres(f"{url}?sslmode=verify-full&sslrootcert={authority.file}", "ledger", folder)
        assert await checked.fetch("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [(True,)]
        await checked.close()
        refused = await told(Postgres(f"{url}?sslmode=verify-full&sslrootcert={stranger.file}", "ledger", folder))
        assert "certificate verify failed" in refused.en
    finally:
        postgres.sql("ALTER SYSTEM RESET ssl")
        postgres.sql("SELECT pg_reload_conf()")


@pytest.mark.parametrize("url", ["postgresql://an:mat-khau@127.0.0.1/x", "postgresql://127.0.0.1/x?sslmde=on"])
def test_an_address_with_a_password_or_a_typing_error_is_refused(url: str, folder: Path) -> None:
    with pytest.raises(InvalidField, match=r"postgres\.url") as refused:
        Postgres(url, "ledger", folder)
    assert "mat-khau" not in refused.value.vi + refused.value.en


async def test_a_server_that_was_killed_is_used_again_when_it_is_back(store: Postgres, postgres: Server) -> None:
    await asyncio.gather(*(notes(store) for _ in range(4)))
    postgres.kill()
    try:
        assert "cannot be used" in (await told(store)).en
    finally:
        postgres.start()
    assert len(await notes(store)) == 1
    await asyncio.gather(*(notes(store) for _ in range(4)))
    postgres.kill()
    postgres.start()
    await store.write(lambda connection: add(connection, 5), idempotent=False)
    assert len(await notes(store)) == 2, "connections of the time before were replaced within the call"


async def test_a_server_that_holds_the_line_and_says_nothing_is_given_up(
    url: str, folder: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.adapters.cluster.postgres_pool.GRACE_S", 0.2)
    store = Postgres(PostgresSettings(url=url, statement_timeout_s=0.5), "ledger", folder)
    await notes(store)
    processes = [int(line) for line in postgres.sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database()", url.rpartition("/")[2]).split()]  # fmt: skip
    for process in processes[:1]:
        os.kill(process, signal.SIGSTOP)
    begin = time.perf_counter()
    try:
        await notes(store)  # the line is cut, the read is done again over a new one
        assert 0.5 < time.perf_counter() - begin < 30
    finally:
        for process in processes[:1]:
            os.kill(process, signal.SIGCONT)
    await store.close()


async def test_a_server_that_does_not_greet_is_given_up_in_time(url: str, folder: Path, postgres: Server) -> None:
    store = Postgres(PostgresSettings(url=url, connect_timeout_s=2), "ledger", folder)
    postgres.pause()
    begin = time.perf_counter()
    try:
        assert "timeout expired" in (await told(store)).en
        assert time.perf_counter() - begin < 30
    finally:
        postgres.resume()
    assert len(await notes(store)) == 1
    await store.close()
