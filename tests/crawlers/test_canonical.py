"""URLs have one spelling: the conformance cases of crawler-commons, and what a site's own rules add."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.canonical import UrlRules, canonical, host_port, is_web, normalize, resolve, same_site

URL_TEXT = st.builds(
    lambda host, path: f"http://{host}/{path}",
    st.from_regex(r"[a-z]{1,8}\.vn", fullmatch=True),
    st.text(max_size=40),
)


def test_crawler_commons_cases(shared: Path) -> None:
    """The other profiles of the file change less (WHATWG, semantic-precise) or more (aggressive), on purpose."""
    lines = (shared / "data/web/urls/cases.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [case for case in map(json.loads, lines) if case["profile"] == "crawler-commons"]
    assert len(cases) == 136
    wrong = {}
    for case in cases:
        try:
            got = normalize(case["input"]) if case["kind"] == "normalize" else resolve(case["base"], case["input"])
        except ValueError:
            got = None
        if got != case["expected"]:
            wrong[case["id"]] = got
    assert wrong == {}


@given(URL_TEXT)
def test_normalizing_twice_changes_nothing(url: str) -> None:
    once = normalize(url)
    assert normalize(once) == once
    assert canonical(once) == canonical(canonical(once))


def test_urlcanon_inputs_normalize_to_a_fixed_point(shared: Path) -> None:
    inputs = json.loads((shared / "data/web/urls/urlcanon/idempotence.json").read_bytes().decode("latin-1"))
    for raw in inputs:
        try:
            once = normalize(raw.encode("latin-1").decode("utf-8", "surrogateescape"))
        except ValueError:
            continue
        assert normalize(once) == once, raw


@pytest.mark.parametrize(
    "url",
    [
        "https://bao.example.vn/tin-1.html?utm_source=zalo&utm_medium=social",
        "https://bao.example.vn/tin-1.html?fbclid=IwAR0abc",
        "https://bao.example.vn/tin-1.html?vn_source=Folder&vn_campaign=Stream",
        "https://bao.example.vn/tin-1.html#binh-luan",
        "https://bao.example.vn/tin-1.html?",
        "https://BAO.example.vn:443/./tin-1.html?gidzl=1&gclid=2",
    ],
)
def test_tracking_is_no_part_of_the_identity(url: str) -> None:
    assert canonical(url) == "https://bao.example.vn/tin-1.html"


def test_the_case_of_the_path_is_kept() -> None:
    assert canonical("https://bao.example.vn/Tin-Bai.HTML") == "https://bao.example.vn/Tin-Bai.HTML"


def test_a_site_says_which_parameters_name_a_page() -> None:
    rules = UrlRules(query=("id",))
    assert canonical("http://xa.example.vn/chi-tiet?trang=2&id=7&sid=9", rules) == "http://xa.example.vn/chi-tiet?id=7"


def test_a_site_says_what_its_twins_are() -> None:
    rules = UrlRules(rewrites=((r"//m\.", "//"), (r"/amp/", "/"), (r"\.amp$", ".html")))
    for twin in ("https://m.bao.vn/a-1.html", "https://bao.vn/amp/a-1.html", "https://bao.vn/a-1.amp?utm_id=1"):
        assert canonical(twin, rules) == "https://bao.vn/a-1.html"


def test_vietnamese_paths_are_escaped() -> None:
    assert normalize("https://bao.vn/đất đai") == "https://bao.vn/%C4%91%E1%BA%A5t%20%C4%91ai"


def test_sites_and_their_twins() -> None:
    assert same_site("https://www.bao.vn/a", "https://m.bao.vn/b")
    assert not same_site("https://bao.vn/a", "https://bao.vn.example.com/a")
    assert not same_site("http://127.0.0.1:81/", "http://127.0.0.1:82/")
    assert host_port("HTTPS://Bao.vn:443/x") == "bao.vn"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "ftp://a.vn/x", "data:,x", "http:///x", ""]
)
def test_only_http_addresses_are_pages(url: str) -> None:
    assert not is_web(url)


@pytest.mark.parametrize("port", ["65536", "99999", "8" * 5000, "²"])
def test_there_are_no_ports_beyond_65535(port: str) -> None:
    assert not is_web(f"http://bao.vn:{port}/")
    with pytest.raises(ValueError, match=r"no (port|host)"):
        normalize(f"http://bao.vn:{port}/")
    assert is_web("http://bao.vn:065535/")
