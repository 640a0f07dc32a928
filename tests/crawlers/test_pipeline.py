"""From pages to events: masked, linked, durable before they are done, and only where they matter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from ngoclinh.media.v1.article_pb2 import ArticleKind
from ngoclinh.type.v1.type_pb2 import ErrorReason
from scrapy import Request
from scrapy.http import Response

from crawlers.catalogue import Discovery, SourceSpec
from crawlers.download import Transient
from crawlers.frontier import MANUAL, Frontier
from crawlers.relevance import Relevance, provinces
from crawlers.watch import Watch
from services.adapters.embedded.bus_sqlite import SqliteBus
from services.core.config import Settings
from services.core.errors import Unavailable
from services.core.names import article_name, content_digest
from services.core.sections.work import CrawlerSettings
from tests.crawlers.support import drained, hasty_host

HOME = "https://bao.example.vn"
SENTENCES = "Đường liên thôn khô ráo, xe máy đi lại thuận lợi, xe tải nhẹ vào được tới sân nhà cộng đồng. " * 6


def page(title: str, text: str, author: str = "CTV") -> bytes:
    return (
        f'<html><head><meta charset="utf-8"></head><body><h1 class="detail-title">{title}</h1>'
        f'<div class="detail-author">{author}</div><div class="detail-time">20/11/2026 14:05</div>'
        f'<div class="detail-content"><p>{text}</p></div></body></html>'
    ).encode()


class Site:
    """A site in memory: its list page names all of its pages."""

    def __init__(self, pages: dict[str, bytes]) -> None:
        self.pages = {f"{HOME}{path}": body for path, body in pages.items()}
        self.asked: list[str] = []

    async def download(self, request: Request) -> Response:
        self.asked.append(request.url)
        if request.url == f"{HOME}/":
            links = "".join(f'<h3><a href="{url}">x</a></h3>' for url in self.pages)
            return Response(request.url, body=links.encode())
        body = self.pages.get(request.url)
        return Response(request.url, status=404) if body is None else Response(request.url, body=body)


def spec(**more: Any) -> SourceSpec:
    given = {
        "id": "mau",
        "title": "Báo Mẫu",
        "home": f"{HOME}/",
        "tier": "local",
        "profile": "vcc",
        "licence": "An invented site of the tests.",
        "discover": [Discovery(list="/")],
        "max_age_days": 0,
        "allow": ["^/bai-"],
    }
    return SourceSpec.model_validate(given | more)


async def crawl(
    folder: Path, site: Site, source: SourceSpec, wrap: Callable[[SqliteBus], Any] = lambda bus: bus
) -> list[Any]:
    """What one crawl of a site publishes."""
    bus = SqliteBus(folder / "bus.sqlite")
    frontier = Frontier(folder / "frontier.sqlite")
    try:
        await Watch(Settings(data_dir=folder), wrap(bus), frontier, [source], once=True, make_host=hasty_host).run(
            site.download
        )
        return await drained(bus, "media.collected")
    finally:
        frontier.close()
        await bus.close()


async def test_personal_numbers_never_reach_the_bus(tmp_path: Path) -> None:
    text = f"Liên hệ 0905 123 456, CCCD 048123456789, thửa đất số 123, tờ bản đồ số 5, 101/2024/NĐ-CP. {SENTENCES}"
    events = await crawl(tmp_path, Site({"/bai-1": page("Gọi 0905123456", text)}), spec())
    article = events[0].article
    everything = f"{article.title} {article.lead} {article.text}"
    for number in ("0905 123 456", "0905123456", "048123456789"):
        assert number not in everything
    assert article.masked
    assert "thửa đất số 123, tờ bản đồ số 5" in article.text
    assert "101/2024/NĐ-CP" in article.text
    assert events[0].content_sha256 == content_digest(article.title, article.lead, article.text)
    assert article.text_length == len(article.text)
    assert article.name == article_name(f"{HOME}/bai-1")
    for store in ("bus.sqlite", "frontier.sqlite"):
        assert b"0905123456" not in (tmp_path / store).read_bytes()


async def test_users_of_forums_are_pseudonyms_of_this_installation(tmp_path: Path) -> None:
    golden = (Path(__file__).parents[1] / "cases/sources/xenforo.html").read_bytes()
    names = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        site = Site({"/t/hoi-giong-que.812/": golden.replace(b"dien-dan-mau.example.vn", b"bao.example.vn")})
        source = spec(profile="xenforo", tier="social", allow=["^/t/"], selectors={"links": "h3 a"})
        events = await crawl(folder, site, source)
        assert [e.article.kind for e in events] == [ArticleKind.ARTICLE_KIND_POST] + [
            ArticleKind.ARTICLE_KIND_COMMENT
        ] * 2
        names.append([e.article.author_names[0] for e in events])
    assert not {"que_tra", "suong_mai"} & set(names[0])
    assert set(names[0]).isdisjoint(names[1])


async def test_a_copy_is_linked_and_kept(tmp_path: Path) -> None:
    site = Site({"/bai-1": page("Gốc", SENTENCES), "/bai-2": page("Chép", SENTENCES + "Thêm một câu.")})
    first, second = (event.article for event in await crawl(tmp_path, site, spec()))
    assert (first.story, first.duplicate_of) == (first.name, "")
    assert (second.story, second.duplicate_of) == (first.name, first.name)


async def test_a_changed_page_is_a_new_version_the_same_is_none(tmp_path: Path) -> None:
    site = Site({"/bai-1": page("Cũ", SENTENCES)})
    await crawl(tmp_path, site, spec())
    with Frontier(tmp_path / "frontier.sqlite").transaction() as db:
        db.execute("UPDATE page SET due = 0")
    assert await crawl(tmp_path, site, spec()) == []
    site.pages[f"{HOME}/bai-1"] = page("Mới", SENTENCES)
    with Frontier(tmp_path / "frontier.sqlite").transaction() as db:
        db.execute("UPDATE page SET due = 0")
    events = await crawl(tmp_path, site, spec())
    assert [event.article.title for event in events] == ["Mới"]
    assert events[0].article.name == article_name(f"{HOME}/bai-1")


class Failing:
    """A bus that does not answer the first times it is asked to keep an article."""

    def __init__(self, bus: SqliteBus, times: int) -> None:
        self.bus = bus
        self.times = times

    async def publish(self, subject: str, event: Message, key: str) -> None:
        if subject == "media.collected" and self.times:
            self.times -= 1
            raise Unavailable("Bus không trả lời.", "The bus does not answer.")
        await self.bus.publish(subject, event, key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bus, name)


async def test_a_page_is_done_only_after_its_event_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crawlers import watch

    monkeypatch.setattr(watch, "RETRY_S", (0.05, 0.05))
    site = Site({"/bai-1": page("Tin", SENTENCES)})
    events = await crawl(tmp_path, site, spec(), lambda bus: Failing(bus, 2))
    assert [event.article.title for event in events] == ["Tin"]
    assert site.asked.count(f"{HOME}/bai-1") == 3


async def test_a_fault_of_ours_ends_neither_the_crawl_nor_in_a_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crawlers import visiting
    from crawlers.extract import extract

    monkeypatch.setattr(visiting, "RETRY_S", (0.05, 0.05))

    def sometimes(body: bytes, context: Any) -> Any:
        if context.url.endswith("bai-1"):
            raise ZeroDivisionError
        return extract(body, context)

    monkeypatch.setattr("crawlers.pipeline.extract", sometimes)
    site = Site({"/bai-1": page("Hỏng", SENTENCES), "/bai-2": page("Lành", SENTENCES)})
    events = await crawl(tmp_path, site, spec())
    assert [event.article.title for event in events] == ["Lành"]
    assert site.asked.count(f"{HOME}/bai-1") == 3


async def test_who_waits_for_a_page_hears_of_a_fault_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crawlers import visiting

    def broken(body: bytes, context: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("crawlers.pipeline.extract", broken)
    monkeypatch.setattr(visiting, "SUBMITTED_RETRY_S", (0.05,))
    frontier = Frontier(tmp_path / "frontier.sqlite")
    frontier.submit(f"{HOME}/bai-1", MANUAL, "submissions/1")
    frontier.close()
    site = Site({"/bai-1": page("Hỏng", SENTENCES)})
    await crawl(tmp_path, site, spec(allow=["^/khac-"]))
    bus = SqliteBus(tmp_path / "bus.sqlite")
    failures = await drained(bus, "media.submission")
    await bus.close()
    assert [failure.submission for failure in failures] == ["submissions/1"]
    assert "Lỗi bên trong" in failures[0].message.vi
    assert site.asked.count(f"{HOME}/bai-1") == 2


async def test_a_pasted_link_without_network_is_told_as_that(tmp_path: Path) -> None:
    class Silent(Site):
        async def download(self, request: Request) -> Response:
            self.asked.append(request.url)
            raise Transient("Không kết nối được máy chủ bao.example.vn.", "Cannot connect to bao.example.vn.")

    frontier = Frontier(tmp_path / "frontier.sqlite")
    frontier.submit(f"{HOME}/bai-1", MANUAL, "submissions/1")
    frontier.close()
    site = Silent({})
    await crawl(tmp_path, site, spec())
    bus = SqliteBus(tmp_path / "bus.sqlite")
    (failure,) = await drained(bus, "media.submission")
    await bus.close()
    assert failure.reason == ErrorReason.ERROR_REASON_FETCH_FAILED
    assert failure.message.vi == "Không kết nối được máy chủ bao.example.vn."
    assert set(site.asked) == {f"{HOME}/robots.txt"}


async def test_a_crawl_can_be_stopped_at_any_time(tmp_path: Path) -> None:
    site = Site({f"/bai-{i}": page(f"Tin {i}", f"{SENTENCES} {i}") for i in range(30)})
    bus = SqliteBus(tmp_path / "bus.sqlite")
    frontier = Frontier(tmp_path / "frontier.sqlite")
    watch = Watch(Settings(data_dir=tmp_path), bus, frontier, [spec()], make_host=hasty_host)

    async def stop() -> None:
        while len(site.asked) < 10:  # noqa: ASYNC110  (the site has no event to wait for)
            await asyncio.sleep(0.01)
        watch.stop()

    await asyncio.wait_for(asyncio.gather(watch.run(site.download), stop()), 20)
    frontier.close()
    await bus.close()
    events = await crawl(tmp_path, site, spec())
    assert sorted(event.article.title for event in events) == sorted(f"Tin {i}" for i in range(30))


# ---------------------------------------------------------------- relevance


@pytest.fixture
def gate() -> Relevance:
    return Relevance(Settings())


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Mưa lớn tại xã Trà Linh, huyện Nam Trà My, tỉnh Quảng Nam.", True),
        ("UBND thành phố Đà Nẵng họp giao ban.", True),
        ("Giá cà phê tại tỉnh Lâm Đồng tăng mạnh.", False),
        ("Đội tuyển thắng trận mở màn.", False),
    ],
)
def test_national_sources_are_kept_where_they_name_our_province(gate: Relevance, text: str, kept: bool) -> None:
    assert gate.keeps(spec(tier="national"), text, date(2025, 3, 1)) is kept
    assert gate.keeps(spec(tier="local"), text, date(2025, 3, 1))
    assert gate.keeps(None, text, date(2025, 3, 1))


def test_the_gate_can_be_left_open() -> None:
    settings = Settings(crawler=CrawlerSettings(relevance_gate=False))
    assert Relevance(settings).keeps(spec(tier="national"), "Đội tuyển thắng.", datetime.now(UTC).date())


def test_the_province_of_the_watch_area() -> None:
    codes: Sequence[str] = Settings().watch_areas["nam-tra-my"].areas
    assert provinces(codes) == {"areas/2025-48"}
