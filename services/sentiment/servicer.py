"""SentimentService: a classifier behind gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from ngoclinh.sentiment.v1.sentiment_service_pb2 import (
    AnalyzeTextRequest,
    AnalyzeTextResponse,
    AnalyzeTextStreamRequest,
    AnalyzeTextStreamResponse,
    BatchAnalyzeTextsRequest,
    BatchAnalyzeTextsResponse,
    GetModelRequest,
    Model,
    ReloadModelRequest,
    Text,
    TextAnalysis,
)
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceServicer

from services.core.errors import Forbidden
from services.core.ports import Classifier
from services.core.sections.work import SentimentSettings
from services.sentiment.serving.models import Models
from services.sentiment.serving.queue import Flow
from services.sentiment.serving.stream import AnswerStream


class SentimentServicer(SentimentServiceServicer):
    """Answers from the classifier that it is handed.

    Args:
        classifier: the model.
        settings: workers, batches, bounds of what waits; None takes the defaults.
        load: reads the model of the settings again, for `ReloadModel`.
    """

    def __init__(
        self,
        classifier: Classifier,
        settings: SentimentSettings | None = None,
        load: Callable[[], Classifier] | None = None,
    ) -> None:
        self._models = Models(classifier, settings or SentimentSettings(), load)

    async def AnalyzeText(self, request: AnalyzeTextRequest, context: Any) -> AnalyzeTextResponse:
        """Analyse one text."""
        (analysis,) = await self._models.analyze([request.text])
        return AnalyzeTextResponse(analysis=analysis)

    async def BatchAnalyzeTexts(self, request: BatchAnalyzeTextsRequest, context: Any) -> BatchAnalyzeTextsResponse:
        """Analyse up to 256 texts; the answers come in the order of the texts."""
        return BatchAnalyzeTextsResponse(analyses=await self._models.analyze(request.texts))

    async def AnalyzeTextStream(
        self, requests: AsyncIterator[AnalyzeTextStreamRequest], context: Any
    ) -> AsyncIterator[AnalyzeTextStreamResponse]:
        """Analyse texts as they come; the stream has one share among the calls."""
        flow = Flow()

        async def analyze(text: Text) -> TextAnalysis:
            (analysis,) = await self._models.analyze([text], flow)
            return analysis

        async with aclosing(aiter(AnswerStream(requests, analyze))) as answers:
            async for response in answers:
                yield response

    async def GetModel(self, request: GetModelRequest, context: Any) -> Model:
        """The card of the model that answers."""
        return self._models.card

    async def ReloadModel(self, request: ReloadModelRequest, context: Any) -> Model:
        """Load the model of the settings again, for those who may open the Unix socket."""
        if not context.peer().startswith("unix"):
            raise Forbidden(
                "Chỉ nạp lại mô hình được từ máy chủ này: ngoclinh model reload.",
                "The model is loaded again from its own machine only: ngoclinh model reload.",
            )
        return await self._models.reload()

    async def close(self) -> None:
        """End the workers; calls in progress end first."""
        await self._models.close()
