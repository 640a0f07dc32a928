"""Whole crawls of the local news web."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.media.v1.article_pb2 import Article, ArticleKind, SourceState
from ngoclinh.media.v1.event_pb2 import FetchPage, SourceCommand
from ngoclinh.type.v1.type_pb2 import ErrorReason

from crawlers import health, watch
from crawlers.catalogue import SourceSpec
from tests.crawlers.support import Crawls, articles, only, states
from tests.e2e.newsweb_report import measure
from tests.e2e.newsweb_sites import crawler_settings, newsweb, write_sources

PAUSED = SourceState.SOURCE_STATE_PAUSED


@pytest.fixture
def web(shared: Path) -> Any:
    """The news web with its invented local stories and a few real articles; its clock stands still."""
    with newsweb(shared).NewsWeb(seed=3, speed=0, faults=False, articles=8) as running:
        yield running


@pytest.fixture
def crawls(web: Any, tmp_path: Path) -> Crawls:
    write_sources(web, tmp_path / "sources")
    return Crawls(tmp_path, crawler_settings(web, tmp_path / "sources"))


async def test_every_article_once_and_right(web: Any, crawls: Crawls) -> None:
    events = await crawls.crawl()
    allowed = web.published()
    stored = [event.article for event in events["media.collected"]]
    report = measure(allowed, stored)
    assert report["stored_once"] == report["allowed"] == len(stored)
    assert report["duplicates"] == 0
    assert report["body_f1"] >= 0.99
    assert report["title_right"] == report["time_right"] == 1.0
    audit = web.audit(min_delay=0)
    assert not audit["counts"].keys() & {"disallowed", "canary", "no_robots_first", "parallel"}, audit["violations"]

    found = articles(events)
    truth = {entry["url"]: entry for entry in allowed}
    kinds = {"news": "NEWS", "notice": "NOTICE", "forum_post": "POST", "comment": "COMMENT", "complaint": "POST"}
    for url, entry in truth.items():
        article = found[url]
        if entry["site"] in ("portal", "forum"):
            assert ArticleKind.Name(article.kind) == f"ARTICLE_KIND_{kinds[entry['kind']]}", url
        if entry["site"] != "forum":
            assert list(article.author_names) == entry["authors"], url
        assert article.lead == entry["lead"], url
    assert not any(name in {author for entry in allowed if entry["site"] == "forum" for author in entry["authors"]}
                   for article in stored for name in article.author_names)  # fmt: skip
    copies = [entry for entry in allowed if entry["syndicated_from"] and (entry["edit_share"] or 0) <= 0.15]
    originals = {entry["id"]: found[entry["url"]] for entry in allowed}
    assert copies
    for entry in copies:
        assert found[entry["url"]].story == originals[entry["syndicated_from"]].story, entry["url"]

    state = states(events)
    assert all(source.state == SourceState.SOURCE_STATE_ACTIVE for source in state.values())
    assert sum(source.article_count for source in state.values()) == len(stored)
    fetch = events["media.collected"][0].fetch
    assert fetch.robots_rule.startswith("allow")
    assert fetch.status == 200
    assert fetch.robots_time.seconds > 0


async def test_crawling_again_publishes_nothing_and_asks_conditionally(web: Any, crawls: Crawls) -> None:
    first = await crawls.crawl()
    web.clear_log()
    second = await crawls.crawl()
    assert len(first["media.collected"]) > 80
    assert second["media.collected"] == []
    pages = [
        r for r in web.requests if r["path"] in {entry["url"].partition(str(web.port))[2] for entry in web.published()}
    ]
    assert pages == []  # known articles are not fetched again at once
    feeds = [r for r in web.requests if r["path"].endswith((".rss", "/feed/"))]
    assert feeds
    assert all(r["if_none_match"] or r["if_modified_since"] for r in feeds)


@pytest.mark.slow
async def test_edits_and_withdrawals_are_noticed(shared: Path, tmp_path: Path) -> None:
    with newsweb(shared).NewsWeb(seed=3, speed=0, faults=False, articles=80, start="now") as web:
        write_sources(web, tmp_path / "sources")
        crawls = Crawls(tmp_path, crawler_settings(web, tmp_path / "sources"))
        crawls.sources = only(tmp_path / "sources", "vcc", "epi", "grid", "vne", "wp")
        found: dict[str, Article] = {}
        withdrawn: dict[str, int] = {}
        for hours in (0, 12, 24, 36, 48, 60, 135):  # the web ends after 60 hours
            crawls.hours = hours
            web.advance(hours=min(hours, 60) - (web.now() - web.clock.start).total_seconds() / 3600)
            events = await crawls.crawl()
            found |= articles(events)
            withdrawn |= {event.article: event.status for event in events["media.withdrawn"]}
        truth = {entry["url"]: entry for entry in web.truth["articles"] if entry["url"] in found}
    gone = {url: entry["withdrawn_as"] for url, entry in truth.items() if entry["withdrawn"]}
    edited = {url: entry["versions"][-1] for url, entry in truth.items() if entry["edited"] and url not in gone}
    assert gone
    assert len(edited) >= 3
    status = {"410": 410, "404": 404, "redirect-home": 302}
    assert withdrawn == {found[url].name: status[how] for url, how in gone.items()}
    for url, version in edited.items():
        assert (found[url].title, found[url].text) == (version["title"], version["body"])


async def test_politeness_on_the_wire(web: Any, crawls: Crawls) -> None:
    forum, portal = only(crawls.folder / "sources", "forum", "portal")
    crawls.sources = [narrowed(forum, "posts.json"), narrowed(portal, "c=thong-bao")]
    crawls.polite = True
    events = await crawls.crawl()
    notices = [entry for entry in web.published(site="portal") if entry["kind"] == "notice"]
    assert len(articles(events)) == len(web.published(site="forum")) + len(notices)
    audit = web.audit(min_delay=2.0)
    assert audit["ok"], audit["violations"]


def narrowed(spec: SourceSpec, part: str) -> SourceSpec:
    """A source with only the discoveries whose address contains a text."""
    tree = spec.model_dump()
    return SourceSpec.model_validate(
        tree
        | {"discover": [each for each in tree["discover"] if part in each["feed"] + each["sitemap"] + each["list"]]}
    )


# ---------------------------------------------------------------- commands


def fetch_page(url: str, number: int) -> tuple[SourceCommand, str]:
    submission = f"submissions/{number}"
    return SourceCommand(fetch_page=FetchPage(submission=submission, url=url)), submission


async def test_pasted_links(web: Any, crawls: Crawls) -> None:
    vcc = web.published(site="vcc")[0]
    foreign = web.published(site="epi")[0]
    crawls.sources = []  # no source at all: every link is foreign
    events = await crawls.crawl(
        commands=[
            fetch_page(vcc["url"] + "?utm_source=zalo", 1),
            fetch_page(f"{web.sites['vcc'].base}/in-bai/1.htm", 2),
            fetch_page(f"{web.log_base}/__ssrf__", 3),
            fetch_page(f"{web.sites['vcc'].base}/khong-co-1234567.htm", 4),
            fetch_page(foreign["alternates"]["wrong_slug"], 5),
        ]
    )
    collected = {event.submission: event for event in events["media.collected"]}
    failed = {event.submission: event for event in events["media.submission"]}
    assert collected["submissions/1"].article.canonical_url == vcc["url"]
    assert collected["submissions/1"].article.source == "sources/manual"
    assert collected["submissions/1"].fetch.discovery == "submit"
    assert collected["submissions/5"].article.canonical_url == foreign["url"]
    assert failed["submissions/2"].reason == ErrorReason.ERROR_REASON_FETCH_REFUSED
    assert "robots.txt" in failed["submissions/2"].message.vi
    assert failed["submissions/3"].reason == ErrorReason.ERROR_REASON_FETCH_REFUSED
    assert failed["submissions/4"].reason == ErrorReason.ERROR_REASON_FETCH_FAILED
    assert all(event.message.vi != event.message.en for event in failed.values())
    assert not web.audit(min_delay=0)["violations"].get("canary")


async def test_a_pasted_link_of_a_source_is_read_by_its_rules(web: Any, crawls: Crawls) -> None:
    entry = next(e for e in web.published(site="portal") if e["kind"] == "notice")
    crawls.sources = only(crawls.folder / "sources", "portal")
    events = await crawls.crawl(commands=[fetch_page(entry["alternates"]["session"], 1)])
    submitted = [event for event in events["media.collected"] if event.submission]
    assert [event.article.canonical_url for event in submitted] == [entry["url"]]
    assert submitted[0].article.source == "sources/portal"
    assert Counter(event.article.name for event in events["media.collected"])[submitted[0].article.name] == 1


async def test_a_source_can_be_paused_and_run(web: Any, crawls: Crawls) -> None:
    crawls.sources = (portal,) = only(crawls.folder / "sources", "portal")
    pause = SourceCommand(pause_source="sources/portal"), "pause"
    running: list[watch.Watch] = []

    async def stop_when_quiet() -> None:
        async with asyncio.timeout(60):
            while not (running and health.source(portal, running[0]._frontier).state == PAUSED):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await asyncio.sleep(1.5)
        running[0].stop()

    task = asyncio.create_task(stop_when_quiet())
    events = await crawls.crawl(once=False, commands=[pause], started=running.append)
    await task
    assert states(events)["portal"].state == PAUSED
    web.clear_log()
    paused = await crawls.crawl()
    assert paused["media.collected"] == []
    assert web.requests == []
    resumed = await crawls.crawl(commands=[(SourceCommand(resume_source="sources/portal"), "resume")])
    total = len(events["media.collected"]) + len(resumed["media.collected"])
    assert total == len(web.published(site="portal"))


async def test_the_gate_keeps_only_what_names_a_place_of_ours(web: Any, crawls: Crawls) -> None:
    local = only(crawls.folder / "sources", "vcc")[0]
    crawls.sources = [SourceSpec.model_validate(local.model_dump() | {"tier": "national"})]
    found = articles(await crawls.crawl())
    allowed = web.published(site="vcc")
    ours = {e["url"] for e in allowed if e["places"] and e["section"] == "mien-nui"}
    assert ours <= set(found)
    assert len(found) < len(allowed)
