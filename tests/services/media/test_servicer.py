"""MediaService over gRPC and real stores."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from ngoclinh.media.v1.article_pb2 import ARTICLE_KIND_CLIPPING, Article, Source
from ngoclinh.media.v1.event_pb2 import FetchPage, SourceCommand, SubmissionFailed
from ngoclinh.media.v1.media_service_pb2 import (
    ARTICLE_FACET_SENTIMENT,
    SUBMISSION_STATE_PENDING,
    SUBMISSION_STATE_STORED,
    ArticleFilter,
    CorrectArticleRequest,
    GetArticleRequest,
    GetSourceRequest,
    ListArticlesRequest,
    ListParcelMentionsRequest,
    ListSourcesRequest,
    ParcelMention,
    SubmitArticleRequest,
    SummarizeArticlesRequest,
)
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub
from ngoclinh.type.v1.type_pb2 import ERROR_REASON_FETCH_FAILED, ERROR_REASON_FETCH_REFUSED

from services.core.clock import utc_now
from services.core.names import article_name
from services.core.ports import Output
from services.core.worker import run_worker
from services.rpc import status
from services.rpc.caller import ROLES_KEY, USER_KEY
from tests.contracts.articles import AREAS, article, collected
from tests.contracts.bus import take
from tests.services.media.serving import refusal
from tests.services.media.stores import Stores


def at(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


async def crawl(stores: Stores, outcome: Article | SubmissionFailed) -> None:
    """Be the crawler: answer every page that is asked for with the same outcome."""

    async def handle(command: SourceCommand) -> list[Output]:
        name = command.fetch_page.submission
        if isinstance(outcome, Article):
            return [Output("media.collected", collected(outcome, submission=name), name)]
        failed = SubmissionFailed(submission=name, url=command.fetch_page.url)
        failed.MergeFrom(outcome)
        return [Output("media.submission", failed, name)]

    await run_worker(stores.bus, "source.command", "crawler", handle)


# ------------------------------------------------------------ reading


async def test_an_article_is_read_whole_and_listed_without_its_text(stores: Stores, media: MediaServiceStub) -> None:
    made = article("a", "Đất đai ở Trà Leng.")
    await stores.publish("media.collected", collected(made))
    await stores.work_through()
    whole = await media.GetArticle(GetArticleRequest(name=made.name))
    listed = await media.ListArticles(ListArticlesRequest(filter=ArticleFilter(query="dat dai")))
    assert (whole.text, listed.total_count) == ("Đất đai ở Trà Leng.", 1)
    assert (listed.articles[0].text, listed.articles[0].excerpt) == ("", "Đất đai ở Trà Leng.")
    whole.ClearField("text")
    assert listed.articles[0] == whole


async def test_pages_of_articles_follow_each_other(stores: Stores, media: MediaServiceStub) -> None:
    await stores.index.put([article(str(n), days=n) for n in range(5)])
    request, titles = ListArticlesRequest(page_size=2), list[str]()
    while True:
        page = await media.ListArticles(request)
        titles += [found.title for found in page.articles]
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert titles == ["Bài 4", "Bài 3", "Bài 2", "Bài 1", "Bài 0"]


async def test_a_token_of_another_filter_is_refused(stores: Stores, media: MediaServiceStub) -> None:
    await stores.index.put([article(str(n)) for n in range(3)])
    page = await media.ListArticles(ListArticlesRequest(page_size=1))
    for token in (page.next_page_token, "nonsense", "!"):
        other = ListArticlesRequest(page_size=1, page_token=token, filter=ArticleFilter(only_originals=True))
        code, reason, _ = await refusal(media.ListArticles(other))
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


async def test_mentions_of_parcels_come_by_article_in_pages(stores: Stores, media: MediaServiceStub) -> None:
    made = [article(str(n), days=n, current_areas=AREAS[:2]) for n in range(4)]
    for number, each in enumerate(made[1:]):
        each.parcel_references.add(commune=AREAS[0], sheet="5", parcel=f"{number}", text=f"thửa {number}", offset=3)
        each.parcel_references.add(parcel="7")
    await stores.index.put(made)
    filter_ = ArticleFilter(areas=AREAS[:1])
    first = await media.ListParcelMentions(ListParcelMentionsRequest(filter=filter_, page_size=2))
    token = first.next_page_token
    rest = await media.ListParcelMentions(ListParcelMentionsRequest(filter=filter_, page_size=2, page_token=token))
    assert [first.total_count, rest.total_count, rest.next_page_token] == [3, 3, ""]
    assert [*first.mentions, *rest.mentions] == [
        ParcelMention(article=each.name, current_areas=each.current_areas, parcel_references=each.parcel_references)
        for each in reversed(made[1:])
    ]
    code, reason, _ = await refusal(media.ListArticles(ListArticlesRequest(filter=filter_, page_token=token)))
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


async def test_a_watch_area_stands_for_its_communes(stores: Stores, media: MediaServiceStub) -> None:
    await stores.index.put([article(str(n), current_areas=[name]) for n, name in enumerate(AREAS[:4])])
    filter_ = ArticleFilter(watch_area="watchAreas/nui", areas=[AREAS[2]])
    listed = await media.ListArticles(ListArticlesRequest(filter=filter_))
    counts = await media.SummarizeArticles(
        SummarizeArticlesRequest(filter=filter_, facets=[ARTICLE_FACET_SENTIMENT], by_area=True)
    )
    assert listed.total_count == counts.total_count == 3
    assert [(local.area, local.total_count) for local in counts.areas] == [
        (AREAS[2], 1), (AREAS[0], 1), (AREAS[1], 1)
    ]  # fmt: skip
    unknown = ArticleFilter(watch_area="watchAreas/bien")
    code, reason, _ = await refusal(media.ListArticles(ListArticlesRequest(filter=unknown)))
    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


async def test_sources_are_listed_by_name_in_pages(stores: Stores, media: MediaServiceStub) -> None:
    for name in ("sources/c", "sources/a", "sources/b"):
        await stores.ledger.record_source(Source(name=name, title=name.upper()))
    first = await media.ListSources(ListSourcesRequest(page_size=2))
    rest = await media.ListSources(ListSourcesRequest(page_size=2, page_token=first.next_page_token))
    assert [source.name for source in [*first.sources, *rest.sources]] == ["sources/a", "sources/b", "sources/c"]
    assert rest.next_page_token == ""
    assert (await media.GetSource(GetSourceRequest(name="sources/b"))).title == "SOURCES/B"


@pytest.mark.parametrize(
    ("method", "request_", "reason"),
    [
        ("GetArticle", GetArticleRequest(name="articles/" + "a" * 26), "NOT_FOUND"),
        ("GetSource", GetSourceRequest(name="sources/none"), "NOT_FOUND"),
        ("CorrectArticle", CorrectArticleRequest(name="articles/" + "a" * 26, stance="none"), "NOT_FOUND"),
        ("CorrectArticle", CorrectArticleRequest(name="articles/" + "a" * 26, note="chỉ ghi chú"), "INVALID_FIELD"),
        ("ListArticles", ListArticlesRequest(page_size=-1), "INVALID_FIELD"),
        ("SubmitArticle", SubmitArticleRequest(), "INVALID_FIELD"),
        ("SubmitArticle", SubmitArticleRequest(url="ftp://tin.example/a"), "INVALID_FIELD"),
        ("SubmitArticle", SubmitArticleRequest(url="javascript:alert(1)"), "INVALID_FIELD"),
        ("SubmitArticle", SubmitArticleRequest(url="http://"), "INVALID_FIELD"),
        (
            "SubmitArticle",
            SubmitArticleRequest(text="mai sau", publish_time=at(utc_now() + timedelta(days=3))),
            "INVALID_FIELD",
        ),
    ],
)
async def test_what_cannot_be_answered_says_why(
    media: MediaServiceStub, method: str, request_: Any, reason: str
) -> None:
    _, told, answer = await refusal(getattr(media, method)(request_))
    assert told == reason
    assert status.message(answer, "vi") != status.message(answer, "en")


# ------------------------------------------------------------ correcting


async def test_a_correction_is_seen_everywhere_and_kept_with_its_author(
    stores: Stores, media: MediaServiceStub
) -> None:
    made = article("a")
    await stores.publish("media.collected", collected(made))
    await stores.work_through()
    request = CorrectArticleRequest(name=made.name, sentiment="positive", topics=["du_lich"])
    corrected = await media.CorrectArticle(request, metadata=((USER_KEY, "hoa"), (ROLES_KEY, "admin")))
    listed = await media.ListArticles(ListArticlesRequest(filter=ArticleFilter(sentiments=["positive"])))
    assert corrected.analysis.corrected_heads == ["sentiment", "topics"]
    assert [found.name for found in listed.articles] == [made.name]
    assert (await media.GetArticle(GetArticleRequest(name=made.name))) == corrected
    (kept,) = await stores.ledger.corrections(made.name)
    assert kept.user == "hoa"


# ------------------------------------------------------------ submitting


async def test_a_link_is_fetched_by_the_crawler_and_stored(stores: Stores, media: MediaServiceStub) -> None:
    made = article("pasted")
    crawler = asyncio.create_task(crawl(stores, made))
    async with stores.working():
        answer = await media.SubmitArticle(SubmitArticleRequest(url="https://tin.example/pasted?utm_source=zalo"))
    crawler.cancel()
    assert (answer.state, answer.article) == (SUBMISSION_STATE_STORED, made.name)
    again = await media.SubmitArticle(SubmitArticleRequest(url=made.url))
    assert (again.state, again.article) == (SUBMISSION_STATE_STORED, made.name), "known: no second visit"


@pytest.mark.parametrize(
    ("code", "reason"), [(ERROR_REASON_FETCH_REFUSED, "FETCH_REFUSED"), (ERROR_REASON_FETCH_FAILED, "FETCH_FAILED")]
)
async def test_a_refusal_comes_in_the_crawlers_words(
    stores: Stores, media: MediaServiceStub, code: Any, reason: str
) -> None:
    failure = SubmissionFailed(reason=code)
    failure.message.vi, failure.message.en = "robots.txt không cho phép.", "robots.txt forbids it."
    crawler = asyncio.create_task(crawl(stores, failure))
    async with stores.working():
        grpc_code, told, answer = await refusal(media.SubmitArticle(SubmitArticleRequest(url="https://cam.example/a")))
    crawler.cancel()
    assert (grpc_code, told) == (grpc.StatusCode.FAILED_PRECONDITION, reason)
    assert status.message(answer, "vi") == "robots.txt không cho phép."


async def test_a_link_that_takes_longer_than_the_deadline_is_pending(stores: Stores, media: MediaServiceStub) -> None:
    answer = await media.SubmitArticle(SubmitArticleRequest(url=" Cham.example/a"), timeout=1.5)
    assert (answer.state, answer.article) == (SUBMISSION_STATE_PENDING, "")
    assert (await stores.bus.depth())["source.command", "crawler"] == 1
    command = (await take(stores.bus, "source.command", "crawler")).event
    assert command == SourceCommand(fetch_page=FetchPage(submission=answer.submission, url="http://cham.example/a"))


async def test_a_clipping_is_masked_named_by_its_content_and_stored_once(
    stores: Stores, media: MediaServiceStub
) -> None:
    text = "Bà con thôn 3 hỏi về sổ đỏ.\nLiên hệ 0900 000 000.\u202e"
    async with stores.working():
        answers = [
            await media.SubmitArticle(
                SubmitArticleRequest(text=text, publish_time=at(datetime(2026, 11, 1, tzinfo=UTC)))
            )
            for _ in range(2)
        ]
        await stores.drained()
    assert answers[0].state == answers[1].state == SUBMISSION_STATE_STORED
    assert answers[0].article == answers[1].article
    stored = await media.GetArticle(GetArticleRequest(name=answers[0].article))
    assert (stored.kind, stored.source, stored.url) == (ARTICLE_KIND_CLIPPING, "sources/manual", "")
    assert (stored.title, stored.masked, stored.revision) == ("Bà con thôn 3 hỏi về sổ đỏ.", True, 1)
    assert "0900" not in stored.text
    assert "\u202e" not in stored.text
    assert stored.publish_time.ToDatetime(UTC) == datetime(2026, 11, 1, tzinfo=UTC)
    assert stored.analysis.sentiment.label == "negative", "a clipping is analysed like any article"


async def test_a_clipping_with_an_address_is_named_by_it_and_never_replaces_a_sources_article(
    stores: Stores, media: MediaServiceStub
) -> None:
    await stores.publish("media.collected", collected(article("a", "bản của báo")))
    async with stores.working():
        await stores.drained()
        stored = await media.SubmitArticle(SubmitArticleRequest(url="https://tin.example/moi?fbclid=1", text="Đã đọc."))
        _, reason, _ = await refusal(media.SubmitArticle(SubmitArticleRequest(url=article("a").url, text="bịa")))
    assert stored.article == article_name("https://tin.example/moi")
    assert reason == "CONFLICT"
    assert (await media.GetArticle(GetArticleRequest(name=article("a").name))).text == "bản của báo"
