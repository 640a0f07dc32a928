"""Feeds, sitemaps and lists: what they name, and what hostile ones cannot do."""

from __future__ import annotations

import calendar
import gzip
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.media.v1.article_pb2 import ArticleKind

from crawlers.catalogue import Discovery, SourceSpec
from crawlers.spiders import Answer, Found, NotReadable, feed, listing, sitemap
from services.core.errors import FetchFailed

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
BASE = "https://bao.example.vn/rss/home.rss"


def answer(body: str | bytes, url: str = BASE, profile: str = "vcc", **more: Any) -> Answer:
    source = SourceSpec(
        id="mau",
        title="Báo Mẫu",
        home="https://bao.example.vn/",
        tier="local",
        profile=profile,
        licence="An invented site of the tests.",
        discover=[Discovery(list="/")],
    )
    headers = more.pop("headers", {"content-type": "application/rss+xml; charset=utf-8"})
    return Answer(url, body.encode() if isinstance(body, str) else body, headers, source, NOW, **more)


def rss(items: str, doctype: str = "") -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>{doctype}<rss version="2.0"><channel><title>x</title>{items}</channel></rss>'


def item(link: str, date: str = "") -> str:
    return f"<item><title>a</title><link>{link}</link><pubDate>{date}</pubDate></item>"


def urls(found: Found) -> list[str]:
    return [entry.url for entry in found.entries]


# ---------------------------------------------------------------- feeds

NOT_OURS = {
    "wellformed/atom10/entry_link_rel_enclosure_no_href.xml",  # feedparser takes the enclosure, as it says itself
}


def test_conformance_suite(shared: Path) -> None:
    """Of the suite's checks those on what this project reads: well-formedness, links, times.

    Titles, descriptions, languages, authors and the fields of iTunes, CDF and PSC are not taken from feeds: the page
    tells them. So the sanitizer files only must not raise; nothing of their markup is kept.
    """
    folder = shared / "data/web/feeds"
    checked = 0
    for text in (folder / "expect.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(text)
        headers = {name.lower(): value for name, value in (case.get("headers") or {}).items()}
        url = f"http://127.0.0.1:8097/tests/{case['file']}"
        found = feed.read(answer((folder / case["file"]).read_bytes(), url, headers=headers))
        for check in case["checks"] or []:
            path, value = check["path"], check["value"]
            if path == ["bozo"] and check["op"] == "falsy":
                assert found.problem == ("", ""), case["file"]
            elif path[:1] == ["entries"] and path[2:] == ["link"] and case["file"] not in NOT_OURS:
                assert found.entries[path[1]].url == value, case["file"]
            elif path[:1] == ["entries"] and path[2:] in (["published_parsed"], ["updated_parsed"]) and found.entries:
                moment = found.entries[path[1]].time
                assert moment is not None
                assert int(moment.timestamp()) == calendar.timegm(tuple(value)), case["file"]
            else:
                continue
            checked += 1
    assert checked > 380


def test_dates_with_local_habits() -> None:
    dates = ["Mon, 23 Nov 2026 08:15:00 GMT+7", "11/23/2026 8:15:00 AM", "Mon, 23 Nov 2026 01:15:00 GMT"]
    found = feed.read(answer(rss("".join(item(f"https://bao.example.vn/{i}", date) for i, date in enumerate(dates)))))
    assert {entry.time for entry in found.entries} == {datetime(2026, 11, 23, 1, 15, tzinfo=UTC)}


def test_dates_that_are_none_keep_their_item() -> None:
    dates = ["32/13/2026", "hôm qua", " "]
    found = feed.read(answer(rss("".join(item(f"https://bao.example.vn/{i}", date) for i, date in enumerate(dates)))))
    assert [entry.time for entry in found.entries] == [None, None, None]


def test_relative_links_resolve_against_the_feed() -> None:
    assert urls(feed.read(answer(rss(item("/bai/1.htm"))))) == ["https://bao.example.vn/bai/1.htm"]


def test_broken_xml_gives_what_stands_before_the_damage() -> None:
    text = (
        rss(item("https://bao.example.vn/1")).replace("</channel></rss>", "")
        + "<item><title>Mưa & nắng <b>hở</title><link>"
    )
    found = feed.read(answer(text))
    assert urls(found)[0] == "https://bao.example.vn/1"
    assert "XML" in found.problem[1]


@pytest.mark.parametrize("charset", ["utf-16", "utf-8-sig", "utf-32"])
def test_other_unicode_encodings(charset: str) -> None:
    body = rss(item("https://bao.example.vn/1")).replace("UTF-8", charset).encode(charset)
    assert urls(feed.read(answer(body, headers={"content-type": "application/xml"}))) == ["https://bao.example.vn/1"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<!DOCTYPE html><html><body>error</body></html>",
        b"<html>x</html>",
        b"xin chao",
        b"[1]",
        b"{",
        b"{}",
        b'{"items": 5}',
    ],
)
def test_what_is_no_feed_is_told(body: bytes) -> None:
    with pytest.raises(NotReadable):
        feed.read(answer(body))


def test_an_empty_feed_is_sound() -> None:
    assert feed.read(answer(rss(""))) == Found([])


def test_external_entities_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("https://bao.example.vn/secret")
    doctype = f'<!DOCTYPE rss [<!ENTITY a SYSTEM "{secret.as_uri()}"><!ENTITY % b SYSTEM "{secret.as_uri()}"> %b;]>'
    found = feed.read(answer(rss(item("https://bao.example.vn/1") + item("&a;"), doctype)))
    assert "secret" not in repr(found)
    assert "https://bao.example.vn/1" in urls(found)


@pytest.mark.parametrize("head", ["", "\n<!-- one --><!-- <!DOCTYPE x> -->\n", "<?xml-stylesheet href='a'?>"])
def test_entities_are_not_expanded(head: str) -> None:
    entities = '<!ENTITY a0 "cuoi">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    start = time.thread_time()
    found = feed.read(
        answer(rss(item("https://bao.example.vn/1") + item("&a9;"), f"{head}<!DOCTYPE rss [{entities}]>"))
    )
    assert time.thread_time() - start < 10
    assert max(map(len, urls(found))) < 1000


def test_many_comments_before_a_feed_cost_no_time() -> None:
    start = time.thread_time()
    text = rss(item("https://bao.example.vn/1")).replace("<rss", "<!-- a -->" * 5000 + "<rss", 1)
    assert urls(feed.read(answer(text))) == ["https://bao.example.vn/1"]
    assert time.thread_time() - start < 10


@pytest.mark.parametrize("body", ["/etc/hostname", "file:///etc/hostname", "http://127.0.0.1:1/"])
def test_a_body_is_never_taken_for_an_address(body: str) -> None:
    with pytest.raises(NotReadable):
        feed.read(answer(body))


def test_a_json_feed_of_posts_gives_documents() -> None:
    tree = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [
            {
                "url": "/t/hoi-gia-que.5/",
                "title": "Hỏi giá quế",
                "content_text": "Quế khô giá bao nhiêu?\n\nCảm ơn các bác.",
                "date_published": "2026-11-20T08:00:00+07:00",
                "authors": [{"name": "que_tra"}],
            },
            {"url": "/t/hoi-gia-que.5/post-9", "content_html": "<p>Chín mươi.</p><script>x</script>"},
            {"url": "/t/khong-chu.6/"},
            {"title": "không địa chỉ"},
            "rác",
        ],
    }
    found = feed.read(answer(json.dumps(tree), "https://bao.example.vn/posts.json", "xenforo"))
    first, second, third = found.entries
    assert first.document is not None
    assert first.document.text == "Quế khô giá bao nhiêu?\n\nCảm ơn các bác."
    assert first.document.kind == ArticleKind.ARTICLE_KIND_POST
    assert first.document.url == "https://bao.example.vn/t/hoi-gia-que.5/"
    assert second.document is not None
    assert second.document.text == "Chín mươi."
    assert second.document.kind == ArticleKind.ARTICLE_KIND_COMMENT
    assert third.document is None


# ---------------------------------------------------------------- sitemaps

NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'


def test_pages_of_a_sitemap_with_their_times() -> None:
    text = (
        f"<urlset {NS}><url><loc> https://bao.example.vn/1 </loc><lastmod>2026-11-20T08:00:00+07:00</lastmod></url>"
        "<url><loc>/2</loc><news:news><news:publication_date>2026-11-21</news:publication_date></news:news></url>"
        "<url><lastmod>2026</lastmod></url></urlset>"
    )
    found = sitemap.read(answer(gzip.compress(text.encode()), "https://bao.example.vn/sitemap.xml.gz"))
    assert urls(found) == ["https://bao.example.vn/1", "https://bao.example.vn/2"]
    assert found.entries[0].time == datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
    assert found.entries[1].time == datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


def test_an_index_names_sitemaps_those_that_did_not_change_left_out() -> None:
    text = (
        f"<sitemapindex {NS}><sitemap><loc>https://bao.example.vn/a.xml</loc><lastmod>2026-11-24</lastmod></sitemap>"
        "<sitemap><loc>https://bao.example.vn/b.xml</loc><lastmod>2026-10-01</lastmod></sitemap>"
        "<sitemap><loc>https://bao.example.vn/c.xml</loc></sitemap></sitemapindex>"
    )
    everything = sitemap.read(answer(text))
    recent = sitemap.read(answer(text, since=datetime(2026, 11, 23, tzinfo=UTC)))
    assert [entry.url[-5:] for entry in everything.more] == ["a.xml", "b.xml", "c.xml"]
    assert [entry.url[-5:] for entry in recent.more] == ["a.xml", "c.xml"]


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"not xml", b"\x1f\x8bbroken", b"<rss/>"])
def test_what_is_no_sitemap_is_told(body: bytes) -> None:
    with pytest.raises(FetchFailed):
        sitemap.read(answer(body))


def test_entities_in_sitemaps_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("/secret")
    text = f'<!DOCTYPE urlset [<!ENTITY a SYSTEM "{secret.as_uri()}">]><urlset {NS}><url><loc>https://bao.example.vn/&a;</loc></url></urlset>'
    assert "secret" not in repr(sitemap.read(answer(text)))


# ---------------------------------------------------------------- lists


def test_links_of_a_list_page() -> None:
    html = (
        '<base href="https://khac.example.vn/"><h3><a href="/bai-123456.htm">a</a></h3><h3><a href="/bai-123456.htm">a</a></h3>'
        '<h3><a href="javascript:x()">b</a></h3><h3><a>c</a></h3><a href="/khong-phai.htm">d</a>'
        '<div class="pagination"><a class="next" href="/xa-hoi/trang-2.htm">2</a></div>'
    )
    found = listing.read(answer(html, "https://bao.example.vn/xa-hoi.htm"))
    assert urls(found) == ["https://bao.example.vn/bai-123456.htm"]
    assert [entry.url for entry in found.more] == ["https://bao.example.vn/xa-hoi/trang-2.htm"]


def test_what_is_no_list_page_is_told() -> None:
    with pytest.raises(NotReadable):
        listing.read(answer(bytes(range(256)) * 10))
