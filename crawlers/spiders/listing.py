"""List pages: links to articles and to further pages, by the selectors of the profile."""

from __future__ import annotations

from collections.abc import Iterator

from crawlers import markup
from crawlers.canonical import is_web, resolve
from crawlers.spiders import MAX_ITEMS, Answer, Entry, Found, NotReadable


def read(answer: Answer) -> Found:
    """The links of a list page; a base element that leads elsewhere is ignored.

    Raises:
        NotReadable: it is no HTML page.
    """
    text = markup.decode(answer.body, answer.headers.get("content-type", ""))
    tree = markup.parse(text) if markup.is_text(answer.body) else None
    if tree is None:
        raise NotReadable("Trang danh sách không phải HTML.", "The list page is no HTML.")
    pages = answer.source.pages
    return Found(
        list(_links(tree, pages.links or "a", answer.url)),
        list(_links(tree, pages.more, answer.url)) if pages.more else [],
    )


def _links(tree: markup.Element, css: str, base: str) -> Iterator[Entry]:
    seen: set[str] = set()
    for link in markup.select(tree, css)[: 2 * MAX_ITEMS]:
        href = (link.get("href") or "").strip()
        url = resolve(base, href)
        if href and is_web(url) and url not in seen:
            seen.add(url)
            yield Entry(url)
