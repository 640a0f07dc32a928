"""WatchArticles over gRPC and real stores."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter, CorrectArticleRequest, WatchArticlesRequest
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub

from tests.contracts.articles import AREAS, article, collected
from tests.services.media.stores import Stores


async def hear(stream: Any, count: int) -> list[Article]:
    """The next articles of a watch."""
    async with asyncio.timeout(60):
        return [(await stream.read()).article for _ in range(count)]


async def test_articles_are_heard_when_stored_analysed_and_corrected(stores: Stores, media: MediaServiceStub) -> None:
    await stores.ledger.record_collected(collected(article("before")))
    stream = media.WatchArticles(WatchArticlesRequest())
    await stream.initial_metadata()
    made = article("a", "Một bài dài.")
    await stores.publish("media.collected", collected(made))
    await stores.work_through()
    told = await hear(stream, 1)
    while not told[-1].analysis.sentiment.label:
        told += await hear(stream, 1)
    assert {found.name for found in told} == {made.name}
    assert (told[-1].text, told[-1].excerpt) == ("", "Một bài dài.")
    await media.CorrectArticle(CorrectArticleRequest(name=made.name, sentiment="positive"))
    assert (await hear(stream, 1))[0].analysis.sentiment.label == "positive"
    stream.cancel()


async def test_only_what_matches_is_heard(stores: Stores, media: MediaServiceStub) -> None:
    filters = (ArticleFilter(query="sat lo"), ArticleFilter(sentiments=["negative"], watch_area="watchAreas/nui"))
    streams = [media.WatchArticles(WatchArticlesRequest(filter=filter_)) for filter_ in filters]
    for stream in streams:
        await stream.initial_metadata()
    await stores.publish("media.collected", collected(article("a", "Nắng đẹp")), collected(article("b", "Sạt lở lớn")))
    await stores.work_through()
    (words,), judged = await hear(streams[0], 1), await hear(streams[1], 2)
    assert words.name == article("b").name
    assert {found.name for found in judged} == {article("a").name, article("b").name}
    assert all(set(found.current_areas) & set(AREAS[:2]) for found in judged)
    for stream in streams:
        stream.cancel()


async def test_a_watch_ends_with_its_deadline_or_at_once_where_the_place_is_unknown(media: MediaServiceStub) -> None:
    unknown = WatchArticlesRequest(filter=ArticleFilter(watch_area="watchAreas/bien"))
    for request, timeout_s, code in (
        (WatchArticlesRequest(), 0.3, grpc.StatusCode.DEADLINE_EXCEEDED),
        (unknown, 10, grpc.StatusCode.NOT_FOUND),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await media.WatchArticles(request, timeout=timeout_s).read()
        assert caught.value.code() == code
