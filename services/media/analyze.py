r"""Analysis of recorded articles: judgements over gRPC, places, parcels, documents; and the worker that does it.

Offsets count code points of title + "\n" + lead + "\n" + text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import grpc
import grpc.aio
from ngoclinh.media.v1.article_pb2 import Analysis, Article, ParcelReference, PlaceMention
from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed, ArticleCollected
from ngoclinh.sentiment.v1.sentiment_service_pb2 import (
    AnalyzeTextRequest,
    AnalyzeTextStreamRequest,
    Text,
    TextAnalysis,
)
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

from services.core.areas import Mention, mentions
from services.core.areas.names import PROVINCE
from services.core.clock import Clock, to_datetime, to_timestamp, utc_now, vietnam_date
from services.core.errors import Unavailable
from services.core.ports import Output
from services.core.references import documents, parcel_references
from services.core.worker import Handle, Quarantine, Retry
from services.rpc import status

MAX_TEXT_CHARS = 300_000
"""Characters of a text that the classifier is given: at three bytes a character at most, they fit into a message."""
MAX_TITLE_CHARS = 10_000

_PASSING = {
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
}


class Analyzer:
    """Turns articles into what is known about them.

    Args:
        channel: where SentimentService is.
        contexts: by the name of a source, the areas that it writes about: they make ambiguous place names certain.
        clock: the present moment.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        contexts: Mapping[str, Sequence[str]] | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._sentiment = SentimentServiceStub(channel)
        self._contexts = contexts or {}
        self._clock = clock

    @property
    def handlers(self) -> Mapping[tuple[str, str], Handle]:
        """Handler by (subject, group)."""
        return {("media.recorded", "analyze"): self.recorded}

    async def recorded(self, event: ArticleCollected) -> Sequence[Output]:
        """Analyse a recorded version; the analysis goes to `media.analyzed`.

        Raises:
            Unavailable: the classifier does not answer.
            Retry: it is busy.
            Quarantine: it refuses the text.
        """
        try:
            answer = await self._sentiment.AnalyzeText(AnalyzeTextRequest(text=_text(event.article)))
        except grpc.aio.AioRpcError as error:
            told = f"SentimentService: {error.code().name}: {error.details()}"
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                raise Unavailable(told, told) from error
            if error.code() in _PASSING:
                raise Retry(told, status.retry_after_s(status.from_rpc_error(error))) from error
            raise Quarantine(told) from error
        analyzed = await asyncio.to_thread(self._analyzed, event.article, answer.analysis)
        return [Output("media.analyzed", analyzed, f"{analyzed.article}@{analyzed.revision}")]

    async def analyze(self, articles: Sequence[Article]) -> list[ArticleAnalyzed]:
        """What is known about each article, in their order; however many there are, they are one stream.

        Raises:
            grpc.aio.AioRpcError: the classifier does not answer.
            Unavailable: it could not analyse a text.
        """
        requests = (
            AnalyzeTextStreamRequest(id=str(place), text=_text(article)) for place, article in enumerate(articles)
        )
        judged = [TextAnalysis()] * len(articles)
        async for answer in self._sentiment.AnalyzeTextStream(requests):
            if answer.HasField("error"):
                raise Unavailable(status.message(answer.error, "vi"), status.message(answer.error, "en"))
            judged[int(answer.id)] = answer.analysis
        return [
            await asyncio.to_thread(self._analyzed, article, judgement)
            for article, judgement in zip(articles, judged, strict=True)
        ]

    def _analyzed(self, article: Article, judged: TextAnalysis) -> ArticleAnalyzed:
        whole = f"{article.title}\n{article.lead}\n{article.text}"
        day = self._day(article)
        found = mentions(whole, day, self._contexts.get(article.source, ()))
        references = parcel_references(whole, found, day)
        return ArticleAnalyzed(
            article=article.name,
            revision=article.revision,
            analysis=self._analysis(article, judged),
            places=_places(found),
            current_areas=current_areas(found),
            parcel_references=[
                ParcelReference(
                    commune=one.commune, sheet=one.sheet, parcel=one.parcel, text=one.text, offset=one.offset
                )
                for one in references
            ],
            documents=documents(whole),
        )

    def _analysis(self, article: Article, judged: TextAnalysis) -> Analysis:
        sent, whole = _text(article), len(article.title) + len(_body(article))
        read = round(judged.coverage * (len(sent.title) + len(sent.text)))
        return Analysis(
            sentiment=judged.sentiment,
            event_valence=judged.event_valence,
            stance=judged.stance,
            complaint=judged.complaint,
            toxicity=judged.toxicity,
            topics=judged.topics,
            models=[judged.model],
            truncated=read < whole,
            coverage=read / whole if whole else 1.0,
            analyze_time=to_timestamp(self._clock()),
        )

    def _day(self, article: Article) -> date:
        for field in ("publish_time", "collect_time"):
            if article.HasField(field):
                return vietnam_date(to_datetime(getattr(article, field)))
        return vietnam_date(self._clock())


def current_areas(found: Iterable[Mention]) -> list[str]:
    """Communes of today that cover the communes and districts that were named, each once; provinces add none."""
    return list(dict.fromkeys(name for one in found if one.unit.level != PROVINCE for name in one.current))


def _places(found: Iterable[Mention]) -> list[PlaceMention]:
    """Each unit once, where it is named first, as sure as it is named anywhere."""
    places: dict[str, PlaceMention] = {}
    for one in found:
        first = places.setdefault(
            one.unit.name,
            PlaceMention(area=one.unit.name, current_areas=one.current, text=one.text, offset=one.offset),
        )
        first.score = max(first.score, one.score)
    return list(places.values())


def _body(article: Article) -> str:
    return f"{article.lead}\n\n{article.text}" if article.lead else article.text


def _text(article: Article) -> Text:
    """What the classifier is given of an article."""
    return Text(title=article.title[:MAX_TITLE_CHARS], text=_body(article)[:MAX_TEXT_CHARS])
