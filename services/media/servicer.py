"""MediaService: lists and counts from the index, single articles and sources from the ledger, writes to the ledger first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc.aio
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub
from ngoclinh.media.v1.article_pb2 import Article, Evidence, Source
from ngoclinh.media.v1.media_service_pb2 import (
    ArticleFilter,
    CorrectArticleRequest,
    CreateSourceRequest,
    CreateSourceResponse,
    GetArticleRequest,
    GetEvidenceRequest,
    GetEvidenceResponse,
    GetSourceRequest,
    ListArticlesRequest,
    ListArticlesResponse,
    ListParcelMentionsRequest,
    ListParcelMentionsResponse,
    ListSourcesRequest,
    ListSourcesResponse,
    RunSourceRequest,
    SubmitArticleRequest,
    SubmitArticleResponse,
    SummarizeArticlesRequest,
    SummarizeArticlesResponse,
    TakeDownArticleRequest,
    UpdateSourceRequest,
    UploadEvidenceRequest,
    WatchArticlesRequest,
    WatchArticlesResponse,
)
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceServicer, MediaServiceStub

from services.core import corrections, paging
from services.core.clock import Clock, to_timestamp, utc_now
from services.core.errors import InvalidField, InvalidPageToken, NotFound
from services.core.ports import ArticleIndex, Bus, Ledger
from services.media.evidence import EvidenceStore
from services.media.filters import spelled_out
from services.media.source_requests import SourceRequests
from services.media.sources import Sources
from services.media.submit import Submissions
from services.media.watching import watch
from services.rpc.caller import user_of


class MediaServicer(MediaServiceServicer):
    """Answers from the stores that it is handed.

    Args:
        bus: for submissions and commands.
        ledger: the store of record.
        index: the search index.
        evidence: files that show what was published.
        channel: where AreaService is, which knows the watch areas.
        clock: the present moment.
    """

    def __init__(
        self,
        bus: Bus,
        ledger: Ledger,
        index: ArticleIndex,
        evidence: EvidenceStore,
        channel: grpc.aio.Channel,
        clock: Clock = utc_now,
    ) -> None:
        self._ledger = ledger
        self._index = index
        self._evidence = evidence
        self._areas = AreaServiceStub(channel)
        self._sources = Sources(bus, ledger)
        self._source_requests = SourceRequests(bus, ledger)
        self._submissions = Submissions(bus, ledger, evidence, clock, _looking(channel))
        self._clock = clock

    async def start(self) -> None:
        """Erase the evidence that no article came to name, as where its upload was given up."""

        async def is_named(sha256: str) -> bool:
            return await self._ledger.evidence(sha256) is not None

        await self._evidence.sweep(is_named)

    async def ListSources(self, request: ListSourcesRequest, context: Any) -> ListSourcesResponse:
        """Sources in the order of their names."""
        after = _source_key(paging.decode_token("sources", None, request.page_token))
        size = paging.page_size(request.page_size, 100, 1000)
        rest = [source for source in await self._ledger.sources() if source.name > after]
        token = paging.encode_token("sources", None, [rest[size - 1].name]) if len(rest) > size else ""
        return ListSourcesResponse(sources=rest[:size], next_page_token=token)

    async def GetSource(self, request: GetSourceRequest, context: Any) -> Source:
        """One source with its health."""
        return await self._sources.get(request.name)

    async def CreateSource(self, request: CreateSourceRequest, context: Any) -> CreateSourceResponse:
        """Have the crawler check a new source and save it."""
        return await self._source_requests.create(request)

    async def UpdateSource(self, request: UpdateSourceRequest, context: Any) -> Source:
        """Pause a source or let it go on."""
        return await self._sources.update(request)

    async def RunSource(self, request: RunSourceRequest, context: Any) -> Source:
        """Have a source polled now."""
        return await self._sources.run(request.name)

    async def SubmitArticle(self, request: SubmitArticleRequest, context: Any) -> SubmitArticleResponse:
        """Take a link or a clipped text; wait until it is stored, refused, or the deadline is near."""
        return await self._submissions.submit(request)

    async def UploadEvidence(self, request_iterator: AsyncIterator[UploadEvidenceRequest], context: Any) -> Evidence:
        """Keep a file that shows what was published."""
        return await self._evidence.receive(request.chunk async for request in request_iterator)

    async def GetEvidence(self, request: GetEvidenceRequest, context: Any) -> AsyncIterator[GetEvidenceResponse]:
        """The bytes of a file that an article names."""
        known = await self._ledger.evidence(request.sha256)
        if known is not None and request.article:
            article = await self._ledger.article(request.article)
            if article is None or request.sha256 not in {one.sha256 for one in article.evidence}:
                known = None
        if known is None:
            raise NotFound(f"evidence/{request.sha256}")
        yield GetEvidenceResponse(evidence=known)
        async for part in self._evidence.read(request.sha256):
            yield GetEvidenceResponse(chunk=part)

    async def GetArticle(self, request: GetArticleRequest, context: Any) -> Article:
        """One article with its whole text."""
        article = await self._ledger.article(request.name)
        if article is None:
            raise NotFound(request.name)
        return article

    async def ListArticles(self, request: ListArticlesRequest, context: Any) -> ListArticlesResponse:
        """Articles that match, newest first, without their whole text."""
        after = paging.decode_token("articles", request.filter, request.page_token)
        size = paging.page_size(request.page_size, 50, 200)
        page = await self._index.search(await spelled_out(self._areas, request.filter), size, after)
        token = paging.encode_token("articles", request.filter, page.next_key) if page.next_key is not None else ""
        return ListArticlesResponse(articles=page.articles, next_page_token=token, total_count=page.total)

    async def WatchArticles(self, request: WatchArticlesRequest, context: Any) -> AsyncIterator[WatchArticlesResponse]:
        """Articles that change from now on and match."""
        filter_ = await spelled_out(self._areas, request.filter)
        cursor = (await self._ledger.changes()).cursor
        await context.send_initial_metadata(())
        async for article in watch(self._ledger, cursor, filter_):
            yield WatchArticlesResponse(article=article)

    async def SummarizeArticles(self, request: SummarizeArticlesRequest, context: Any) -> SummarizeArticlesResponse:
        """Counts of the articles that match."""
        filter_ = await spelled_out(self._areas, request.filter)
        return await self._index.summarize(filter_, request.facets, request.interval, request.by_area)

    async def ListParcelMentions(self, request: ListParcelMentionsRequest, context: Any) -> ListParcelMentionsResponse:
        """Parcels that articles name, by article, newest first."""
        after = paging.decode_token("parcelMentions", request.filter, request.page_token)
        size = paging.page_size(request.page_size, 1000, 1000)
        filter_ = ArticleFilter(only_with_parcels=True)
        filter_.MergeFrom(await spelled_out(self._areas, request.filter))
        page = await self._index.search(filter_, size, after)
        answer = ListParcelMentionsResponse(total_count=page.total)
        for article in page.articles:
            answer.mentions.add(
                article=article.name,
                current_areas=article.current_areas,
                parcel_references=article.parcel_references,
            )
        if page.next_key is not None:
            answer.next_page_token = paging.encode_token("parcelMentions", request.filter, page.next_key)
        return answer

    async def CorrectArticle(self, request: CorrectArticleRequest, context: Any) -> Article:
        """Keep what a person says; the ledger first, then the index."""
        if not corrections.says_something(request):
            raise InvalidField("sentiment", "hãy đặt ít nhất một nhãn hoặc chủ đề", "set at least one label or topic")
        article = await self._ledger.correct(request, user_of(context))
        await self._index.put([article])
        return article

    async def TakeDownArticle(self, request: TakeDownArticleRequest, context: Any) -> Article:
        """Erase an article and its evidence for good, from the ledger first; the answer has its name and the time only."""
        orphans = await self._ledger.take_down(request.name, request.reason, user_of(context))
        await self._index.delete([request.name])
        for sha256 in orphans:
            await self._evidence.erase(sha256)
        return Article(name=request.name, withdrawn_time=to_timestamp(self._clock()))


def _looking(channel: grpc.aio.Channel) -> Callable[[str], Awaitable[object]]:
    """Asks for an article over a channel, which tells who is behind the present call."""
    media = MediaServiceStub(channel)

    async def look(name: str) -> object:
        return await media.GetArticle(GetArticleRequest(name=name))

    return look


def _source_key(key: list[Any] | None) -> str:
    if key is None:
        return ""
    if len(key) != 1 or not isinstance(key[0], str):
        raise InvalidPageToken
    return key[0]
