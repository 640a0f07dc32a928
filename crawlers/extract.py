"""From a page to documents: headline, lead, paragraphs, authors, time.

What the profile of the site names comes first, then what the page says about itself (JSON-LD, meta elements), then the
text-density extractor, which costs ten times as much. Everything is NFC without control characters and hidden text.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import datetime

from ngoclinh.media.v1.article_pb2 import ArticleKind, TimePrecision

from crawlers import markup, metadata
from crawlers.dates import parse
from crawlers.documents import (
    AGENT,
    MAX_TEXT,
    MAX_TITLE,
    Context,
    Document,
    Extracted,
    NoArticle,
    NotToBeKept,
    best_time,
    identity,
    language,
)
from crawlers.markup import Element
from crawlers.metadata import Metadata
from crawlers.posts import further_pages, posts
from crawlers.profile import Profile

_SOFT_404 = re.compile(
    r"không (?:tìm thấy|tồn tại)|đã (?:bị )?(?:xó?a|xoá|gỡ)|\b404\b|not found|does not exist|trang bạn (?:tìm|yêu cầu)",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[a-zA-Z!]")
_WALL = re.compile(r"document\.cookie|just a moment|cf-challenge|captcha|ddos", re.IGNORECASE)
_SHORT = 400
_MIN_GENERIC = 200
_MIN_PARAGRAPH = 100
_KINDS = {
    "news": ArticleKind.ARTICLE_KIND_NEWS,
    "notice": ArticleKind.ARTICLE_KIND_NOTICE,
    "post": ArticleKind.ARTICLE_KIND_POST,
}


def extract(body: bytes, context: Context) -> Extracted:
    """The documents of a page.

    Args:
        body: the page as fetched, decompressed.
        context: what is known about it.

    Raises:
        NoArticle: an error page, a challenge, a page without text, or no text at all.
        NotToBeKept: the page or its header forbids to keep it.
    """
    if metadata.header_forbids_index(context.robots_header, AGENT):
        raise NotToBeKept
    text = markup.decode(body, context.content_type)
    tree = markup.parse(text) if markup.is_text(body) and _TAG.search(text) else None
    if tree is None:
        raise NoArticle("binary", "Đây không phải trang HTML.", "This is no HTML page.")
    data = metadata.read(tree, context.url, AGENT)
    if data.noindex:
        raise NotToBeKept
    if context.pages.posts:
        own = identity(context.url, data.canonical, context.url_rules)
        return Extracted(own, posts(tree, data, context), further_pages(tree, context))
    article = _article(tree, data, context, text)
    return Extracted(article.url, [article])


def _article(tree: Element, data: Metadata, context: Context, source_text: str) -> Document:
    pages = context.pages
    title = _title(tree, data, context)
    lead_element = markup.first(tree, pages.lead)
    lead = markup.line(lead_element) if lead_element is not None else ""
    paragraphs, known = _body(tree, pages)
    if pages.lead_in_body and paragraphs and not lead:
        lead, paragraphs = _bold_lead(paragraphs)
    texts = [text for text, _ in paragraphs]
    if texts and texts[0] == title:
        texts = texts[1:]
    text = "\n\n".join(texts)[:MAX_TEXT]
    when, precision = _time(tree, data, context)
    _reject(title, text, data, source_text, dated=bool(data.times) or known)
    if not text or not (known or data.is_article or _reads_like_an_article(texts)):
        raise NoArticle("empty", "Trang không có nội dung bài viết.", "The page holds no text of an article.")
    author = markup.first(tree, pages.author)
    names = metadata.split_names(markup.line(author)) if author is not None else data.authors
    return Document(
        url=identity(context.url, data.canonical, context.url_rules),
        title=title[:MAX_TITLE],
        lead=lead or ("" if text.startswith(data.description[:60]) else data.description),
        text=text,
        authors=tuple(names),
        time=when,
        precision=precision,
        kind=_KINDS["post" if pages.post_marker and markup.select(tree, pages.post_marker) else pages.kind],
        language=language(text, data, context),
    )


def _reads_like_an_article(paragraphs: list[str]) -> bool:
    """Whether text that the text-density extractor found is more than teasers and menus."""
    return sum(map(len, paragraphs)) >= _MIN_GENERIC and max(map(len, paragraphs)) >= _MIN_PARAGRAPH


def _reject(title: str, text: str, data: Metadata, page: str, dated: bool) -> None:
    """Tell error pages and challenges, which answer 200, from short articles."""
    if len(text) >= _SHORT:
        return
    if len(page) < 20_000 and not data.is_article and not dated and _WALL.search(page):
        raise NoArticle("wall", "Trang chặn trình thu thập bằng thử thách.", "The site shows crawlers a challenge.")
    if _SOFT_404.search(title) and not data.is_article and not dated:
        raise NoArticle("missing", "Trang báo không tìm thấy nội dung.", "The page says that nothing was found.")


def _title(tree: Element, data: Metadata, context: Context) -> str:
    element = markup.first(tree, context.pages.title)
    if element is not None:
        return markup.line(element)
    heading = markup.first(tree, ["h1"])
    text = data.headline or data.title or (markup.line(heading) if heading is not None else "")
    if not text:
        named = tree.find(".//title")
        text = markup.line(named) if named is not None else ""
    names = {data.site_name, context.source.title if context.source else ""} - {""}
    head, mark, tail = text.rpartition(" | ") if " | " in text else text.rpartition(" - ")
    return head.strip() if mark and (tail.strip() in names) else text


def _body(tree: Element, pages: Profile) -> tuple[list[tuple[str, Element]], bool]:
    """The paragraphs, and whether the profile knew where they stand."""
    for css in pages.body:
        found = markup.select(tree, css)
        if found:
            return markup.blocks(found[0], pages.drop), True
    return list(_generic(tree)), False


def _generic(tree: Element) -> Iterator[tuple[str, Element]]:
    """Paragraphs by the text-density extractor, imported late because that takes half a second."""
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.ERROR)  # that a page has no text is told by our own verdict
    result = trafilatura.bare_extraction(tree, with_metadata=False, include_comments=False, include_tables=False)
    for row in (getattr(result, "text", None) or "").split("\n"):
        if text := markup.clean(row):
            yield text, tree


def _bold_lead(paragraphs: list[tuple[str, Element]]) -> tuple[str, list[tuple[str, Element]]]:
    text, element = paragraphs[0]
    bold = " ".join(markup.line(part) for part in element.iter("strong", "b"))
    return (text, paragraphs[1:]) if element.tag == "p" and bold == " ".join(text.split()) else ("", paragraphs)


def _time(tree: Element, data: Metadata, context: Context) -> tuple[datetime | None, TimePrecision.ValueType]:
    """The best stated time: to the minute, then the feed's, then the day. A page that lies about the future has none."""
    texts = [*data.times, *_visible_times(tree, context.pages)]
    if not texts and not context.pages.time and context.feed_time is None:
        texts = _searched_time(tree, context.url)
    stated = [when for text in texts if (when := parse(text))]
    return best_time(stated, context.feed_time, context.now)


def _visible_times(tree: Element, pages: Profile) -> Iterator[str]:
    for css in pages.time or ["article time[datetime]", "time[itemprop=datePublished]", "time[pubdate]"]:
        for element in markup.select(tree, css)[:1]:
            yield element.get("datetime") or markup.line(element)


def _searched_time(tree: Element, url: str) -> list[str]:
    """The day that a search through address and markup finds on a page of unknown build."""
    import htmldate

    found = htmldate.find_date(tree, extensive_search=False, original_date=True, url=url)
    return [found] if found else []
