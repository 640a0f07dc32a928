"""Crawls of hosts that misbehave: each fault gets the answer that the news web asks for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.media.v1.article_pb2 import Article, DiscoveryHealth, Source, SourceState, TimePrecision

from crawlers import schedule, visiting
from services.core.clock import to_datetime
from tests.crawlers.support import Crawls, articles, only, states
from tests.e2e.newsweb_sites import crawler_settings, newsweb, write_sources

TRAPS = ("r503", "cd120", "tcont", "thttp", "tbody", "tfeed")


@pytest.fixture
def web(shared: Path) -> Iterator[Any]:
    with newsweb(shared).NewsWeb(seed=1, speed=0, faults=True, articles=1) as running:
        yield running


@pytest.fixture
def crawls(web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Crawls:
    quick = (0.3, 0.6)
    monkeypatch.setattr(schedule, "RETRY_S", quick)
    monkeypatch.setattr(visiting, "RETRY_S", quick)
    write_sources(web, tmp_path / "sources")
    settings = crawler_settings(web, tmp_path / "sources", total_timeout_s=8.0, timeout_s=5.0)
    return Crawls(tmp_path, settings, only(tmp_path / "sources", *TRAPS))


def page_rows(folder: Path) -> dict[str, tuple[str, str]]:
    """State and reason of the pages in the frontier, by path."""
    with sqlite3.connect(folder / "frontier.sqlite") as db:
        rows = db.execute("SELECT url, state, reason FROM page").fetchall()
    return {"/" + url.split("/", 3)[3]: (state, reason) for url, state, reason in rows}


def discovery(source: Source, path: str) -> DiscoveryHealth:
    return next(each for each in source.discoveries if each.url.endswith(path))


@pytest.mark.slow
async def test_every_fault_is_answered(web: Any, crawls: Crawls) -> None:
    events = await crawls.crawl()
    found = articles(events)
    wrong = [verdict for verdict in web.check_faults(set(found)) if not verdict["ok"]]
    assert wrong == []
    counts = web.audit(min_delay=0)["counts"]
    assert not counts.keys() & {"canary", "disallowed", "robots_5xx_host_crawled", "no_robots_first"}
    assert len(found) == len(events["media.collected"])  # each once

    faults = {fault["id"]: fault for fault in web.truth["faults"]}
    check_contents({id_: found.get(fault["url"]) for id_, fault in faults.items()}, faults)
    check_health(states(events))
    check_refusals(page_rows(crawls.folder))


def check_contents(article: dict[str, Article | None], faults: dict[str, Any]) -> None:
    """What is stored of pages that lie."""
    hidden, evil, long, future, dateless, hijack = (
        article[id_]
        for id_ in ("hidden-text", "evil-title", "long-title", "future-date", "no-date", "foreign-canonical")
    )
    assert hidden
    assert evil
    assert long
    assert future
    assert dateless
    assert hijack
    assert "vay tiền" not in hidden.text
    assert evil.title == "Tin <script>alert(1)</script> bản gnol cuối tuần & <b>đậm</b>"
    assert len(long.title) == 500
    assert future.publish_time_precision == TimePrecision.TIME_PRECISION_FIRST_SEEN
    assert to_datetime(future.publish_time).year < 2099
    assert dateless.publish_time_precision == TimePrecision.TIME_PRECISION_FEED
    assert hijack.canonical_url == faults["foreign-canonical"]["url"]
    assert article["empty-body"] is None


def check_health(state: dict[str, Source]) -> None:
    """What an operator sees of the sources."""
    feeds = state["tfeed"]
    assert discovery(feeds, "/rong.rss").empty_streak == 1
    assert not discovery(feeds, "/rong.rss").problem.vi
    assert discovery(feeds, "/thanh-html.rss").failure_streak >= 1
    assert "HTML" in discovery(feeds, "/thanh-html.rss").problem.vi
    assert "XML" in discovery(feeds, "/hong.rss").problem.vi
    assert discovery(feeds, "/utf16.rss").item_count == 1
    assert feeds.article_count >= 12
    assert state["tcont"].empty_share > 0
    for id_ in ("r503", "cd120"):
        assert state[id_].state == SourceState.SOURCE_STATE_BLOCKED
        assert "robots.txt" in state[id_].problem.vi
    assert "thử thách" in state["thttp"].problem.vi  # the cookie wall
    assert state["thttp"].refused_count >= 7
    assert state["thttp"].failure_count >= 3


def check_refusals(pages: dict[str, tuple[str, str]]) -> None:
    """The crawler's own record of what it refused, failed at, or found empty."""
    expected = {
        "sieu-du-lieu-7": ("refused", "private network"),
        "cong-noi-bo-8": ("refused", "private network"),
        "chim-hoang-yen-9": ("refused", "private network"),
        "so-nguyen-10": ("refused", "private network"),
        "tep-11": ("refused", "only http and https"),
        "toi-vung-cam-12": ("refused", "robots.txt"),
        "toi-may-hong-13": ("refused", "does not belong"),
        "vong-lap-5": ("failed", "redirects too often"),
        "chuoi-30-6": ("failed", "redirects too often"),
        "loi-503-mai-4": ("failed", "503"),
        "404-mem-14": ("void", "nothing was found"),
        "tuong-cookie-15": ("void", "challenge"),
        "khong-luu-17": ("refused", "noindex"),
        "khong-luu-18": ("refused", "noindex"),
        "tra-loi-rac-20": ("failed", "no valid HTTP"),
        "nho-giot-22": ("failed", "too slowly"),
        "vo-tan-23": ("failed", "larger than 10 MB"),
        "bom-gzip-24": ("failed", "larger than 10 MB"),
        "ba-muoi-mb-25": ("failed", "larger than 10 MB"),
        "nhi-phan-27": ("void", "no HTML"),
        "long-nhau-28": ("void", "no text"),
        "rong-31": ("void", "no text"),
    }
    for name, (state, reason) in expected.items():
        assert pages[f"/bai/{name}.htm"][0] == state, (name, pages[f"/bai/{name}.htm"])
        assert reason in pages[f"/bai/{name}.htm"][1], (name, pages[f"/bai/{name}.htm"])


async def test_feeds_that_lie_about_change(web: Any, crawls: Crawls) -> None:
    crawls.sources = only(crawls.folder / "sources", "tfeed")
    first = articles(await crawls.crawl())
    assert f"{web.sites['tfeed'].base}/bai/tin-57.htm" not in first
    web.advance(hours=3)
    later: dict[str, Article] = {}
    for hour in range(1, 5):
        crawls.hours = hour
        later |= articles(await crawls.crawl())
    assert list(later) == [f"{web.sites['tfeed'].base}/bai/tin-57.htm"]
    asked = [request for request in web.requests if request["path"] == "/rss/etag-noi-doi.rss"]
    assert any(request["if_none_match"] for request in asked)
    assert [request["path"] for request in web.requests].count("/rss/chuyen-nha.rss") == 1  # it moved for good
    with sqlite3.connect(crawls.folder / "frontier.sqlite") as db:
        jumping = db.execute("SELECT interval_s FROM discovery WHERE url LIKE '%etag-nhay%'").fetchone()[0]
    assert jumping >= 3600
