"""Discovery: what a feed, a sitemap or a list page names. Pure functions over the body of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crawlers.catalogue import SourceSpec
from crawlers.documents import Document
from services.core.errors import FetchFailed

MAX_ITEMS = 2000
"""Entries of one answer that are looked at."""


@dataclass(frozen=True)
class Entry:
    """One thing that a discovery names.

    Args:
        url: absolute address as written; not yet checked.
        time: when it was published or last changed, as stated.
        document: the whole text, where the feed carries it.
    """

    url: str
    time: datetime | None = None
    document: Document | None = None


@dataclass(frozen=True)
class Found:
    """What an answer names.

    Args:
        entries: pages.
        more: further answers to read: sitemaps of an index, pages of a list.
        problem: (Vietnamese, English) what was wrong although something could be read.
    """

    entries: Sequence[Entry]
    more: Sequence[Entry] = ()
    problem: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Answer:
    """The body of an answer and what is needed to read it."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    source: SourceSpec
    now: datetime
    max_bytes: int = 10 << 20
    since: datetime | None = field(default=None)
    """Sitemaps of an index that did not change since then are left out; None reads all."""


class NotReadable(FetchFailed):
    """The answer is no feed, sitemap or list."""


Reader = Callable[[Answer], Found]
