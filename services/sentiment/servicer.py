"""SentimentService: a classifier behind gRPC, in worker threads, with a bound on what waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ngoclinh.sentiment.v1.sentiment_service_pb2 import (
    AnalyzeTextRequest,
    AnalyzeTextResponse,
    BatchAnalyzeTextsRequest,
    BatchAnalyzeTextsResponse,
    GetModelRequest,
    Model,
    Text,
    TextAnalysis,
)
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceServicer

from services.core.errors import Overloaded
from services.core.ports import Classifier

WORKERS = 2
WAITING = 32


class SentimentServicer(SentimentServiceServicer):
    """Answers from the classifier that it is handed.

    Args:
        classifier: the model.
        workers: threads that classify.
        waiting: calls that may wait for a thread; a further one is refused with Overloaded.
    """

    def __init__(self, classifier: Classifier, workers: int = WORKERS, waiting: int = WAITING) -> None:
        self._classifier = classifier
        self._model = classifier.card()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sentiment")
        self._places = workers + waiting
        self._calls = 0

    async def AnalyzeText(self, request: AnalyzeTextRequest, context: Any) -> AnalyzeTextResponse:
        """Analyse one text."""
        (analysis,) = await self._classify([request.text])
        return AnalyzeTextResponse(analysis=analysis)

    async def BatchAnalyzeTexts(self, request: BatchAnalyzeTextsRequest, context: Any) -> BatchAnalyzeTextsResponse:
        """Analyse up to 256 texts; the answers come in the order of the texts."""
        return BatchAnalyzeTextsResponse(analyses=await self._classify(request.texts))

    async def GetModel(self, request: GetModelRequest, context: Any) -> Model:
        """The card of the model that answers."""
        return self._model

    async def _classify(self, texts: Sequence[Text]) -> list[TextAnalysis]:
        if self._calls >= self._places:
            raise Overloaded(
                "Bộ phân tích sắc thái đang có quá nhiều văn bản chờ; hãy thử lại sau giây lát.",
                "Too many texts wait for the classifier; try again in a moment.",
            )
        self._calls += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._classifier.classify, texts)
        finally:
            self._calls -= 1
