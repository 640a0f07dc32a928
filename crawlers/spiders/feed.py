"""Feeds: RSS and Atom by feedparser, JSON Feed by our own reader."""

from __future__ import annotations

import calendar
import io
import json
import re
import xml.sax
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import feedparser
from ngoclinh.media.v1.article_pb2 import ArticleKind

from crawlers import markup
from crawlers.canonical import canonical, resolve
from crawlers.dates import When, parse
from crawlers.documents import MAX_TEXT, MAX_TITLE, Document, best_time
from crawlers.markup import clean
from crawlers.spiders import MAX_ITEMS, Answer, Entry, Found, NotReadable

_DOCTYPE = re.compile(
    rb"\A((?:\xef\xbb\xbf)?(?>\s|<\?.*?\?>|<!--.*?-->)*+)<!DOCTYPE[^\[>]*+(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE
)
_HTML = re.compile(rb"^\s*(?:<!doctype\s+html|<html\b)", re.IGNORECASE)


def read(answer: Answer) -> Found:
    """The items of a feed, those without an http address left out.

    Raises:
        NotReadable: it is HTML, JSON of another kind, or nothing that holds items.
    """
    body = answer.body.strip()
    if body[:1] == b"{":
        return Found(list(_json_items(_json(body), answer)))
    if not body:
        raise NotReadable("Nguồn tin trống rỗng.", "The feed is an empty file.")
    if _HTML.match(body):
        raise NotReadable("Địa chỉ nguồn tin trả về trang HTML.", "The feed's address answers an HTML page.")
    parsed = _parse(answer)
    if not parsed.entries and not parsed.version:
        raise NotReadable("Không phải RSS, Atom hay JSON Feed.", "It is no RSS, Atom or JSON feed.")
    entries = [Entry(url, _moment(item)) for item in parsed.entries[:MAX_ITEMS] if (url := _link(item, answer.url))]
    broken = isinstance(parsed.get("bozo_exception"), xml.sax.SAXException)
    problem = ("Nguồn tin sai cú pháp XML; chỉ đọc được một phần.", "The feed is broken XML; a part could be read.")
    return Found(entries, problem=problem if broken else ("", ""))


def _parse(answer: Answer) -> Any:
    """Parse a stream, because feedparser takes other input for the name of a file or address to open.

    Without its DOCTYPE a feed declares no entity, so none is ever fetched or expanded; in UTF-16, where it stays, expat
    ends the expansion at some megabytes.
    """
    return feedparser.parse(
        io.BytesIO(_DOCTYPE.sub(rb"\1", answer.body)),
        response_headers={**answer.headers, "content-location": answer.url},
        sanitize_html=False,
        resolve_relative_uris=False,
    )


def _link(item: Mapping[str, Any], base: str) -> str:
    link = item.get("link") or (item.get("id") if str(item.get("id", "")).startswith("http") else "")
    return resolve(base, str(link).strip()) if link else ""


def _moment(item: Mapping[str, Any]) -> datetime | None:
    """The time of an item; our own reading first, because of zones such as GMT+7 and of dates without one."""
    stated = dict(item)
    for key in ("published", "updated", "created"):
        when = parse(str(stated.get(key) or ""))
        if when is not None:
            return when.moment
        if struct := stated.get(f"{key}_parsed"):
            try:
                return datetime.fromtimestamp(calendar.timegm(struct), UTC)
            except (ValueError, OverflowError):
                continue
    return None


def _json(body: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotReadable("JSON Feed sai cú pháp.", "The JSON feed is broken.") from error
    if not isinstance(tree, dict) or not isinstance(tree.get("items"), list):
        raise NotReadable("Không phải JSON Feed.", "It is no JSON feed.")
    return tree


def _json_items(tree: Mapping[str, Any], answer: Answer) -> Iterator[Entry]:
    for item in tree["items"][:MAX_ITEMS]:
        if not isinstance(item, dict) or not isinstance(item.get("url") or item.get("external_url"), str):
            continue
        url = resolve(answer.url, str(item.get("url") or item.get("external_url")))
        when = parse(str(item.get("date_published") or item.get("date_modified") or ""))
        yield Entry(url, when.moment if when else None, _document(item, url, when, answer))


def _document(item: Mapping[str, Any], url: str, when: When | None, answer: Answer) -> Document | None:
    """The text of an item as a document of its own; None where the feed carries no text."""
    text = _text(item)
    if not text:
        return None
    try:
        address = canonical(url, answer.source.pages.url_rules)
    except ValueError:
        return None
    moment, precision = best_time([when] if when else [], None, answer.now)
    authors = item.get("authors") if isinstance(item.get("authors"), list) else [item.get("author")]
    title = clean(str(item.get("title") or ""))[:MAX_TITLE]
    return Document(
        url=address,
        title=title,
        lead="",
        text=text[:MAX_TEXT],
        authors=tuple(
            clean(str(author["name"])) for author in authors or () if isinstance(author, dict) and author.get("name")
        ),
        time=moment,
        precision=precision,
        kind=ArticleKind.ARTICLE_KIND_POST if title else ArticleKind.ARTICLE_KIND_COMMENT,
        language=answer.source.language,
    )


def _text(item: Mapping[str, Any]) -> str:
    html = item.get("content_html")
    if isinstance(html, str) and html.strip():
        tree = markup.parse(html)
        return "\n\n".join(text for text, _ in markup.blocks(tree)) if tree is not None else ""
    plain = item.get("content_text")
    if not isinstance(plain, str):
        return ""
    return "\n\n".join(part for piece in re.split(r"\n\s*\n", plain) if (part := clean(piece)))
