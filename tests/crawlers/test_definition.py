"""A source by form is held to the schema of a file, and its file reads back as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ngoclinh.media.v1.article_pb2 import SourceDefinition, SourceList

from crawlers import catalogue, definition
from services.core.config import Settings
from services.core.errors import InvalidField, NgocLinhError


def made(**fields: Any) -> SourceDefinition:
    usual: dict[str, Any] = {
        "title": "Báo Núi",
        "home_url": "https://nui.example/",
        "feeds": ["/rss.xml"],
        "tier": "local",
        "licence_note": "robots.txt cho phép tất cả.",
    }
    return SourceDefinition(**usual | fields)


def test_a_definition_becomes_a_file_that_declares_the_same_source(tmp_path: Path) -> None:
    given_ = made(
        title='Báo "Núi"\n\\ và sông\u202e',
        sitemaps=["/robots.txt"],
        lists=[SourceList(url="/xa-hoi", selector="h3 > a"), SourceList(url="/kinh-te")],
        allow=[r"^/tin-\d+\.html$"],
        profile="wordpress",
    )
    spec = definition.read("bao-nui", given_)
    definition.save(tmp_path / "sources", "bao-nui", definition.to_toml(definition.tree(given_)))
    (again,) = catalogue.declared(Settings(data_dir=tmp_path, crawler={"bundled_sources": False}))
    assert again == spec
    assert (again.title, again.pages.links) == ('Báo "Núi" \\ và sông', "h3 > a")
    assert [each.kind for each in again.discover] == ["feed", "sitemap", "list", "list"]
    assert again.takes("https://nui.example/tin-5.html")
    assert [path.name for path in (tmp_path / "sources").iterdir()] == ["bao-nui.toml"]


@given(title=st.text(min_size=1, max_size=60), allow=st.lists(st.text(max_size=20), max_size=3))
def test_any_text_is_refused_or_reads_back(title: str, allow: list[str]) -> None:
    given_ = made(title=title, allow=allow)
    try:
        spec = definition.read("x", given_)
    except NgocLinhError:
        return
    tree = definition.tree(given_)
    assert definition.to_toml(tree).count("\n[[") == 1
    assert spec.title == tree["title"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": ""}, "definition.title"),
        ({"home_url": "ftp://nui.example"}, "definition.home_url"),
        ({"home_url": "javascript:alert(1)"}, "definition.home_url"),
        ({"tier": "world"}, "definition.tier"),
        ({"licence_note": "ngắn"}, "definition.licence_note"),
        ({"allow": ["("]}, "definition.allow"),
        ({"feeds": []}, "definition.feeds"),
        ({"feeds": [f"/{n}" for n in range(21)]}, "definition.feeds"),
        ({"feeds": ["https://khac.example/rss"]}, "definition.feeds"),
        ({"lists": [SourceList(url="/a", selector="a"), SourceList(url="/b", selector="b")]}, "definition.lists"),
        ({"lists": [SourceList(url="/a", selector="a[[")]}, "definition.lists"),
        ({"title": "x" * 3000}, "definition"),
    ],
)
def test_what_is_wrong_is_named_as_the_form_names_it(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        definition.read("x", made(**fields))
    assert caught.value.field == field
    assert caught.value.vi.startswith(f"{field}: ")


def test_an_unknown_profile_is_told() -> None:
    with pytest.raises(NgocLinhError, match="nothing"):
        definition.read("x", made(profile="nothing"))
