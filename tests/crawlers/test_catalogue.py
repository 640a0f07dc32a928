"""Source declarations: those of the package, and what is wrong in an operator's."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawlers.catalogue import load
from crawlers.profile import profile
from services.core.areas import register
from services.core.errors import InvalidField, NotFound
from tests.crawlers.support import PROFILES

MINIMAL = """
title = "Báo Mẫu"
home = "https://bao.example.vn/"
tier = "local"
licence = "An invented site of the tests."
[[discover]]
feed = "/rss/home.rss"
"""


def write(folder: Path, text: str, name: str = "mau") -> Path:
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def test_the_sources_of_the_package() -> None:
    specs = load()
    assert len(specs) >= 10
    for spec in specs:
        assert len(spec.discover) >= 2, spec.id
        assert "robots.txt" in spec.licence or "portal" in spec.licence, spec.id
        assert all(spec.owns(spec.url(discovery)) for discovery in spec.discover), spec.id
        assert all(register().get(area) is not None for area in spec.areas), spec.id
    assert {"baodanang", "vnexpress", "tuoitre"} <= {spec.id for spec in specs}


def test_every_profile_loads() -> None:
    assert {"vcc", "epi", "grid", "vne", "wordpress", "portal", "xenforo", "generic"} <= set(PROFILES)
    for name in PROFILES:
        assert profile(name) is not None


@pytest.mark.parametrize(
    ("source", "url", "taken"),
    [
        ("vnexpress", "https://vnexpress.net/dau-bung-keo-dai-4954454.html", True),
        ("vnexpress", "https://vnexpress.net/rss/thoi-su.rss", False),
        ("vnexpress", "https://vnexpress.net.example.com/dau-bung-keo-dai-4954454.html", False),
        ("tuoitre", "https://tuoitre.vn/mot-bai-2026112308151234.htm", True),
        ("nhandan", "https://nhandan.vn/mot-bai-post900001.html", True),
        ("vov", "https://vov.vn/xa-hoi/mot-bai-post1234567.vov", True),
        ("baodanang", "https://baodanang.vn/mot-bai-3312345.html", True),
        ("baodanang", "https://baodanang.vn/podcast/mot-bai-3312345.html", False),
        ("qrt", "https://qrt.vn/xa-hoi/mot-bai-viet-du-dai-de-la-bai/", True),
        ("qrt", "https://qrt.vn/xa-hoi/", False),
    ],
)
def test_what_an_article_of_a_source_looks_like(source: str, url: str, taken: bool) -> None:
    spec = next(spec for spec in load() if spec.id == source)
    assert spec.takes(url) is taken


def test_twins_of_a_source() -> None:
    spec = next(spec for spec in load() if spec.id == "vnexpress")
    twin = "https://m.vnexpress.net/dau-bung-keo-dai-4954454.amp?utm_source=x"
    assert spec.canonical(twin) == "https://vnexpress.net/dau-bung-keo-dai-4954454.html"
    assert spec.owns(twin)


def test_an_operators_source_joins_or_replaces(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL)
    write(tmp_path, MINIMAL, "vnexpress")
    specs = {spec.id: spec for spec in load(tmp_path)}
    assert specs["mau"].title == specs["vnexpress"].title == "Báo Mẫu"
    assert [spec.id for spec in load(tmp_path, bundled=False)] == ["mau", "vnexpress"]
    assert [spec.id for spec in load(tmp_path, only=["mau"])] == ["mau"]
    with pytest.raises(NotFound):
        load(tmp_path, only=["khong-co"])
    with pytest.raises(NotFound):
        load(tmp_path / "khong-co")


def test_own_selectors_of_a_source(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL + '\n[selectors]\nlead = ["p.tom-tat"]\n')
    spec = load(tmp_path, bundled=False)[0]
    assert spec.pages.lead == ["p.tom-tat"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINIMAL.replace("title =", "titel ="), "titel: no such key; the nearest is title"),
        (MINIMAL.replace('feed = "/rss/home.rss"', 'feed = "/a"\nlist = "/b"'), "exactly one of feed, sitemap, list"),
        (MINIMAL.split("[[discover]]", maxsplit=1)[0], "discover"),
        (MINIMAL.replace('licence = "An invented site of the tests."', ""), "licence"),
        (MINIMAL.replace("https://bao.example.vn/", "ftp://bao.example.vn/"), "home"),
        (MINIMAL.replace('tier = "local"', 'tier = "huge"'), "tier"),
        (MINIMAL + "\n[selectors]\nlead = ['p[']\n", "no CSS selector"),
        (MINIMAL + '\n[selectors]\nlaed = ["p"]\n', "laed: no such key"),
        (MINIMAL.replace("tier =", "deny = ['(']\ntier ="), "no regular expression"),
        ("title = ", "is not valid TOML"),
    ],
)
def test_a_wrong_declaration_says_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidField) as caught:
        load(write(tmp_path, text), bundled=False)
    assert "mau.toml" in caught.value.en
    assert said in caught.value.en
    assert caught.value.vi != caught.value.en


def test_an_unknown_profile_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="profiles/nothing"):
        load(write(tmp_path, 'profile = "nothing"\n' + MINIMAL), bundled=False)
