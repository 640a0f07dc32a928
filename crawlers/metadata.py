"""What a page says about itself: JSON-LD, meta elements, canonical link, orders to robots."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crawlers.canonical import resolve
from crawlers.markup import Element, clean

_ARTICLE_TYPES = frozenset(
    {
        "AnalysisNewsArticle", "Article", "BackgroundNewsArticle", "BlogPosting", "DiscussionForumPosting",
        "LiveBlogPosting", "NewsArticle", "OpinionNewsArticle", "Report", "ReportageNewsArticle", "ReviewNewsArticle",
        "SocialMediaPosting", "TechArticle",
    }
)  # fmt: skip

_TIME_NAMES = (
    "article:published_time", "og:article:published_time", "datepublished", "pubdate", "publishdate", "publish-date",
    "publish_date", "dc.date.issued", "dc.date", "dcterms.created", "date", "sailthru.date", "parsely-pub-date",
    "cxenseparse:recs:publishtime", "article.published", "original-publish-date", "weibo: article:create_at",
)  # fmt: skip
_MAX_JSON = 1_000_000


@dataclass
class Metadata:
    """What the head of a page states; empty where it states nothing."""

    headline: str = ""
    title: str = ""
    description: str = ""
    site_name: str = ""
    language: str = ""
    canonical: str = ""
    authors: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    """Texts of the time of publication, the most trustworthy first."""
    is_article: bool = False
    noindex: bool = False


def read(root: Element, url: str, agent: str) -> Metadata:
    """The metadata of a page at `url`; `agent` is the product token that robots orders may name."""
    metas = _metas(root)
    data = Metadata(
        title=clean(metas.get("og:title") or metas.get("twitter:title") or ""),
        description=clean(metas.get("description") or metas.get("og:description") or ""),
        site_name=clean(metas.get("og:site_name") or ""),
        language=(root.get("lang") or root.get("xml:lang") or metas.get("content-language") or "").strip(),
        is_article=metas.get("og:type", "").lower() == "article",
        noindex=any(forbids_index(metas.get(name, "")) for name in ("robots", agent.lower())),
    )
    article = next(_articles(root), None)
    if article is not None:
        data.is_article = True
        data.headline = _text(article.get("headline") or article.get("name"))
        data.description = data.description or _text(article.get("description"))
        data.authors = list(_names(article.get("author")))
        data.times += [_text(article.get(key)) for key in ("datePublished", "dateCreated", "uploadDate")]
    data.times += [metas[name] for name in _TIME_NAMES if name in metas]
    data.times = [text for text in data.times if text]
    if not data.authors:
        named = metas.get("author") or metas.get("article:author") or metas.get("dc.creator") or ""
        data.authors = [] if named.startswith(("http:", "https:", "/")) else split_names(named)
    for link in root.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split() and link.get("href"):
            data.canonical = resolve(url, link.get("href").strip())
            break
    return data


def forbids_index(orders: str) -> bool:
    """Whether a list of robots orders, as in a meta element, forbids to keep the page."""
    return bool({order.strip().lower() for order in orders.split(",")} & {"noindex", "none"})


def header_forbids_index(value: str, agent: str) -> bool:
    """Whether an X-Robots-Tag header forbids `agent` to keep the page; several headers are joined by commas."""
    addressee = ""
    for part in value.split(","):
        name, colon, order = part.partition(":")
        if colon and name.strip().lower() not in ("unavailable_after", "max-snippet", "max-image-preview"):
            addressee = name.strip().lower()
        else:
            order = part
        if addressee in ("", agent.lower()) and forbids_index(order):
            return True
    return False


def split_names(text: str) -> list[str]:
    """Names of authors out of a line such as ``Bởi Sông Tranh, CTV``."""
    text = re.sub(r"^\s*(?:bởi|tác giả|theo|by|bài(?: và ảnh)?)\b\s*:?\s*", "", clean(text), flags=re.IGNORECASE)
    text = re.sub(r"\s*\((?:tổng hợp|ghi|t/h|th|dịch|lược dịch)\)\s*$", "", text, flags=re.IGNORECASE)
    return [name for part in re.split(r"\s*[,;|]\s*", text) if 1 < len(name := _bare(part)) <= 80]


def _bare(name: str) -> str:
    """A name without what surrounds it; brackets that belong to it stay, as in ``Báo Núi (mẫu)``."""
    name = name.strip(" -–")
    whole = name.count("(") == name.count(")") and not re.fullmatch(r"\([^()]*\)", name)
    return name if whole else name.strip(" -–()")


def _metas(root: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for meta in root.iter("meta"):
        name = (
            meta.get("property") or meta.get("name") or meta.get("itemprop") or meta.get("http-equiv") or ""
        ).lower()
        content = meta.get("content")
        if name and content and name not in found:
            found[name] = html.unescape(content).strip()
    return found


def _articles(root: Element) -> Iterator[Mapping[str, Any]]:
    """The article objects of all JSON-LD blocks; references to authors by @id are resolved within their block."""
    for script in root.iter("script"):
        if (script.get("type") or "").strip().lower() != "application/ld+json" or not script.text:
            continue
        if len(script.text) > _MAX_JSON:
            continue
        try:
            tree = json.loads(script.text.strip().rstrip(";"), strict=False)
            nodes = list(_nodes(tree))
        except (ValueError, RecursionError):
            continue
        by_id = {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str) and len(node) > 1}
        for node in nodes:
            kinds = node.get("@type")
            if _ARTICLE_TYPES & set(kinds if isinstance(kinds, list) else [kinds]):
                yield {**node, "author": _resolved(node.get("author"), by_id)}


def _nodes(tree: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """All objects of a block that may be an article or its author: lists, @graph and mainEntity are entered."""
    if isinstance(tree, list):
        for item in tree:
            yield from _nodes(item, depth + 1)
    elif isinstance(tree, dict) and depth < 6:
        yield tree
        for key in ("@graph", "mainEntity", "itemListElement", "author"):
            if isinstance(tree.get(key), (list, dict)):
                yield from _nodes(tree[key], depth + 1)


def _resolved(author: Any, by_id: Mapping[str, Any]) -> Any:
    if isinstance(author, list):
        return [_resolved(item, by_id) for item in author]
    if isinstance(author, dict) and "name" not in author:
        return by_id.get(str(author.get("@id")), author)
    return author


def _names(author: Any) -> Iterator[str]:
    if isinstance(author, list):
        for item in author:
            yield from _names(item)
    elif isinstance(author, dict):
        yield from _names(author.get("name"))
    elif isinstance(author, str) and not author.startswith(("http:", "https:")):
        yield from split_names(author)


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    return clean(html.unescape(value)) if isinstance(value, str) else ""
