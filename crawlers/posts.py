"""Pages that hold many documents, such as the thread of a forum: the opening post and each reply are texts of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ngoclinh.media.v1.article_pb2 import ArticleKind

from crawlers import markup
from crawlers.canonical import canonical, is_web, resolve, same_site
from crawlers.dates import parse
from crawlers.documents import MAX_TEXT, MAX_TITLE, Context, Document, NoArticle, best_time, identity, language
from crawlers.markup import Element
from crawlers.metadata import Metadata


def posts(tree: Element, data: Metadata, context: Context) -> list[Document]:
    """The posts of a thread: the first one opens it and has its address, the others are replies.

    Raises:
        NoArticle: the page shows no post.
    """
    found = list(_posts(tree, data, context))
    if not found:
        raise NoArticle("empty", "Trang không có bài đăng nào.", "The page shows no post.")
    return found


def _posts(tree: Element, data: Metadata, context: Context) -> Iterator[Document]:
    pages = context.pages
    assert pages.posts is not None
    title_element = markup.first(tree, pages.title)
    title = markup.line(title_element) if title_element is not None else data.title
    thread = identity(context.url, data.canonical, context.url_rules)
    opening = not re.search(r"/page-\d+$", thread)
    for number, item in enumerate(markup.select(tree, pages.posts.item)):
        body = markup.first(item, [pages.posts.body])
        links = [link for link in markup.select(item, pages.posts.link) if link.get("href")]
        if body is None or not links:
            continue
        first = opening and number == 0
        author = markup.first(item, [pages.posts.author] if pages.posts.author else [])
        times = markup.select(item, pages.posts.time) if pages.posts.time else []
        stated = [when for time in times[:1] if (when := parse(time.get("datetime") or markup.line(time)))]
        moment, precision = best_time(stated, None, context.now)
        text = "\n\n".join(text for text, _ in markup.blocks(body, pages.drop))[:MAX_TEXT]
        yield Document(
            url=thread if first else canonical(resolve(context.url, links[0].get("href")), context.url_rules),
            title=title[:MAX_TITLE] if first else "",
            lead="",
            text=text,
            authors=(markup.line(author),) if author is not None else (),
            time=moment,
            precision=precision,
            kind=ArticleKind.ARTICLE_KIND_POST if first else ArticleKind.ARTICLE_KIND_COMMENT,
            language=language(text, data, context),
        )


def further_pages(tree: Element, context: Context) -> list[str]:
    """Further pages of a thread, on the same site."""
    if not context.pages.more:
        return []
    links = (resolve(context.url, a.get("href", "")) for a in markup.select(tree, context.pages.more))
    return [canonical(link, context.url_rules) for link in links if is_web(link) and same_site(link, context.url)]
