"""Extraction: one invented page per profile, and what pages do to mislead."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.media.v1.article_pb2 import ArticleKind, TimePrecision

from crawlers.catalogue import Discovery, SourceSpec
from crawlers.documents import MAX_TITLE, Context, Document, NoArticle, NotToBeKept
from crawlers.extract import extract
from crawlers.metadata import split_names
from tests.crawlers.support import PROFILES

CASES = Path(__file__).parents[1] / "cases" / "sources"
NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
URL = "https://bao.example.vn/tin-123456.htm"


def spec(profile: str = "vcc", home: str = "https://bao.example.vn/", **more: Any) -> SourceSpec:
    return SourceSpec(
        id="mau",
        title="Báo Mẫu",
        home=home,
        tier="local",
        profile=profile,
        licence="An invented site of the tests.",
        discover=[Discovery(list="/")],
        **more,
    )


def test_every_profile_has_a_golden_page() -> None:
    assert sorted(path.stem for path in CASES.glob("*.toml")) == PROFILES


@pytest.mark.parametrize("name", PROFILES)
def test_golden_page(name: str) -> None:
    case = tomllib.loads((CASES / f"{name}.toml").read_text(encoding="utf-8"))
    context = Context(url=case["url"], now=NOW, source=spec(name, home=case["url"]))
    extracted = extract((CASES / f"{name}.html").read_bytes(), context)
    assert extracted.url == case["canonical"]
    assert list(extracted.more) == case.get("more", [])
    expected = case.get("documents") or [case]
    assert len(extracted.documents) == len(expected)
    for document, wanted in zip(extracted.documents, expected, strict=True):
        assert document.url == wanted["canonical"]
        assert document.title == wanted["title"]
        assert document.lead == wanted["lead"]
        assert document.text.split("\n\n") == wanted["paragraphs"]
        assert list(document.authors) == wanted["authors"]
        assert document.time == datetime.fromisoformat(wanted["time"])
        assert TimePrecision.Name(document.precision) == wanted["precision"]
        assert ArticleKind.Name(document.kind) == wanted["kind"]
        assert document.language == "vi"


def page(title: str = "Tin mẫu", body: str = "<p>Một câu có nghĩa.</p>", head: str = "", time: str = "") -> bytes:
    return (
        f'<html><head><meta charset="utf-8">{head}</head><body><h1 class="detail-title">{title}</h1>{time}'
        f'<div class="detail-content">{body}</div></body></html>'
    ).encode()


def document(body: bytes, url: str = URL, **context: Any) -> Document:
    given: dict[str, Any] = {"url": url, "now": NOW, "source": spec()} | context
    return extract(body, Context(**given)).documents[0]


def test_a_canonical_link_of_the_same_site_is_followed() -> None:
    head = '<link rel="canonical" href="https://www.bao.example.vn/tin-that-123456.htm?utm_source=x">'
    assert document(page(head=head)).url == "https://www.bao.example.vn/tin-that-123456.htm"


@pytest.mark.parametrize("link", ["https://khac.example.vn/bai-1.htm", "https://bao.example.vn/", "javascript:void(0)"])
def test_a_canonical_link_elsewhere_is_ignored(link: str) -> None:
    assert document(page(head=f'<link rel="canonical" href="{link}">')).url == URL


def test_a_base_element_does_not_move_the_page() -> None:
    head = '<base href="https://khac.example.vn/x/"><link rel="canonical" href="/tin-123456.htm">'
    assert document(page(head=head)).url == URL


def test_hidden_text_stays_out() -> None:
    body = '<p>Thấy được.</p><div style="DISPLAY : none">vay tiền</div><p hidden>ẩn</p><script>x()</script><p>Hết.</p>'
    assert document(page(body=body)).text == "Thấy được.\n\nHết."


def test_a_hostile_headline_becomes_plain_text() -> None:
    title = document(
        page(title="Tin &lt;script&gt;alert(1)&lt;/script&gt; \u202egnol\u202c &amp; <b>đậm</b>\x07")
    ).title
    assert title == "Tin <script>alert(1)</script> gnol & đậm"


def test_a_long_headline_is_bounded() -> None:
    assert len(document(page(title="Tiêu đề rất dài " * 400)).title) == MAX_TITLE


@pytest.mark.parametrize(
    ("encode", "content_type"),
    [
        (lambda text: text.encode("utf-8"), "text/html; charset=iso-8859-1"),
        (lambda text: text.encode("utf-8-sig"), "text/html"),
        (lambda text: text.encode("utf-16"), "text/html"),
        (lambda text: text.encode("ascii", "xmlcharrefreplace"), "text/html"),
    ],
)
def test_character_sets(encode: Any, content_type: str) -> None:
    text = page(body="<p>Đường liên thôn khô ráo, xe máy đi lại thuận lợi.</p>").decode()
    assert document(encode(text), content_type=content_type).text == "Đường liên thôn khô ráo, xe máy đi lại thuận lợi."


def test_windows_1258_with_combining_tones() -> None:
    combining = "Nu\u0301i ru\u031b\u0300ng"  # as a page in this charset stores it: vowel, then tone
    raw = (
        page(body="<p>@</p>").replace(b"@", "Nu\u0301i rư\u0300ng".encode("cp1258")).replace(b"utf-8", b"windows-1258")
    )
    assert document(raw, content_type="text/html; charset=windows-1258").text == "Núi rừng"
    assert document(page(body=f"<p>{combining}</p>")).text == "Núi rừng"


def test_a_future_time_is_not_believed() -> None:
    head = '<meta property="article:published_time" content="2099-01-01T08:00:00+07:00">'
    found = document(page(head=head), feed_time=NOW)
    assert found.time is None
    assert found.precision == TimePrecision.TIME_PRECISION_FIRST_SEEN


def test_the_feed_tells_the_time_where_the_page_does_not() -> None:
    found = document(page(), feed_time=datetime(2026, 11, 24, 3, 0, tzinfo=UTC))
    assert (found.time, found.precision) == (
        datetime(2026, 11, 24, 3, 0, tzinfo=UTC),
        TimePrecision.TIME_PRECISION_FEED,
    )


def test_a_day_is_less_than_the_feeds_minute_of_the_same_day() -> None:
    day = '<div class="detail-time">24/11/2026</div>'
    same = document(page(time=day), feed_time=datetime(2026, 11, 24, 3, 0, tzinfo=UTC))
    other = document(page(time=day), feed_time=datetime(2026, 11, 22, 3, 0, tzinfo=UTC))
    assert same.precision == TimePrecision.TIME_PRECISION_FEED
    assert other.precision == TimePrecision.TIME_PRECISION_DAY


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (page(body='<figure><img src="/a.jpg"></figure>'), "empty"),
        (
            b"<html><head><title>Kh\xc3\xb4ng t\xc3\xacm th\xe1\xba\xa5y trang</title></head><body><p>Xin quay l\xe1\xba\xa1i.</p></body></html>",
            "missing",
        ),
        (b'<html><body><script>document.cookie="D1N=1";location.reload(true)</script></body></html>', "wall"),
        (bytes(range(256)) * 40, "binary"),
        (b"", "binary"),
    ],
)
def test_pages_without_an_article(body: bytes, why: str) -> None:
    with pytest.raises(NoArticle) as caught:
        document(body)
    assert caught.value.why == why


def test_a_headline_about_something_lost_is_no_error_page() -> None:
    found = document(page(title="Không tìm thấy nạn nhân sau ba ngày", body="<p>Lực lượng cứu hộ vẫn tìm kiếm.</p>"))
    assert found.text == "Lực lượng cứu hộ vẫn tìm kiếm."


@pytest.mark.parametrize(
    ("head", "header"),
    [
        ('<meta name="robots" content="noindex, follow">', ""),
        ('<meta name="NgocLinhBot" content="none">', ""),
        ("", "noindex"),
        ("", "max-snippet:20, noarchive, NgocLinhBot: noindex"),
    ],
)
def test_the_wish_not_to_be_kept_is_respected(head: str, header: str) -> None:
    with pytest.raises(NotToBeKept):
        document(page(head=head), robots_header=header)


def test_orders_to_others_do_not_bind_us() -> None:
    assert document(page(head='<meta name="googlebot" content="noindex">'), robots_header="googlebot: noindex").text


def test_deep_nesting_costs_little() -> None:
    body = b"<html><body>" + b"<div>" * 30_000 + b"<p>x</p>" + b"</div>" * 30_000
    with pytest.raises(NoArticle):
        document(body)


def test_a_complaint_on_a_portal_is_a_post() -> None:
    raw = (
        '<div class="phananh"><div class="tieude">Đèn hỏng</div><div class="noidung"><p>Đèn đường hỏng.</p></div></div>'
    )
    found = document(raw.encode(), source=spec("portal"))
    assert found.kind == ArticleKind.ARTICLE_KIND_POST
    assert found.lead == ""


def test_a_pasted_link_is_read_without_a_profile() -> None:
    found = document((CASES / "vcc.html").read_bytes(), source=None)
    assert found.title == "Bản Mẫu khánh thành cầu treo qua suối Đá Trắng"
    assert "mặt cầu rộng 2 m" in found.text


def test_the_home_page_of_a_site_is_no_article() -> None:
    links = "".join(f'<li><a href="/tin-{i}.htm">Tin số {i}</a></li>' for i in range(40))
    with pytest.raises(NoArticle):
        document(f"<html><body><h1>Báo Mẫu</h1><ul>{links}</ul></body></html>".encode(), source=None)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Báo Núi (mẫu)", ["Báo Núi (mẫu)"]),
        ("Bởi Sông Tranh, Báo Núi (mẫu) (tổng hợp)", ["Sông Tranh", "Báo Núi (mẫu)"]),
        ("(Suối Đá)", ["Suối Đá"]),
        ("Suối Đá) - CTV", ["Suối Đá) - CTV"]),
        ("- Suối Đá)", ["Suối Đá"]),
    ],
)
def test_brackets_within_the_name_of_an_author_stay(line: str, names: list[str]) -> None:
    assert split_names(line) == names
