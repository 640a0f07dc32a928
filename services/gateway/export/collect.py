"""The articles of an export, page by page, as the API lists them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import grpc
import grpc.aio
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import (
    ArticleFilter,
    GetArticleRequest,
    ListArticlesRequest,
    ListSourcesRequest,
)
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub

PAGE = 200
AT_ONCE = 16
"""Whole articles that are asked for at once."""

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """Some articles of an export.

    Attributes:
        articles: as lists have them, without their whole text.
        total: how many there are in all.
    """

    articles: Sequence[Article]
    total: int


class Exporter:
    """Asks MediaService.

    Args:
        channel: where it is.
        metadata: who asks.
    """

    def __init__(self, channel: grpc.aio.Channel, metadata: Metadata = ()) -> None:
        self._media = MediaServiceStub(channel)
        self._metadata = metadata

    async def pages(self, filter_: ArticleFilter) -> AsyncIterator[Page]:
        """Everything that matches, newest first; at least one page, which may be empty."""
        request = ListArticlesRequest(filter=filter_, page_size=PAGE)
        while True:
            answer = await self._media.ListArticles(request, metadata=self._metadata)
            yield Page(answer.articles, answer.total_count)
            request.page_token = answer.next_page_token
            if not request.page_token:
                return

    async def whole(self, articles: Sequence[Article]) -> list[Article]:
        """The same articles with their text; one that was taken down meanwhile is left out."""
        found: list[Article] = []
        for start in range(0, len(articles), AT_ONCE):
            some = await asyncio.gather(*(self._whole(article.name) for article in articles[start : start + AT_ONCE]))
            found += [article for article in some if article is not None]
        return found

    async def _whole(self, name: str) -> Article | None:
        try:
            return await self._media.GetArticle(GetArticleRequest(name=name), metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise

    async def source_titles(self) -> dict[str, str]:
        """Display name by name of a source."""
        answer = await self._media.ListSources(ListSourcesRequest(page_size=1000), metadata=self._metadata)
        return {source.name: source.title for source in answer.sources}
