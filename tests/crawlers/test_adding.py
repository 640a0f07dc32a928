"""New sources over real HTTP: checked at their site, saved, crawled at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.media.v1.article_pb2 import SOURCE_STATE_ACTIVE, Source, SourceDefinition, SourceList
from ngoclinh.media.v1.event_pb2 import AddSource, SourceChecked, SourceCommand
from ngoclinh.type.v1.type_pb2 import ERROR_REASON_CONFLICT, ERROR_REASON_INVALID_FIELD

from crawlers.watch import Watch
from services.adapters.embedded.bus_sqlite import SqliteBus
from services.core.names import random_id
from tests.crawlers import support
from tests.crawlers.support import Crawls
from tests.e2e.mini_site import Site


class Odd(Site):
    """A site whose robots.txt closes /kin, with a list that leads nowhere."""

    def answer(self, path: str) -> tuple[str, bytes]:
        if path == "/robots.txt":
            return "text/plain", b"User-agent: *\nDisallow: /kin\n"
        if path == "/danh-sach":
            return "text/html", b"<html><body><a href='/lien-he'>x</a></body></html>"
        return super().answer(path)


@pytest.fixture
def site() -> Iterator[Odd]:
    made = Odd(1, articles=2)
    yield made
    made.close()


@pytest.fixture
def crawls(site: Odd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Crawls:
    monkeypatch.setattr(support, "SUBJECTS_OUT", (*support.SUBJECTS_OUT, "source.checked"))
    allowed = {"allow_private_hosts": [f"127.0.0.1:{site.port}"], "bundled_sources": False}
    return Crawls(tmp_path, allowed)


async def add(crawls: Crawls, site: Site, **fields: Any) -> tuple[SourceChecked, dict[str, list[Any]]]:
    """Ask for the source "moi"; the answer, and everything that the crawl published."""
    usual: dict[str, Any] = {"title": "Mới", "home_url": site.home, "tier": "local", "licence_note": "Để thử nghiệm."}
    only = fields.pop("validate_only", False)
    key = f"sourceRequests/{random_id()}"
    wanted = AddSource(request=key, source_id="moi", definition=SourceDefinition(**usual | fields), validate_only=only)

    def started(watch: Watch) -> None:
        async def stop() -> None:
            await asyncio.sleep(0.1)
            async with asyncio.timeout(30):
                while watch._asked or watch._active or (not site.requests and "feeds" in fields):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            await asyncio.sleep(1.5)
            watch.stop()

        crawls.stopper = asyncio.create_task(stop())  # type: ignore[attr-defined]

    events = await crawls.crawl(False, [(SourceCommand(add_source=wanted), key)], started)
    (answer,) = events["source.checked"]
    return answer, events


def told(answer: SourceChecked) -> list[tuple[str, bool]]:
    return [(check.kind, check.ok) for check in answer.checks]


async def test_a_sound_source_is_saved_and_crawled_without_a_restart(crawls: Crawls, site: Odd) -> None:
    answer, events = await add(crawls, site, feeds=["/rss.xml"], allow=["^/tin-"])
    assert told(answer) == [("robots", True), ("feed", True), ("article", True)]
    assert (answer.saved, answer.source.name, answer.reason) == (True, "sources/moi", 0)
    assert "2 mục, 2 là bài viết" in answer.checks[1].message.vi
    assert site.title(0) in answer.checks[2].message.vi
    assert len(events["media.collected"]) == 2
    assert {event.source.name for event in events["source.state"]} == {"sources/moi"}
    assert (crawls.folder / "sources" / "moi.toml").is_file()
    again, _ = await add(crawls, site, feeds=["/rss.xml"])
    assert (again.reason, again.saved) == (ERROR_REASON_CONFLICT, False), "the next crawler knows it from its file"


async def test_a_check_saves_nothing(crawls: Crawls, site: Odd) -> None:
    answer, events = await add(crawls, site, feeds=["/rss.xml"], allow=["^/tin-"], validate_only=True)
    assert told(answer) == [("robots", True), ("feed", True), ("article", True)]
    assert (answer.saved, answer.source.title) == (False, "Mới")
    assert events["media.collected"] == []
    assert not (crawls.folder / "sources").exists()


@pytest.mark.parametrize(
    ("fields", "checks", "words"),
    [
        ({"feeds": ["/kin/rss.xml"]}, [("robots", False)], "/kin"),
        ({"feeds": ["/khong-co.xml"]}, [("robots", True), ("feed", False)], "404"),
        ({"feeds": ["/tin-0.html"]}, [("robots", True), ("feed", False)], "HTML"),
        (
            {"lists": [SourceList(url="/danh-sach", selector="a")], "allow": ["^/tin-"]},
            [("robots", True), ("list", False)],
            "không mục nào khớp",
        ),
        (
            {"feeds": ["/rss.xml"], "sitemaps": ["/robots.txt"], "allow": ["^/tin-"]},
            [("robots", True), ("feed", True), ("sitemap", False), ("article", True)],
            "không nêu sitemap",
        ),
    ],
)
async def test_what_cannot_be_crawled_is_told_and_not_saved(
    crawls: Crawls, site: Odd, fields: dict[str, Any], checks: list[tuple[str, bool]], words: str
) -> None:
    answer, events = await add(crawls, site, **fields)
    assert told(answer) == checks
    assert words in next(check.message.vi for check in answer.checks if not check.ok)
    assert not answer.saved
    assert events["media.collected"] == []
    assert not (crawls.folder / "sources").exists()


async def test_a_private_address_is_not_asked(crawls: Crawls, site: Odd) -> None:
    answer, _ = await add(crawls, site, home_url="http://127.0.0.1:1/", sitemaps=["/sitemap.xml"])
    assert not any(check.ok for check in answer.checks[1:])
    assert answer.checks
    assert not answer.saved


async def test_a_definition_that_is_none_is_refused_before_anything_is_asked(crawls: Crawls, site: Odd) -> None:
    answer, _ = await add(crawls, site, tier="world", lists=[SourceList(url="/")])
    assert answer.reason == ERROR_REASON_INVALID_FIELD
    assert answer.message.vi.startswith("definition.tier")
    assert not site.requests


async def test_a_report_that_the_end_of_a_crawl_breaks_off_is_made_at_the_end(
    crawls: Crawls, site: Odd, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(crawls, site, feeds=["/rss.xml"], allow=["^/tin-"])
    publish, begun = SqliteBus.publish, asyncio.Event()

    async def slow_at_first(bus: SqliteBus, subject: str, event: Any, key: str) -> None:
        if subject == "source.state" and not begun.is_set():
            begun.set()
            await asyncio.Event().wait()
        await publish(bus, subject, event, key)

    def started(watch: Watch) -> None:
        async def stop() -> None:
            await begun.wait()
            watch.stop()

        crawls.stopper = asyncio.create_task(stop())  # type: ignore[attr-defined]

    monkeypatch.setattr(SqliteBus, "publish", slow_at_first)
    events = await crawls.crawl(False, [], started)
    assert [event.source.name for event in events["source.state"]] == ["sources/moi"]


async def test_a_source_that_is_crawled_is_checked_again_and_its_report_says_what_was_found(
    crawls: Crawls, site: Odd
) -> None:
    await add(crawls, site, feeds=["/rss.xml"], allow=["^/tin-"])

    async def check() -> list[Source]:
        """What is reported once the check of the source has ended."""

        def started(watch: Watch) -> None:
            async def stop() -> None:
                async with asyncio.timeout(60):
                    while not watch._frontier.last_check("moi") or watch._asked:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                watch.stop()

            crawls.stopper = asyncio.create_task(stop())  # type: ignore[attr-defined]

        events = await crawls.crawl(False, [(SourceCommand(check_source="sources/moi"), random_id())], started)
        return [event.source for event in events["source.state"]]

    last = (await check())[-1]
    assert [(one.kind, one.ok) for one in last.checks] == [("robots", True), ("feed", True), ("article", True)]
    assert (last.HasField("check_time"), last.title, last.state) == (True, "Mới", SOURCE_STATE_ACTIVE)
    again = (await check())[0]
    assert [(one.kind, one.ok) for one in again.checks][:2] == [("robots", True), ("feed", True)], "it is remembered"
