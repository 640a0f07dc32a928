"""A new source as a person describes it: checked against the same schema as a file, and written as one."""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from ngoclinh.media.v1.article_pb2 import Source, SourceDefinition

from crawlers.catalogue import SourceSpec
from crawlers.profile import validate
from services.core.errors import InvalidField, Unavailable
from services.core.names import source_name
from services.core.vietnamese import nfc, strip_controls

MOST_DISCOVERIES = 20
MOST_CHARACTERS = 2000

_FIELDS = {"home": "home_url", "licence": "licence_note", "discover": "feeds", "links": "lists", "id": "source_id"}
"""Field of the definition by key of the file, where they differ."""


def read(source_id: str, definition: SourceDefinition) -> SourceSpec:
    """The source that a definition describes.

    Raises:
        InvalidField: a field that cannot be used; the message names it as the form does.
    """
    made = {"id": source_id} | tree(definition)
    try:
        spec = validate(SourceSpec, made, "definition")
        _ = spec.pages
    except InvalidField as error:
        key = error.field.rpartition(": ")[2].partition(".")[0]
        field = f"definition.{_FIELDS.get(key, key)}"
        vi, en = (text.removeprefix(f"{error.field}: ") for text in (error.vi, error.en))
        raise InvalidField(field, vi, en) from error
    foreign = [spec.url(each) for each in spec.discover if not spec.owns(spec.url(each))]
    if foreign:
        raise InvalidField(
            "definition.feeds",
            f"{foreign[0][:200]} không nằm trên trang {spec.home}",
            f"{foreign[0][:200]} does not lie on {spec.home}",
        )
    return spec


def tree(definition: SourceDefinition) -> dict[str, Any]:
    """The keys of a source file without its id; what was left empty is left out.

    Raises:
        InvalidField: too many ways to discover, a value too long, or lists with different selectors.
    """
    ways = [
        *({"feed": _clean(url)} for url in definition.feeds),
        *({"sitemap": _clean(url)} for url in definition.sitemaps),
        *({"list": _clean(each.url)} for each in definition.lists),
    ]
    if not 0 < len(ways) <= MOST_DISCOVERIES or len(definition.allow) > MOST_DISCOVERIES:
        raise InvalidField(
            "definition.feeds",
            f"hãy nêu từ 1 đến {MOST_DISCOVERIES} địa chỉ nguồn tin, sitemap hoặc trang danh sách",
            f"name 1 to {MOST_DISCOVERIES} feeds, sitemaps or list pages",
        )
    selectors = {_clean(each.selector) for each in definition.lists} - {""}
    if len(selectors) > 1:
        raise InvalidField(
            "definition.lists", "các trang danh sách dùng chung một bộ chọn CSS", "all lists share one CSS selector"
        )
    made = {
        "title": _clean(definition.title),
        "home": _clean(definition.home_url),
        "tier": _clean(definition.tier),
        "profile": _clean(definition.profile) or "generic",
        "licence": _clean(definition.licence_note),
        "allow": [_clean(pattern) for pattern in definition.allow],
        "discover": ways,
    }
    if not made["allow"]:
        del made["allow"]
    return made | ({"selectors": {"links": selectors.pop()}} if selectors else {})


def describe(spec: SourceSpec) -> Source:
    """The source before the crawler knows more about it."""
    return Source(
        name=source_name(spec.id),
        title=spec.title,
        home_url=spec.home,
        tier=spec.tier,
        profile=spec.profile,
        licence_note=spec.licence,
    )


def to_toml(made: dict[str, Any]) -> str:
    """The text of a source file.

    Args:
        made: as `tree` gives it.
    """
    lines = [f"{key} = {_value(value)}" for key, value in made.items() if key not in ("discover", "selectors")]
    for table, entries in (("[[discover]]", made["discover"]), ("[selectors]", [made.get("selectors", {})])):
        for entry in entries:
            if entry:
                lines += ["", table, *(f"{key} = {_value(value)}" for key, value in entry.items())]
    text = "\n".join(lines) + "\n"
    assert tomllib.loads(text) == made, "what is written reads back"
    return text


def save(folder: Path, source_id: str, text: str) -> None:
    """Write a source file: it is there as a whole or not at all, also after the power failed.

    Raises:
        Unavailable: the folder cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).rename(folder / f"{source_id}.toml")
    except OSError as error:
        raise Unavailable(
            f"Không ghi được thư mục nguồn tin {folder}: {error.strerror}.",
            f"The folder of sources {folder} cannot be written: {error.strerror}.",
        ) from error


def _clean(text: str) -> str:
    if len(text) > MOST_CHARACTERS:
        raise InvalidField(
            "definition",
            f"một giá trị dài hơn {MOST_CHARACTERS} ký tự",
            f"a value exceeds {MOST_CHARACTERS} characters",
        )
    return " ".join(strip_controls(nfc(text)).split())


def _value(value: Any) -> str:
    """A string or list of strings; without control characters a string of JSON is one of TOML."""
    return json.dumps(value, ensure_ascii=False)
