"""What the crawler remembers, also after it was killed in the middle."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from crawlers.catalogue import Discovery, SourceSpec
from crawlers.duplicates import Documents, Done, Kept
from crawlers.fingerprint import signature
from crawlers.frontier import MANUAL, Frontier, Item, Poll, Visit
from crawlers.schedule import UNCONDITIONAL_EVERY, Outcome
from services.core.errors import Conflict

HOST = "bao.example.vn"
DAY = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def spec(id_: str = "mau", **more: object) -> SourceSpec:
    given = {
        "id": id_,
        "title": "Báo Mẫu",
        "home": f"https://{HOST}/",
        "tier": "local",
        "licence": "An invented site of the tests.",
        "discover": [Discovery(feed="/rss"), Discovery(list="/")],
    }
    return SourceSpec.model_validate(given | more)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def frontier(tmp_path: Path, clock: Clock) -> Frontier:
    frontier = Frontier(tmp_path / "frontier.sqlite", clock)
    frontier.sync([spec()])
    return frontier


def visit(frontier: Frontier) -> Visit:
    job = frontier.next_job(HOST)
    assert isinstance(job, Visit)
    return job


def poll(frontier: Frontier) -> Poll:
    job = frontier.next_job(HOST)
    assert isinstance(job, Poll)
    return job


def polled(frontier: Frontier) -> None:
    """End the polls that are due."""
    while isinstance(job := frontier.next_job(HOST), Poll):
        frontier.polled(job, spec(), Outcome(items=1))


def url(number: int) -> str:
    return f"https://{HOST}/bai-{number}.htm"


def test_polls_come_before_new_pages_and_feeds_before_lists(frontier: Frontier) -> None:
    frontier.add("mau", "feed", [Item(url(1))])
    first = poll(frontier)
    assert first.url.endswith("/rss")
    assert first.thorough
    frontier.polled(first, spec(), Outcome(items=1, new=1))
    second = poll(frontier)
    frontier.polled(second, spec(), Outcome(failed=True))
    assert visit(frontier).url == url(1)
    assert frontier.hosts_due() == {HOST}


def test_a_known_page_is_not_due_again_but_learns_its_time(frontier: Frontier) -> None:
    polled(frontier)
    assert frontier.add("mau", "list", [Item(url(1)), Item(url(1))]) == 1
    assert frontier.add("mau", "feed", [Item(url(1), 1_700_000_000.0)]) == 0
    job = visit(frontier)
    assert job.feed_time == 1_700_000_000.0
    frontier.settle(job, "kept")
    assert frontier.next_job(HOST) is None
    assert frontier.hosts_due() == set()


def test_a_page_is_done_only_when_it_is_settled(frontier: Frontier, tmp_path: Path, clock: Clock) -> None:
    polled(frontier)
    frontier.add("mau", "feed", [Item(url(1))])
    assert visit(frontier).url == url(1)
    frontier.close()  # as if it had died here
    again = Frontier(tmp_path / "frontier.sqlite", clock)
    assert visit(again).url == url(1)


def test_postponed_pages_wait(frontier: Frontier, clock: Clock) -> None:
    polled(frontier)
    frontier.add("mau", "feed", [Item(url(1))])
    frontier.postpone(visit(frontier), 60.0, "503", 1)
    assert frontier.next_job(HOST) is None
    assert frontier.next_due() == clock.now + 60
    clock.now += 60
    assert visit(frontier).attempts == 1


def test_what_a_person_asks_for_comes_first(frontier: Frontier) -> None:
    frontier.add("mau", "feed", [Item(url(1))])
    frontier.submit(url(2), MANUAL, "submissions/1")
    assert visit(frontier).submission == "submissions/1"
    frontier.settle(visit(frontier), "kept")
    frontier.submit(url(2), MANUAL, "submissions/2")  # known, asked for again
    assert visit(frontier).submission == "submissions/2"


def test_validators_are_left_out_from_time_to_time(frontier: Frontier) -> None:
    address = f"https://{HOST}/rss"
    assert frontier.validators(address) == {}
    frontier.answered(address, {"etag": '"a"', "last-modified": "Mon, 23 Nov 2026 01:15:00 GMT"}, "x")
    asked = []
    for _ in range(2 * UNCONDITIONAL_EVERY):
        headers = frontier.validators(address)
        asked.append(bool(headers))
        if headers:
            assert headers == {"If-None-Match": '"a"', "If-Modified-Since": "Mon, 23 Nov 2026 01:15:00 GMT"}
            frontier.not_modified(address)
        else:
            frontier.answered(address, {"etag": '"a"', "last-modified": "Mon, 23 Nov 2026 01:15:00 GMT"}, "x")
    assert asked.count(False) == 2
    assert not frontier.is_news(address, "x")
    assert frontier.is_news(address, "y")


def test_pauses_and_runs(frontier: Frontier) -> None:
    frontier.pause("mau", True)
    assert frontier.next_job(HOST) is None
    assert frontier.hosts_due() == set()
    frontier.pause("mau", False)
    polled(frontier)
    assert frontier.next_job(HOST) is None
    frontier.poll_now("mau")
    assert poll(frontier).source == "mau"


def test_sources_that_are_no_longer_declared_wait_for_their_return(frontier: Frontier) -> None:
    frontier.add("mau", "feed", [Item(url(1))])
    frontier.sync([])
    assert frontier.next_job(HOST) is None
    frontier.sync([spec()])
    polled(frontier)
    assert visit(frontier).url == url(1)


def test_moves_and_health_are_kept(frontier: Frontier) -> None:
    job = poll(frontier)
    frontier.polled(job, spec(), Outcome(items=3, new=3, moved=f"https://{HOST}/rss/moi"))
    frontier.poll_now("mau")
    again = next(j for j in [poll(frontier)] if j.url == job.url)
    assert again.moved == f"https://{HOST}/rss/moi"
    assert not again.thorough
    assert frontier.asked("mau", again.moved) is not None


def test_a_secret_stays_the_same(frontier: Frontier, tmp_path: Path) -> None:
    secret = frontier.secret()
    frontier.close()
    assert Frontier(tmp_path / "frontier.sqlite").secret() == secret
    assert len(secret) == 32


def test_a_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "f.sqlite") as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(Conflict):
        Frontier(tmp_path / "f.sqlite")


def test_everything_or_nothing(frontier: Frontier) -> None:
    def fail() -> None:
        with frontier.transaction() as db:
            db.execute("UPDATE source SET paused = 1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert frontier.rows("SELECT paused FROM source") == [(0,)]


def test_killed_in_the_middle_it_opens_again(tmp_path: Path) -> None:
    """A process is killed while it writes; the file holds a prefix of what it did, whole transactions only."""
    code = (
        "import os, sys; from pathlib import Path; from crawlers.frontier import Frontier, Item\n"
        "f = Frontier(Path(sys.argv[1]))\n"
        "for i in range(10_000):\n"
        "    f.add('mau', 'feed', [Item(f'https://bao.example.vn/{i}-{j}') for j in range(10)])\n"
        "    print(i, flush=True)\n"
    )
    path = tmp_path / "frontier.sqlite"
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    acknowledged = max(int(child.stdout.readline()) for _ in range(20))
    child.kill()
    child.wait()
    frontier = Frontier(path)
    count = frontier.rows("SELECT count(*) FROM page")[0][0]
    assert count % 10 == 0
    assert count >= 10 * (acknowledged + 1)
    assert frontier.rows("PRAGMA integrity_check") == [("ok",)]


# ---------------------------------------------------------------- documents

TEXT = " ".join(f"tiếng{i} lời{i * 7 % 11} chữ{i}" for i in range(120))


def kept(name: str, text: str, time: float, story: str = "") -> Kept:
    return Kept(f"articles/{name}", f"sha-{name}", signature(text), story or f"articles/{name}", time, time)


def test_a_copy_finds_its_original_within_the_days(frontier: Frontier, clock: Clock) -> None:
    documents = Documents(frontier)
    documents.keep("mau", [kept("a", TEXT, clock.now)])
    near = documents.near("articles/b", signature(TEXT + " thêm một câu"), clock.now + DAY)
    assert near is not None
    assert (near.article, near.story) == ("articles/a", "articles/a")
    assert documents.near("articles/b", signature(TEXT), clock.now + 8 * DAY) is None
    assert documents.near("articles/a", signature(TEXT), clock.now) is None
    assert documents.near("articles/b", signature(TEXT[::-1]), clock.now) is None
    assert documents.near("articles/b", b"", clock.now) is None


def test_old_documents_are_no_longer_compared(frontier: Frontier, clock: Clock) -> None:
    documents = Documents(frontier)
    documents.keep("mau", [kept("a", TEXT, clock.now)])
    first_seen = clock.now
    clock.now += 15 * DAY
    documents.forget_old()
    assert documents.near("articles/b", signature(TEXT), first_seen) is None
    assert documents.known("articles/a") is not None


def test_an_address_that_leads_elsewhere_is_an_alias(frontier: Frontier, clock: Clock) -> None:
    polled(frontier)
    frontier.add("mau", "feed", [Item(url(1))])
    documents = Documents(frontier)
    documents.keep("mau", [kept("a", TEXT, clock.now)], Done(visit(frontier), url(2), clock.now + 60))
    assert documents.of_page(url(2)) == ["articles/a"]
    assert frontier.next_job(HOST) is None
    assert frontier.add("mau", "list", [Item(url(2))]) == 0
    clock.now += 61
    assert visit(frontier).url == url(2)


def test_the_time_that_a_server_states_is_kept_as_its_distance_from_our_clock(tmp_path: Path) -> None:
    frontier = Frontier(tmp_path / "frontier.sqlite", clock=lambda: 1_700_000_000.0)  # 2023-11-14 22:13:20 UTC
    assert frontier.ahead("bao-nui") is None
    for date in ("", "yesterday", "Tue, 99 Nov 2023 22:13:20 GMT"):
        frontier.told_time("bao-nui", date)
    assert frontier.ahead("bao-nui") is None
    frontier.told_time("bao-nui", "Tue, 14 Nov 2023 22:14:00 GMT")
    assert frontier.ahead("bao-nui") == 40
    frontier.told_time("bao-nui", "Thu, 14 Nov 2013 22:13:20 GMT")
    assert frontier.ahead("bao-nui") == -3652 * 86_400
    frontier.close()
