"""Profiles: how the pages of one family of content management systems are built, one TOML file each."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, TypeVar

from cssselect import SelectorError
from lxml.cssselect import CSSSelector
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from crawlers.canonical import UrlRules
from services.core.errors import InvalidField, NotFound

M = TypeVar("M", bound=BaseModel)
Kind = Literal["news", "notice", "post"]


class Spec(BaseModel):
    """Base of all declarations."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rewrite(Spec):
    """A twin of a page and the page it stands for, as a regular expression over the whole URL."""

    match: str
    to: str

    @field_validator("match")
    @classmethod
    def _compiles(cls, value: str) -> str:
        return regular(value)


class Posts(Spec):
    """A page that holds many documents, such as a thread of a forum: selectors below one post."""

    item: str = Field(description="One post.")
    link: str = Field(description="The link whose address names the post.")
    body: str = Field(description="Its text.")
    author: str = Field("", description="Its author.")
    time: str = Field("", description="Its time.")

    @field_validator("item", "link", "body", "author", "time")
    @classmethod
    def _selects(cls, value: str) -> str:
        return _selector(value)


class Profile(Spec):
    """How the pages of a family of sites are built; selectors are CSS, the first that gives a text wins."""

    title: list[str] = Field([], description="Headline.")
    lead: list[str] = Field([], description="Lead (sapo).")
    author: list[str] = Field([], description="Authors.")
    time: list[str] = Field([], description="Time of publication: a datetime attribute or the text.")
    body: list[str] = Field([], description="The element that holds the paragraphs.")
    drop: list[str] = Field([], description="What inside the body is no part of the text.")
    lead_in_body: bool = Field(False, description="The first paragraph is the lead where all of it is bold.")
    article: str = Field("", description="Regular expression that the path and query of an article contain.")
    links: str = Field("", description="Links to articles on a list page.")
    more: str = Field("", description="Links to further pages of a list or thread.")
    query: tuple[str, ...] | None = Field(None, description="Only these query parameters name a page.")
    rewrite: tuple[Rewrite, ...] = Field((), description="Twins of a page.")
    kind: Kind = Field("news", description="Kind of text.")
    post_marker: str = Field("", description="Pages that hold such an element are posts of citizens, not this kind.")
    posts: Posts | None = Field(None, description="A page that holds many documents.")

    @field_validator("title", "lead", "author", "time", "body", "drop")
    @classmethod
    def _select(cls, values: list[str]) -> list[str]:
        return [_selector(value) for value in values]

    @field_validator("links", "more", "post_marker")
    @classmethod
    def _selects(cls, value: str) -> str:
        return _selector(value)

    @field_validator("article")
    @classmethod
    def _compiles(cls, value: str) -> str:
        return regular(value)

    @property
    def url_rules(self) -> UrlRules:
        """How addresses of these sites are canonicalised."""
        return UrlRules(self.query, tuple((rewrite.match, rewrite.to) for rewrite in self.rewrite))


@lru_cache
def profile(name: str) -> Profile:
    """A profile of the package.

    Raises:
        NotFound: there is none of this name.
    """
    file = files("crawlers") / "profiles" / f"{name}.toml"
    if not re.fullmatch(r"[a-z0-9-]+", name) or not file.is_file():
        raise NotFound(f"profiles/{name}")
    return validate(Profile, read_toml(file), file.name)


def toml_files(folder: Traversable | Path) -> list[Traversable]:
    """The TOML files of a folder, by name."""
    return sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)


def read_toml(file: Traversable) -> dict[str, Any]:
    """The tree of a TOML file.

    Raises:
        InvalidField: it is no TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidField(file.name, f"không phải TOML đúng: {error}", f"is not valid TOML: {error}") from error


def validate(model: type[M], tree: Mapping[str, Any], file: str) -> M:
    """A declaration from the tree of a file.

    Raises:
        InvalidField: an unknown key or a wrong value; the message names file, key and the nearest key.
    """
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")  # a typo explains the rest
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, list(model.model_fields), n=1, cutoff=0.3)
            hint = f"; gần nhất: {near[0]}" if near else "", f"; the nearest is {near[0]}" if near else ""
            raise InvalidField(f"{file}: {key}", f"không có mục này{hint[0]}", f"no such key{hint[1]}") from error
        raise InvalidField(
            f"{file}: {key}", f"giá trị không hợp lệ: {first['msg']}", f"invalid value: {first['msg']}"
        ) from error


def _selector(value: str) -> str:
    try:
        if value:
            CSSSelector(value, translator="html")
    except SelectorError as error:
        raise ValueError(f"no CSS selector: {value!r}: {error}") from error
    return value


def regular(value: str) -> str:
    """The text where it is a regular expression.

    Raises:
        ValueError: it is none.
    """
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"no regular expression: {value!r}: {error}") from error
    return value
