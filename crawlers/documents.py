"""What extraction gives: documents, and the reasons why a page gives none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ngoclinh.media.v1.article_pb2 import ArticleKind, TimePrecision

from crawlers.canonical import UrlRules, canonical, is_web, same_site
from crawlers.catalogue import SourceSpec
from crawlers.dates import When, believable
from crawlers.metadata import Metadata
from crawlers.profile import Profile, profile
from services.core.clock import vietnam_date
from services.core.errors import FetchFailed, FetchRefused
from services.core.vietnamese import has_marks

AGENT = "NgocLinhBot"
"""Product token of the crawler."""
MAX_TITLE = 500
"""Code points of a headline that are kept."""
MAX_TEXT = 1_000_000
"""Code points of a text that are kept."""


@dataclass(frozen=True)
class Document:
    """One text of a page. `time` is None where nothing usable is stated; `text` has paragraphs apart by an empty line."""

    url: str
    title: str
    lead: str
    text: str
    authors: tuple[str, ...] = ()
    time: datetime | None = None
    precision: TimePrecision.ValueType = TimePrecision.TIME_PRECISION_FIRST_SEEN
    kind: ArticleKind.ValueType = ArticleKind.ARTICLE_KIND_NEWS
    language: str = "vi"


@dataclass(frozen=True)
class Extracted:
    """What a page holds: its own canonical address, its documents, and the addresses of its further pages."""

    url: str
    documents: Sequence[Document]
    more: Sequence[str] = ()


@dataclass(frozen=True)
class Context:
    """What is known about a page before it is read.

    Args:
        url: where it was found in the end, after redirects.
        now: the present moment.
        source: the source that it belongs to; None for a pasted link.
        content_type: header of that name.
        robots_header: all X-Robots-Tag headers, joined by commas.
        feed_time: time that the feed or sitemap states.
    """

    url: str
    now: datetime
    source: SourceSpec | None = None
    content_type: str = ""
    robots_header: str = ""
    feed_time: datetime | None = None

    @property
    def pages(self) -> Profile:
        """The profile to read it by."""
        return self.source.pages if self.source else profile("generic")

    @property
    def url_rules(self) -> UrlRules:
        """How addresses of its site are canonicalised."""
        return self.pages.url_rules


class NoArticle(FetchFailed):
    """A page that holds no article; `why` is one word for statistics: empty, missing, binary, wall."""

    def __init__(self, why: str, vi: str, en: str) -> None:
        super().__init__(vi, en, {"why": why})
        self.why = why


class NotToBeKept(FetchRefused):
    """The site asks not to keep the page (noindex)."""

    def __init__(self) -> None:
        super().__init__(
            "Trang yêu cầu không lưu lại (noindex).", "The page asks not to be kept (noindex).", {"why": "noindex"}
        )


def identity(url: str, declared: str, rules: UrlRules) -> str:
    """The canonical address of a page: its canonical link where that stays on the same site, else its own address."""
    own = canonical(url, rules)
    if declared and is_web(declared) and same_site(declared, url):
        theirs = canonical(declared, rules)
        if theirs.count("/") > 3 or not theirs.endswith("/"):  # a canonical link to the home page is a mistake
            return theirs
    return own


def best_time(
    stated: Sequence[When], feed_time: datetime | None, now: datetime
) -> tuple[datetime | None, TimePrecision.ValueType]:
    """The time to keep, of those that a page states in the order of trust and that of the feed, and its precision."""
    good = [when for when in stated if believable(when, now)]
    exact = next((when for when in good if when.exact), None)
    if exact is not None:
        return exact.moment, TimePrecision.TIME_PRECISION_EXACT
    if stated and not good:
        return None, TimePrecision.TIME_PRECISION_FIRST_SEEN
    feed = believable(When(feed_time, True), now) if feed_time else None
    if feed is not None and (not good or vietnam_date(feed.moment) == vietnam_date(good[0].moment)):
        return feed.moment, TimePrecision.TIME_PRECISION_FEED
    return (
        (good[0].moment, TimePrecision.TIME_PRECISION_DAY) if good else (None, TimePrecision.TIME_PRECISION_FIRST_SEEN)
    )


def language(text: str, data: Metadata, context: Context) -> str:
    """Language of a text: that of its source, else Vietnamese where it has marks, else what the page declares."""
    if context.source:
        return context.source.language
    if has_marks(text):
        return "vi"
    return data.language.split("-")[0].lower() if re.match(r"[A-Za-z]{2,3}(-|$)", data.language) else "und"
