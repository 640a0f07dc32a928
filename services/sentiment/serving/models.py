"""The model that answers, and how another takes its place while calls are in progress."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Sequence

from ngoclinh.sentiment.v1.sentiment_service_pb2 import Model, Text, TextAnalysis

from services.core.errors import Conflict, NgocLinhError, UnreadableFile
from services.core.log import get_logger
from services.core.ports import Classifier
from services.core.sections.work import SentimentSettings
from services.sentiment.serving.engine import engine_for
from services.sentiment.serving.queue import Flow
from services.sentiment.serving.scheduler import Scheduler

MOST_WORKERS = 4
"""Workers where the settings name no number: each has a session of its own in memory."""
TRIAL = (
    Text(text="Đường vào thôn hỏng, đề nghị xã sửa."),
    Text(title="Khánh thành cầu mới", text="Bà con rất vui. " * 200),
)
"""What a model must be able to read before it answers others."""

_log = get_logger(__name__)


class Models:
    """One model at a time.

    Args:
        classifier: the first one.
        settings: of the workers.
        load: reads the model of the settings again; None where there is nothing to read.
    """

    def __init__(
        self, classifier: Classifier, settings: SentimentSettings, load: Callable[[], Classifier] | None = None
    ) -> None:
        self._settings = settings
        self._load = load
        self._loading = False
        self._scheduler = self._scheduler_of(classifier)
        self._ending: set[asyncio.Task[None]] = set()
        self.card = classifier.card()

    async def analyze(self, texts: Sequence[Text], flow: Flow | None = None) -> list[TextAnalysis]:
        """Analyses in the order of the texts, all by one model.

        Raises:
            Overloaded: there is too much to do.
        """
        return await self._scheduler.analyze(texts, flow)

    async def reload(self) -> Model:
        """Load the model again, try it, and let it answer from now on; calls in progress end with the old one.

        Raises:
            Conflict: it is being loaded, or there is nothing to load.
            NgocLinhError: it cannot be loaded or cannot read a text; the old one stays.
        """
        if self._load is None:
            raise Conflict("Mô hình này không nạp lại được.", "This model cannot be loaded again.")
        if self._loading:
            raise Conflict("Mô hình đang được nạp.", "The model is being loaded already.")
        self._loading = True
        try:
            classifier = await asyncio.to_thread(self._load)
            scheduler = await self._tried(classifier)
        except Exception as error:
            _log.warning("model not reloaded", error=repr(error))
            raise _told(error) from error
        finally:
            self._loading = False
        old, self._scheduler, self.card = self._scheduler, scheduler, classifier.card()
        ending = asyncio.create_task(old.close())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        _log.info("model reloaded", model=self.card.name, version=self.card.version)
        return self.card

    async def close(self) -> None:
        """End the workers; calls in progress end first."""
        await asyncio.gather(self._scheduler.close(), *self._ending)

    def _scheduler_of(self, classifier: Classifier) -> Scheduler:
        workers = self._settings.workers or min(MOST_WORKERS, len(os.sched_getaffinity(0)))
        return Scheduler(engine_for(classifier), self._settings, workers)

    async def _tried(self, classifier: Classifier) -> Scheduler:
        """A scheduler whose sessions are open and whose model read the trial texts."""
        scheduler = self._scheduler_of(classifier)
        try:
            await scheduler.open()
            for analysis in await scheduler.analyze(TRIAL):
                _require_judgements(analysis, classifier.card())
        except BaseException:
            await scheduler.close()
            raise
        return scheduler


def _require_judgements(analysis: TextAnalysis, card: Model) -> None:
    """Refuse an analysis without probabilities of the labels that its card names, as damaged weights give one."""
    for head in card.heads:
        judgement = getattr(analysis, head.name)
        if judgement.label not in head.labels or not math.isclose(sum(judgement.scores.values()), 1, abs_tol=1e-3):
            raise UnreadableFile(
                f"Mô hình mới không đánh giá được văn bản thử (phương diện {head.name}); mô hình cũ vẫn trả lời.",
                f"The new model cannot judge the trial text (head {head.name}); the old one still answers.",
            )


def _told(error: Exception) -> NgocLinhError:
    """The error of a model that cannot be used, for the operator."""
    if isinstance(error, NgocLinhError):
        return error
    why = f"{type(error).__name__}: {error}"[:300]
    return UnreadableFile(
        f"Mô hình mới không dùng được, mô hình cũ vẫn trả lời: {why}",
        f"The new model cannot be used, the old one still answers: {why}",
    )
