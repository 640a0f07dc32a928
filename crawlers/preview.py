"""A single page without a crawl: the articles that would be published."""

from __future__ import annotations

from ngoclinh.media.v1.article_pb2 import Article, TimePrecision

from crawlers import catalogue
from crawlers import profile as profiles
from crawlers.canonical import is_web
from crawlers.catalogue import Discovery, SourceSpec
from crawlers.documents import Context, Document
from crawlers.extract import extract
from crawlers.frontier import MANUAL
from services.core.clock import to_timestamp, utc_now
from services.core.config import Settings
from services.core.errors import InvalidField
from services.core.masking import mask
from services.core.names import article_name, source_name


def articles(settings: Settings, body: bytes, url: str, profile: str = "") -> list[Article]:
    """The articles of a saved page, without comparison to others.

    Args:
        settings: which sources are declared.
        body: the page.
        url: where it was saved from.
        profile: profile to read it by; empty takes that of the source of the address.

    Raises:
        InvalidField: no http or https address.
        NotFound: no such profile.
        FetchFailed, FetchRefused: the page holds no article, or asks not to be kept.
    """
    if not is_web(url):
        raise InvalidField("url", "không phải địa chỉ http hoặc https", "is no http or https address")
    owner = next((spec for spec in catalogue.declared(settings) if spec.owns(url)), None)
    source = _with_profile(owner, url, profile) if profile else owner
    extracted = extract(body, Context(url=url, now=utc_now(), source=source))
    name = source_name(owner.id if owner else MANUAL)
    return [_article(document, url, name) for document in extracted.documents]


def _with_profile(owner: SourceSpec | None, url: str, profile: str) -> SourceSpec:
    profiles.profile(profile)
    if owner is not None:
        return owner.model_copy(update={"profile": profile, "selectors": {}})
    return SourceSpec(
        id=MANUAL,
        title=MANUAL,
        home=url,
        tier="local",
        profile=profile,
        licence="A saved page.",
        discover=[Discovery(list="/")],
    )


def _article(document: Document, url: str, source: str) -> Article:
    title, lead, text = mask(document.title), mask(document.lead), mask(document.text)
    name = article_name(document.url)
    return Article(
        name=name,
        source=source,
        kind=document.kind,
        url=url,
        canonical_url=document.url,
        title=title[0],
        lead=lead[0],
        text=text[0],
        language_code=document.language,
        author_names=[mask(author)[0] for author in document.authors],
        publish_time=to_timestamp(document.time) if document.time else None,
        publish_time_precision=document.precision if document.time else TimePrecision.TIME_PRECISION_FIRST_SEEN,
        story=name,
        masked=title[1] or lead[1] or text[1],
        text_length=len(text[0]),
    )
