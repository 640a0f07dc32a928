"""Sitemaps: url sets, indexes and news sitemaps, also gzipped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from lxml import etree

from crawlers.canonical import resolve
from crawlers.dates import parse
from crawlers.safety import gunzip
from crawlers.spiders import MAX_ITEMS, Answer, Entry, Found, NotReadable

_INDEX_SLACK = timedelta(days=1)


def read(answer: Answer) -> Found:
    """The pages of a sitemap, or the sitemaps of an index, newest first where it states times.

    Raises:
        NotReadable: it is neither.
        FetchFailed: a gzip file that is broken or too large.
    """
    root = _tree(gunzip(answer.body, answer.max_bytes))
    kind = _name(root)
    if kind == "sitemapindex":
        children = [entry for entry in _entries(root, answer.url) if _worth(entry, answer.since)]
        return Found([], sorted(children, key=_age))
    if kind != "urlset":
        raise NotReadable("Không phải sitemap.", "It is no sitemap.")
    entries = list(_entries(root, answer.url))
    if len(entries) > MAX_ITEMS:
        entries.sort(key=_age)
    return Found(entries[:MAX_ITEMS])


def _tree(body: bytes) -> etree._Element:
    """The root element; entities are not expanded, nothing is fetched, broken XML is read as far as it goes."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True, remove_comments=True
    )
    try:
        root = etree.fromstring(body.strip(), parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        raise NotReadable("Sitemap không phải XML.", "The sitemap is no XML.")
    return root


def _entries(root: etree._Element, base: str) -> Iterator[Entry]:
    for node in root:
        url, changed, published = "", None, None
        for part in node.iter():
            name = _name(part)
            if name == "loc" and not url:
                url = (part.text or "").strip()
            elif name == "lastmod":
                changed = _moment(part.text)
            elif name == "publication_date":
                published = _moment(part.text)
        if url:
            yield Entry(resolve(base, url), published or changed)


def _moment(text: str | None) -> datetime | None:
    when = parse(text or "")
    return when.moment if when else None


def _age(entry: Entry) -> float:
    """For sorting: newest first, entries without a time in their order at the end."""
    return -entry.time.timestamp() if entry.time else 0.0


def _worth(entry: Entry, since: datetime | None) -> bool:
    return since is None or entry.time is None or entry.time >= since - _INDEX_SLACK


def _name(node: etree._Element) -> str:
    """Name without its namespace, in lower case; empty for what is no element."""
    return node.tag.rpartition("}")[2].lower() if isinstance(node.tag, str) else ""
