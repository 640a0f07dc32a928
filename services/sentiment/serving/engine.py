"""What a model is to the workers: it reads texts into chunks, runs chunks in batches, and judges by what came out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from ngoclinh.sentiment.v1.sentiment_service_pb2 import Model, Text, TextAnalysis

from services.core.ports import Classifier
from services.sentiment.phobert.chunks import MAX_CHUNKS, MAX_CONTENT

if TYPE_CHECKING:
    from services.sentiment.phobert.chunks import Chunk
    from services.sentiment.phobert.classifier import PhoBert

BYTES_PER_TOKEN = 5
"""Of Vietnamese text in UTF-8, at least: a guess for texts that were not read yet."""


class Engine(Protocol):
    """A model as the scheduler uses it. Chunks, results and sessions are the model's own affair."""

    SIZES_TOGETHER: int
    """Chunks form a batch where their sizes divided by this have the same whole part."""

    def card(self) -> Model:
        """Name, version, licence, heads, labels, measured worth."""
        ...

    def estimate(self, text: Text) -> int:
        """Tokens of a text, guessed without reading it."""
        ...

    async def prepare(self, texts: Sequence[Text]) -> Sequence[Any]:
        """The chunks of some texts, in their order."""
        ...

    def size(self, chunk: Any) -> int:
        """Tokens of a chunk, 1 at least."""
        ...

    def open(self) -> Any:
        """A session for one worker."""
        ...

    def run(self, session: Any, chunks: Sequence[Any]) -> Sequence[Any]:
        """The results of a batch, one a chunk. Called in a worker's thread."""
        ...

    async def assemble(
        self, texts: Sequence[Text], chunks: Sequence[Any], results: Sequence[Any]
    ) -> Sequence[TextAnalysis]:
        """The analyses of texts from the results of their chunks."""
        ...

    def close(self) -> None:
        """Let go of threads."""
        ...


class Chunked:
    """PhoBERT: its chunks run with those of other texts; texts are read and judged in one thread beside the workers."""

    SIZES_TOGETHER = 1
    MAX_TOKENS = MAX_CHUNKS * (MAX_CONTENT + 2)
    """Of one text."""

    def __init__(self, classifier: PhoBert) -> None:
        self._classifier = classifier
        self._desk = ThreadPoolExecutor(1, thread_name_prefix="sentiment-desk")
        self.card = classifier.card
        self.open = classifier.open_session
        self.run = classifier.run

    def estimate(self, text: Text) -> int:
        """By the bytes of the text, within what the model reads of one."""
        return min(2 + text.ByteSize() // BYTES_PER_TOKEN, self.MAX_TOKENS)

    async def prepare(self, texts: Sequence[Text]) -> Sequence[Chunk]:
        """In the desk's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._desk, self._classifier.prepare, texts)

    def size(self, chunk: Chunk) -> int:
        """Its tokens: a batch holds chunks of one size, so nothing is padded and no answer depends on the others."""
        return len(chunk.ids)

    async def assemble(
        self, texts: Sequence[Text], chunks: Sequence[Chunk], results: Sequence[Any]
    ) -> Sequence[TextAnalysis]:
        """In the desk's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._desk, self._classifier.assemble, texts, chunks, results)

    def close(self) -> None:
        """End the desk's thread."""
        self._desk.shutdown(wait=False)


class Whole:
    """An engine over any classifier: each text is a chunk, a batch is classified at once."""

    SIZES_TOGETHER = 8
    BYTES_PER_UNIT = 40
    """Bytes that are counted as one token: so a batch holds some tens of thousands of characters."""
    MAX_BYTES = 40_000
    """About as much of a text as is read."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.card = classifier.card

    def estimate(self, text: Text) -> int:
        """By the bytes of the text, as far as it is read."""
        return 1 + min(text.ByteSize(), self.MAX_BYTES) // self.BYTES_PER_UNIT

    async def prepare(self, texts: Sequence[Text]) -> Sequence[Text]:
        """The texts."""
        return texts

    size = estimate

    def open(self) -> None:
        """Workers share the classifier."""

    def run(self, session: None, chunks: Sequence[Text]) -> Sequence[TextAnalysis]:
        """Classify."""
        return self._classifier.classify(chunks)

    async def assemble(
        self, texts: Sequence[Text], chunks: Sequence[Text], results: Sequence[TextAnalysis]
    ) -> Sequence[TextAnalysis]:
        """The results."""
        return results

    def close(self) -> None:
        """Nothing to let go of."""


def engine_for(classifier: Any) -> Engine:
    """The engine that suits a classifier."""
    return Chunked(classifier) if hasattr(classifier, "prepare") else Whole(classifier)
