"""The sources: one TOML file each, with the profile of their content management system filled in.

Package sources lie in `crawlers/catalogue/`, profiles in `crawlers/profiles/`; an operator's folder adds sources or
replaces those of the same id. Unknown keys are errors that name the nearest key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from pydantic import Field, field_validator, model_validator

from crawlers.canonical import bare, canonical, is_web, site
from crawlers.profile import Profile, Spec, profile, read_toml, regular, toml_files, validate
from services.core.config import Settings
from services.core.errors import NotFound

Tier = Literal["local", "provincial", "national", "social", "office"]


class Discovery(Spec):
    """One way to find articles: exactly one of feed, sitemap and list."""

    feed: str = Field("", description="Address of an RSS, Atom or JSON feed, relative to the home page.")
    sitemap: str = Field("", description="Address of a sitemap or index; /robots.txt takes those that it names.")
    list: str = Field("", description="Address of a list page.")
    pages: int = Field(3, ge=1, le=500, description="Most pages of a list, or sitemaps of an index, a poll reads.")
    documents: bool = Field(False, description="The items of the feed are whole documents; their pages are not read.")

    @model_validator(mode="after")
    def _one(self) -> Discovery:
        if sum(map(bool, (self.feed, self.sitemap, self.list))) != 1:
            raise ValueError("name exactly one of feed, sitemap, list")
        return self

    @property
    def kind(self) -> Literal["feed", "sitemap", "list"]:
        """Which of the three it is."""
        return "feed" if self.feed else "sitemap" if self.sitemap else "list"

    @property
    def address(self) -> str:
        """Where it is, relative to the home page."""
        return self.feed or self.sitemap or self.list


class Poll(Spec):
    """How often a source is asked; within these bounds the interval follows its rate of change."""

    min_minutes: int = Field(15, ge=2, description="Shortest interval.")
    start_minutes: int = Field(60, ge=2, description="First interval.")
    max_minutes: int = Field(1440, ge=2, description="Longest interval.")
    quiet_hours: tuple[int, int] | None = Field(
        None, description="Hours of the day (from, to) in Vietnam without polls."
    )


class SourceSpec(Spec):
    """An outlet that may be crawled."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Name of the file without .toml.")
    title: str = Field(min_length=1, description="Display name.")
    home: str = Field(description="Home page.")
    tier: Tier = Field(description="Whom it writes for; articles of national sources pass the relevance gate.")
    profile: str = Field("generic", description="Family of its pages.")
    licence: str = Field(min_length=10, description="What its robots.txt or terms say, in words.")
    language: str = Field("vi", description="Language of its texts, BCP 47.")
    areas: list[str] = Field([], description="Units that it writes about; they make ambiguous place names certain.")
    hosts: list[str] = Field([], description="Further hosts that belong to it, with port where it is not the default.")
    discover: list[Discovery] = Field(min_length=1, description="Ways to find its articles; two at least are wise.")
    allow: list[str] = Field([], description="Path and query of an article match one; empty takes the profile's.")
    deny: list[str] = Field([], description="Path and query of an article match none of these.")
    max_age_days: int = Field(30, ge=0, description="Older entries are left out where their age is known; 0 takes all.")
    poll: Poll = Poll()
    selectors: dict[str, Any] = Field({}, description="Fields of the profile that are different here.")

    @field_validator("home")
    @classmethod
    def _web(cls, value: str) -> str:
        if not is_web(value):
            raise ValueError("must be an http or https address")
        return value

    @field_validator("allow", "deny")
    @classmethod
    def _compile(cls, values: list[str]) -> list[str]:
        return [regular(value) for value in values]

    @cached_property
    def pages(self) -> Profile:
        """The profile of its pages, with its own selectors in place."""
        declared = profile(self.profile)
        if not self.selectors:
            return declared
        return validate(Profile, declared.model_dump() | self.selectors, f"{self.id}.toml: selectors")

    @cached_property
    def all_hosts(self) -> frozenset[str]:
        """Every host that may be visited for it, without the labels of twins."""
        return frozenset({site(self.home), *(bare(host.lower()) for host in self.hosts)})

    @cached_property
    def _allow(self) -> re.Pattern[str]:
        return re.compile("|".join(self.allow) or self.pages.article)

    @cached_property
    def _deny(self) -> re.Pattern[str] | None:
        return re.compile("|".join(self.deny)) if self.deny else None

    def url(self, discovery: Discovery) -> str:
        """The absolute address of one of its discoveries."""
        return urljoin(self.home, discovery.address)

    def canonical(self, url: str) -> str:
        """The identity of one of its pages.

        Raises:
            ValueError: no URL.
        """
        return canonical(url, self.pages.url_rules)

    def owns(self, url: str) -> bool:
        """Whether an address lies on one of its hosts."""
        return is_web(url) and site(url) in self.all_hosts

    def takes(self, url: str) -> bool:
        """Whether an address is one of an article of this source."""
        if not self.owns(url):
            return False
        parts = urlsplit(url)
        where = parts.path + (f"?{parts.query}" if parts.query else "")
        return self._allow.search(where) is not None and not (self._deny and self._deny.search(where))


def own_folder(settings: Settings) -> Path:
    """The operator's folder: the one of the settings, else `sources` in the data folder, which need not be there."""
    return settings.crawler.sources_dir or settings.data_dir / "sources"


def declared(settings: Settings) -> list[SourceSpec]:
    """The sources of an installation, by id.

    Raises:
        InvalidField, NotFound: as `load`.
    """
    chosen, folder = settings.crawler, own_folder(settings)
    wanted = folder if chosen.sources_dir is not None or folder.is_dir() else None
    return load(wanted, chosen.bundled_sources, chosen.sources)


def load(folder: Path | None = None, bundled: bool = True, only: Iterable[str] = ()) -> list[SourceSpec]:
    """Read the sources, by id.

    Args:
        folder: the operator's folder.
        bundled: whether the sources of the package count.
        only: ids to take; empty takes all.

    Raises:
        InvalidField: a file that is no valid declaration; the message names file and key.
        NotFound: an id in `only` that no file declares, or a folder that does not exist.
    """
    found: dict[str, SourceSpec] = {}
    if bundled:
        found |= {spec.id: spec for spec in map(_source, toml_files(files("crawlers") / "catalogue"))}
    if folder is not None:
        if not folder.is_dir():
            raise NotFound(str(folder))
        found |= {spec.id: spec for spec in map(_source, toml_files(folder))}
    wanted = set(only)
    if missing := sorted(wanted - set(found)):
        raise NotFound(f"sources/{missing[0]}")
    return [found[id_] for id_ in sorted(found) if not wanted or id_ in wanted]


def _source(file: Traversable) -> SourceSpec:
    tree = {"id": file.name.removesuffix(".toml")} | read_toml(file)
    spec = validate(SourceSpec, tree, file.name)
    _ = spec.pages  # an unknown profile or selector is told at once
    return spec
