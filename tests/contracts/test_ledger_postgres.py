"""The PostgreSQL ledger keeps the clauses of `Ledger`."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from ngoclinh.media.v1.alert_service_pb2 import AlertFilter
from ngoclinh.media.v1.media_service_pb2 import CorrectArticleRequest

from services.adapters.cluster import ledger_articles as articles
from services.adapters.cluster import migrate
from services.adapters.cluster.ledger_postgres import PostgresLedger
from services.adapters.cluster.postgres import Postgres as Database
from services.adapters.cluster.postgres_pool import Connection
from services.core.errors import Unavailable
from services.core.ports import Changes, HasEngine
from tests.contracts.articles import analyzed, article, collected
from tests.contracts.crash import run_and_kill
from tests.contracts.ledger import LedgerContract
from tests.engines import Postgres

pytestmark = pytest.mark.cluster


class TestPostgresLedger(LedgerContract):
    factory = "services.adapters.cluster.ledger_postgres:PostgresLedger"

    @pytest.fixture(autouse=True)
    def _server(self, postgres: Postgres) -> None:
        self.server = postgres

    def location(self, tmp_path: Path) -> str:
        return self.server.database()


# -------------------------------------------------------------------- many users of one database


async def test_a_number_of_a_change_is_not_seen_before_the_numbers_below_it(postgres: Postgres) -> None:
    url = postgres.database()
    counted, go_on = asyncio.Event(), asyncio.Event()
    first = Database(url, "ledger")

    async def slow(connection: Connection) -> None:
        await articles.record(connection, collected(article("slow")))
        counted.set()
        await go_on.wait()

    async with PostgresLedger(url) as ledger:
        start = (await ledger.changes()).cursor
        writing = asyncio.create_task(first.write(slow))
        await counted.wait()
        later = asyncio.create_task(ledger.record_collected(collected(article("later"))))
        await asyncio.sleep(0.3)
        assert await ledger.changes(start) == Changes([], start), "the later one waits, nothing is visible yet"
        go_on.set()
        await asyncio.gather(writing, later)
        told = await ledger.changes(start)
        assert [found.name for found in told.articles] == [article("slow").name, article("later").name]
    await first.close()


async def test_whoever_follows_the_changes_misses_none_of_concurrent_writers(postgres: Postgres) -> None:
    url = postgres.database()
    last: dict[str, int] = {}
    done = asyncio.Event()

    async def follow(ledger: PostgresLedger) -> None:
        cursor = 0
        while True:
            ended = done.is_set()
            told = await ledger.changes(cursor, 7)
            assert told.cursor >= cursor
            last.update((found.name, found.change_number) for found in told.articles)
            if ended and told.cursor == cursor:
                return
            cursor = told.cursor

    async def write(ledger: PostgresLedger, number: int) -> None:
        rng = random.Random(number)
        for step in range(30):
            made = article(f"a{rng.randrange(12)}", text=f"bản {number}-{step}")
            await ledger.record_collected(collected(made, day=rng.random()))
            await ledger.record_analyzed(analyzed(made.name, revision=rng.randint(1, 3), day=rng.random()))

    async with PostgresLedger(url) as one, PostgresLedger(url) as other:
        following = asyncio.create_task(follow(one))
        await asyncio.gather(*(write(ledger, number) for number, ledger in enumerate((one, other) * 3)))
        done.set()
        await following
        kept = {found.name: found.change_number async for found in other.replay()}
        assert last == kept
        assert sum(kept.values()) == (await one.changes()).cursor, "every change was counted once"


async def test_two_processes_that_record_the_same_articles_double_nothing(postgres: Postgres) -> None:
    url = postgres.database()
    factory = TestPostgresLedger.factory
    one, other = await asyncio.gather(
        *(
            asyncio.to_thread(
                run_and_kill, "tests.contracts.ledger_worker", factory, url, after=25, rng=random.Random(number)
            )
            for number in range(2)
        )
    )
    async with PostgresLedger(url) as ledger:
        stored = [kept.name async for kept in ledger.replay()]
        assert len(stored) == len(set(stored))
        assert set(one) | set(other) <= set(stored)
        for name in stored:
            assert len(await ledger.versions(name)) == 1
            said = (name in one) + (name in other)
            assert said <= len(await ledger.corrections(name)) <= 2


# -------------------------------------------------------------------- the server is killed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_nothing_acknowledged_is_lost_or_doubled_by_kill_9_of_the_server(postgres: Postgres, seed: int) -> None:
    rng = random.Random(seed)
    acknowledged: list[str] = []
    enough = asyncio.Condition()
    unsure: Counter[str] = Counter()
    ended = asyncio.Event()

    async def surely(name: str, call: Callable[[], Awaitable[object]]) -> None:
        """Do as a worker does: again, until it is acknowledged."""
        while True:
            try:
                await call()
            except Unavailable:
                unsure[name] += 1
                await asyncio.sleep(0.05)
            else:
                return

    async def work(ledger: PostgresLedger, number: int) -> None:
        for step in count():
            if ended.is_set():
                return
            made = article(f"k{number}-{step}")
            said = CorrectArticleRequest(name=made.name, stance="critical")
            await surely("", partial(ledger.record_collected, collected(made)))
            await surely("", partial(ledger.record_analyzed, analyzed(made.name)))
            await surely(made.name, partial(ledger.correct, said, "thư ký"))
            acknowledged.append(made.name)
            async with enough:
                enough.notify_all()

    async with PostgresLedger(postgres.database()) as ledger:
        workers = [asyncio.create_task(work(ledger, number)) for number in range(4)]
        for _ in range(2):
            goal = len(acknowledged) + rng.randint(5, 40)
            async with enough:
                await enough.wait_for(lambda: len(acknowledged) >= goal)  # noqa: B023  (within this round)
            await asyncio.sleep(rng.random() * 0.02)
            await asyncio.to_thread(postgres.kill)
            await asyncio.to_thread(postgres.start)
        ended.set()
        await asyncio.gather(*workers)
        stored = [kept async for kept in ledger.replay()]
        assert sorted(kept.name for kept in stored) == sorted(acknowledged)
        assert unsure.total() > 0, "the server was missed"
        for kept in stored:
            assert kept.analysis.stance.label == "critical"
            assert kept.analysis.sentiment.label == "negative"
            assert len(await ledger.versions(kept.name)) == 1
            assert 1 <= len(await ledger.corrections(kept.name)) <= 1 + unsure[kept.name]
        assert sum(kept.change_number for kept in stored) == (await ledger.changes()).cursor


# -------------------------------------------------------------------- what is particular to the server


async def test_a_text_that_was_taken_down_is_cleared_out_of_its_page_at_once(postgres: Postgres) -> None:
    url = postgres.database()
    async with PostgresLedger(url) as ledger:
        for key in "ab":
            await ledger.record_collected(collected(article(key)))
        await ledger.take_down(article("a").name, "yêu cầu", "chị Hoa")
    sql = (
        "CREATE EXTENSION pageinspect; "
        "SELECT count(*) FROM heap_page_items(get_raw_page('ledger.version', 0)) WHERE t_data IS NOT NULL"
    )
    assert postgres.sql(sql, url.rpartition("/")[2]).strip() == "1"


async def test_texts_of_people_may_hold_what_the_server_cannot(postgres: Postgres) -> None:
    async with PostgresLedger(postgres.database()) as ledger:
        name = (await ledger.record_collected(collected(article("a", "một\0hai")))).article.name
        stored = await ledger.correct(CorrectArticleRequest(name=name, stance="none", note="x\0y"), "an\0h")
        assert stored.text == "một\0hai"
        (said,) = await ledger.corrections(name)
        assert (said.user, said.request.note) == ("an\ufffdh", "x\0y")
        assert (await ledger.alerts(AlertFilter(areas=["areas/\0"]), 5)).total == 0


async def test_the_state_of_the_server_is_told(postgres: Postgres) -> None:
    async with PostgresLedger(postgres.database()) as ledger:
        assert isinstance(ledger, HasEngine)
        state = await ledger.engine()
        assert state.versions["postgresql"].split(".")[0].isdigit()
        assert state.size_bytes > 0
        assert not state.problems
        assert f"schema ledger at {migrate.scripts('ledger')[-1].name};" in state.notes[0][1]
