"""The markup of the demo's sites: two news sites, a portal of communes, a forum, each as its family of sites writes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape

from services.core.clock import VIETNAM
from services.demo.stories import SiteKey, Story

TITLES: dict[SiteKey, str] = {
    "tin": "Tin Ngọc Linh (mẫu)",
    "bao": "Báo Núi (mẫu)",
    "cong": "Cổng thông tin các xã (mẫu)",
    "dien-dan": "Diễn đàn Trà My (mẫu)",
}
NOTE = "Trang mẫu của phần mềm Ngọc Linh. Mọi nội dung đều là hư cấu."
REPLY_EVERY = timedelta(minutes=40)


def address(story: Story) -> str:
    """Path and query of a story on its site."""
    if story.site == "cong":
        return f"/bai-viet?id={story.number}"
    if story.site == "dien-dan":
        return f"/t/{story.slug}.{story.number}/"
    return f"/{story.slug}-{story.number}.html"


def article(base: str, story: Story) -> str:
    """The page of a story."""
    if story.site == "cong":
        return _portal(story)
    if story.site == "dien-dan":
        return _thread(story)
    return _news(base, story)


def index(site: SiteKey, stories: Sequence[Story]) -> str:
    """The list of a site's stories, newest first."""
    links = [f'<a href="{escape(address(story))}">{escape(story.title)}</a>' for story in stories]
    if site == "cong":
        return _page(
            TITLES[site],
            '<table class="danhsach">' + "".join(f"<tr><td>{link}</td></tr>" for link in links) + "</table>",
        )
    if site == "dien-dan":
        items = (
            f'<div class="structItem structItem--thread"><div class="structItem-title">{link}</div></div>'
            for link in links
        )
        return _page(TITLES[site], "".join(items))
    return _page(TITLES[site], "<ul>" + "".join(f"<li><h3>{link}</h3></li>" for link in links) + "</ul>")


def feed(base: str, site: SiteKey, stories: Sequence[Story]) -> str:
    """RSS 2.0."""
    items = "".join(
        f"<item><title>{escape(story.title)}</title><link>{escape(base + address(story))}</link>"
        f"<description>{escape(story.lead)}</description><pubDate>{format_datetime(_local(story.published))}</pubDate></item>"
        for story in stories
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>{TITLES[site]}</title><link>{base}/</link>{items}</channel></rss>'


def sitemap(base: str, stories: Sequence[Story]) -> str:
    """A sitemap of all stories."""
    urls = "".join(
        f"<url><loc>{escape(base + address(story))}</loc><lastmod>{_local(story.published).isoformat(timespec='seconds')}</lastmod></url>"
        for story in stories
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'


def robots(base: str) -> str:
    """robots.txt: everything may be visited but the inner pages."""
    return f"User-agent: *\nDisallow: /noi-bo/\nSitemap: {base}/sitemap.xml\n"


def _news(base: str, story: Story) -> str:
    data = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": story.title,
        "description": story.lead,
        "datePublished": _local(story.published).isoformat(timespec="seconds"),
        "mainEntityOfPage": base + address(story),
        "author": {"@type": "Organization", "name": TITLES[story.site]},
    }
    head = (
        f'<link rel="canonical" href="{escape(base + address(story))}">'
        f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script>'
    )
    lead = f'<h2 class="sapo">{escape(story.lead)}</h2>' if story.lead else ""
    body = (
        f"<article><h1>{escape(story.title)}</h1>{lead}<div class='content'>{_paragraphs(story.body)}</div></article>"
    )
    return _page(story.title, body + '<aside><a href="/noi-bo/goi-y">Có thể bạn quan tâm</a></aside>', head)


def _portal(story: Story) -> str:
    when = _local(story.published).strftime("%d/%m/%Y %H:%M")
    return _page(
        TITLES["cong"],
        f'<div class="tieude">{escape(story.title)}</div><div class="ngaydang">Ngày đăng: {when}</div>'
        f'<div class="noidung">{_paragraphs(story.body)}</div>',
    )


def _thread(story: Story) -> str:
    texts = (story.body, *story.replies)
    posts = "".join(_post(story, place, text) for place, text in enumerate(texts))
    return _page(story.title, f'<h1 class="p-title-value">{escape(story.title)}</h1>{posts}')


def _post(story: Story, place: int, text: str) -> str:
    when = _local(story.published + place * REPLY_EVERY).isoformat(timespec="seconds")
    link = address(story) if place == 0 else f"{address(story)}post-{story.number * 100 + place}"
    return (
        f'<article class="message message--post"><h4 class="message-name"><span class="username">thành viên {place + 1}</span></h4>'
        f'<div class="message-attribution-main"><a href="{escape(link)}"><time class="u-dt" datetime="{when}">{when}</time></a></div>'
        f'<div class="message-body"><div class="bbWrapper">{_paragraphs(text)}</div></div></article>'
    )


def _page(title: str, body: str, head: str = "") -> str:
    return (
        f'<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{escape(title)}</title>{head}</head>'
        f"<body><header>{escape(NOTE)}</header><main>{body}</main></body></html>"
    )


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part)}</p>" for part in text.split("\n\n"))


def _local(moment: datetime) -> datetime:
    return moment.astimezone(VIETNAM)
