"""robots.txt by RFC 9309: the public conformance suite, and what it does not ask."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest

from crawlers.robots import MAX_BYTES, Robots

DECIDED_OTHERWISE = {
    "correctness/accepted-mistakes#3.1": "a line without a colon is no rule",
    "correctness/index-page#1.1": "index.html in a pattern is no other word for /",
}
"""Lines of type `google_specific` on which this project decides against that search engine."""


def test_conformance_suite(shared: Path) -> None:
    """Left out: the six lines with `caution` (/robots.txt itself, URLs that are not escaped), where RFC 9309 differs."""
    wrong, asked = {}, 0
    for line in (shared / "data/web/robots/cases.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if case.get("caution"):
            continue
        raw = case.get("robots_txt_b64")
        body = base64.b64decode(raw) if raw else case["robots_txt"].encode()
        asked += 1
        if Robots.parse(body).verdict(case["user_agent"], case["url"]).allowed != case["allowed"]:
            wrong[case["id"]] = case["type"]
    assert asked == 394
    assert wrong == dict.fromkeys(DECIDED_OTHERWISE, "google_specific")


def verdict(text: str, url: str, agent: str = "NgocLinhBot") -> tuple[bool, str]:
    answer = Robots.parse(text.encode()).verdict(agent, url)
    return answer.allowed, answer.rule


def test_our_own_group_replaces_the_general_one() -> None:
    text = "User-agent: *\nDisallow: /\n\nUser-agent: ngoclinhbot\nDisallow: /noi-bo/\nAllow: /noi-bo/huong-dan\n"
    assert verdict(text, "https://a.vn/tin-1.html") == (True, "allow: no rule matches")
    assert verdict(text, "https://a.vn/noi-bo/x") == (False, "disallow: /noi-bo/")
    assert verdict(text, "https://a.vn/noi-bo/huong-dan.htm") == (True, "allow: /noi-bo/huong-dan")
    assert verdict(text, "https://a.vn/tin-1.html", "OtherBot") == (False, "disallow: /")


def test_an_escape_hides_nothing_from_a_disallow_line() -> None:
    assert not verdict("User-agent: *\nDisallow: /%63am/", "https://a.vn/cam/x")[0]
    assert not verdict("User-agent: *\nDisallow: /cam/", "https://a.vn/%63am/x")[0]
    assert not verdict("User-agent: *\nDisallow: /cấm/", "https://a.vn/c%E1%BA%A5m/x")[0]


def test_patterns_with_stars_and_an_end() -> None:
    text = "User-agent: *\nDisallow: /*.pdf$\nDisallow: /*?print="
    assert not verdict(text, "https://a.vn/a/b.pdf")[0]
    assert verdict(text, "https://a.vn/a/b.pdf?x=1")[0]
    assert not verdict(text, "https://a.vn/a.htm?print=1")[0]


def test_crawl_delay_of_the_group_that_holds() -> None:
    robots = Robots.parse(b"User-agent: *\nCrawl-delay: 120\n\nUser-agent: NgocLinhBot\nCrawl-delay: 2.5\nDisallow:\n")
    assert robots.crawl_delay_s("NgocLinhBot") == 2.5
    assert robots.crawl_delay_s("OtherBot") == 120
    assert Robots.parse(b"User-agent: *\nCrawl-delay: soon\n").crawl_delay_s("x") is None


def test_sitemaps_belong_to_no_group() -> None:
    assert Robots.parse(b"Sitemap: https://a.vn/s.xml\nUser-agent: *\nSitemap: /t.xml\nDisallow: /x").sitemaps == [
        "https://a.vn/s.xml",
        "/t.xml",
    ]


def test_what_stands_beyond_500_kib_is_not_read() -> None:
    head = b"User-agent: *\nDisallow: /a\n"
    body = head + b"#" * (MAX_BYTES - len(head)) + b"\nDisallow: /b\n"
    assert not Robots.parse(body).verdict("x", "https://a.vn/a").allowed
    assert Robots.parse(body).verdict("x", "https://a.vn/b").allowed


@pytest.mark.parametrize(
    "body", [b"", b"\x00\xff\xfe", b"<html><body>404</body></html>", b"User-agent\nDisallow\n::::"]
)
def test_rubbish_forbids_nothing_and_raises_nothing(body: bytes) -> None:
    assert Robots.parse(body).verdict("x", "https://a.vn/a?b").allowed


def test_a_hostile_pattern_costs_no_time() -> None:
    robots = Robots.parse(b"User-agent: *\nDisallow: /" + b"*a" * 200 + b"*b$\n")
    start = time.process_time()
    assert robots.verdict("x", "https://a.vn/" + "a" * 4000).allowed
    assert time.process_time() - start < 10
