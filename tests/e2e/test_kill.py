"""kill -9 of crawler and core during a crawl, then `up` again: nothing acknowledged is lost, nothing is stored twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.mini_site import Site, settings_for
from tests.e2e.program import Program, eventually, ngoclinh, running

SITES, ARTICLES = 4, 5


@pytest.fixture
def sites() -> Iterator[list[Site]]:
    sites = [Site(number, ARTICLES, delay_s=0.3) for number in range(SITES)]
    yield sites
    for site in sites:
        site.close()


def stored(program: Program) -> list[str]:
    """Addresses of the articles that are analysed and listed."""
    articles = program.get("/v1/articles?page_size=200")["articles"]
    return [article["canonical_url"] for article in articles if article.get("analysis")]


def alive(pid: int) -> bool:
    """Does a process run? One that ended and that nobody waits for does not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kill_9_of_crawler_and_core_loses_nothing_and_stores_nothing_twice(sites: list[Site], tmp_path: Path) -> None:
    config = settings_for(sites, tmp_path)
    first = Program("--config", config, "up")
    eventually(lambda: len(stored(first)) >= 2)
    (crawler,) = first.children
    os.kill(crawler, signal.SIGKILL)
    eventually(lambda: first.children not in ([], [crawler]))
    eventually(lambda: len(stored(first)) >= 5)
    acknowledged = set(stored(first))
    (crawler,) = first.children
    first.kill()
    eventually(lambda: not alive(crawler))
    with running("--config", config, "up") as second:
        assert acknowledged <= {
            article["canonical_url"] for article in second.get("/v1/articles?page_size=200")["articles"]
        }
        eventually(lambda: len(stored(second)) >= SITES * ARTICLES, timeout_s=240)
        expected = Counter(f"{site.home}tin-{index}.html" for site in sites for index in range(ARTICLES))
        assert Counter(stored(second)) == expected
        assert second.get("/v1/articles?page_size=1")["total_count"] == str(SITES * ARTICLES)
        revisions = {article["revision"] for article in second.get("/v1/articles?page_size=200")["articles"]}
        assert revisions == {1}, "the same content fetched again is no new version"
    for site in sites:
        pauses = [later - earlier for earlier, later in zip(site.times, site.times[1:], strict=False)]
        assert min(pauses) > 1.4, "no crawler was faster than the floor, not even after a kill"


def test_a_second_program_on_the_same_folder_is_refused_in_words(tmp_path: Path) -> None:
    config = settings_for([], tmp_path)
    with running("--config", config, "up") as program:
        for lang, words in (("vi", "đang chạy"), ("en", "already")):
            second = ngoclinh("--config", config, "--lang", lang, "up")
            assert (second.returncode, second.stdout) == (2, "")
            assert words in second.stderr
            assert str(program.pid) in second.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_with_its_children(sites: list[Site], tmp_path: Path, number: signal.Signals) -> None:
    program = Program("--config", settings_for(sites, tmp_path), "up")
    (crawler,) = eventually(lambda: program.children)
    program._process.send_signal(number)
    assert program._process.wait(40) == 0
    assert not Path(f"/proc/{crawler}").exists()
    assert "Traceback" not in "".join(program.errors)


@pytest.mark.slow
def test_crawl_once_drains_through_analysis_and_ends(sites: list[Site], tmp_path: Path) -> None:
    config = settings_for(sites[:2], tmp_path)
    done = ngoclinh("--config", config, "crawl", "--once", timeout_s=120)
    assert done.returncode == 0, done.stderr
    found = ngoclinh("--config", config, "search", "chuyện số", "--limit", "50", "--format", "json")
    assert found.returncode == 0, found.stderr
    assert f'"total_count": "{2 * ARTICLES}"' in found.stdout
    assert found.stdout.count('"sentiment": {') >= 2 * ARTICLES
