"""PhoBERT behind the port `Classifier`.

`classify` = `prepare` → `run` → `assemble`. Who wants to schedule by himself calls the three: `prepare` and `assemble`
are plain Python and safe in any thread, `run` is nearly all of the work and needs a session of its own per thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Head as HeadMessage
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Model, Text, TextAnalysis
from numpy.typing import NDArray

from services.core.ports import Classifier
from services.sentiment.judging import judge, topics
from services.sentiment.phobert.checkpoint import Checkpoint
from services.sentiment.phobert.chunks import Chunk, batches, cut
from services.sentiment.phobert.sessions import Session
from services.sentiment.phobert.text import Segmenter, words
from services.sentiment.phobert.tokenizer import PAD, Tokenizer
from services.sentiment.segments import Segment
from services.sentiment.weights import columns

MAX_BATCH_TOKENS = 512
Parts = NDArray[np.float32]
"""What each sentence of a chunk adds to the decisions about the chunk, (pieces, columns)."""


class PhoBert:
    """A PhoBERT classifier.

    Args:
        checkpoint: heads and card of the model.
        tokenizer: its vocabulary.
        segmenter: the word segmentation in front of it.
        open_session: loads the model once more; see `PhoBert.open_session`.
        fallback: answers the heads that the model lacks.
        max_text_chars: characters of a text that are analysed.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        tokenizer: Tokenizer,
        segmenter: Segmenter,
        open_session: Callable[[], Session],
        fallback: Classifier,
        max_text_chars: int = 20_000,
    ) -> None:
        self._checkpoint = checkpoint
        self._tokenizer = tokenizer
        self._segmenter = segmenter
        self._fallback = fallback
        self._max_text_chars = max_text_chars
        self._session: Session | None = None
        self._columns = columns(checkpoint.heads)
        self._lacking = [
            head.name for head in fallback.card().heads if head.name not in {own.name for own in checkpoint.heads}
        ]
        self.open_session = open_session
        """Loads the model for one more thread: a `Session` for `run`."""

    def card(self) -> Model:
        """Name, version, licence, heads, labels, measured worth; also of the heads that the fallback answers."""
        own, other = self._checkpoint, self._fallback.card()
        heads = [
            HeadMessage(name=head.name, labels=head.labels, threshold=head.threshold, metrics=head.metrics)
            for head in own.heads
        ]
        return Model(
            name=own.name,
            version=own.version,
            licence=own.licence,
            training_data=own.training_data,
            heads=[*heads, *(head for head in other.heads if head.name in self._lacking)],
            card=own.card + (_lacking_note(self._lacking, other) if self._lacking else ""),
        )

    def classify(self, texts: Sequence[Text]) -> list[TextAnalysis]:
        """Analyses in the order of the texts.

        With fp32 the others in the batch change nothing. With int8 they may: its scale is that of the batch.
        """
        if self._session is None:
            self._session = self.open_session()
        chunks = self.prepare(texts)
        parts: list[Parts] = [np.zeros((0, 0), np.float32)] * len(chunks)
        for batch in batches(chunks, MAX_BATCH_TOKENS):
            for place, part in zip(batch, self.run(self._session, [chunks[i] for i in batch]), strict=True):
                parts[place] = part
        return self.assemble(texts, chunks, parts)

    def prepare(self, texts: Sequence[Text]) -> list[Chunk]:
        """The chunks of all texts, in their order; a text without a token has none."""
        return [chunk for i, text in enumerate(texts) for chunk in cut(i, text, self._max_text_chars, self._encode)]

    def run(self, session: Session, chunks: Sequence[Chunk]) -> list[Parts]:
        """What the sentences of each chunk add to its decisions.

        Args:
            session: from `open_session`, used by one thread at a time.
            chunks: at least one. With chunks of one length (see `chunks.batches`) the answers of fp32 do not depend on
                the batch; with others, which are padded, they differ in the last digits.
        """
        width = max(len(chunk.ids) for chunk in chunks)
        ids = np.full((len(chunks), width), PAD, dtype=np.int64)
        for row, chunk in zip(ids, chunks, strict=True):
            row[: len(chunk.ids)] = chunk.ids
        lengths = np.array([[len(chunk.ids)] for chunk in chunks])
        mask = (np.arange(width) < lengths).astype(np.int64)
        found = session.logits(ids, mask)
        return [_parts(chunk, logits) for chunk, logits in zip(chunks, found, strict=True)]

    def assemble(self, texts: Sequence[Text], chunks: Sequence[Chunk], parts: Sequence[Parts]) -> list[TextAnalysis]:
        """The analyses of the texts.

        Args:
            texts: as given to `prepare`.
            chunks: what `prepare` made of them.
            parts: what `run` gave for each chunk, in the order of the chunks.
        """
        shares: list[dict[Segment, list[float]]] = [{} for _ in texts]
        coverages = [1.0] * len(texts)
        for chunk, part in zip(chunks, parts, strict=True):
            rows = shares[chunk.text]
            coverages[chunk.text] = chunk.coverage
            for piece, values in zip(chunk.pieces, (part.astype(np.float64) * chunk.weight).tolist(), strict=True):
                before = rows.get(piece.segment)
                rows[piece.segment] = [a + b for a, b in zip(before, values, strict=True)] if before else values
        found = [self._analysis(rows, coverage) for rows, coverage in zip(shares, coverages, strict=True)]
        if self._lacking:
            for analysis, other in zip(found, self._fallback.classify(texts), strict=True):
                for name in self._lacking:
                    getattr(analysis, name).CopyFrom(getattr(other, name))
                if "topic" in self._lacking:
                    analysis.topics.extend(other.topics)
        return found

    def _encode(self, sentence: str) -> list[int]:
        return self._tokenizer.encode(word.form for word in words(sentence, self._segmenter))

    def _analysis(self, shares: dict[Segment, list[float]], coverage: float) -> TextAnalysis:
        segments, rows = list(shares), list(shares.values())
        judgements = {}
        for head, place in zip(self._checkpoint.heads, self._columns, strict=True):
            own = [row[place] for row in rows]
            decisions = [math.fsum(row[i] for row in own) for i in range(len(head.labels))]
            judgements[head.name] = judge(head, decisions, segments, own)
        return TextAnalysis(
            **judgements,
            topics=topics(judgements["topic"]) if segments and "topic" in judgements else (),
            truncated=coverage < 1.0,
            coverage=coverage,
            model=f"{self._checkpoint.name}@{self._checkpoint.version}",
        )


def _parts(chunk: Chunk, logits: NDArray[np.float32]) -> Parts:
    """Decisions about the tokens of a chunk, or about the chunk, as shares of its sentences."""
    counts = np.array([[piece.end - piece.start] for piece in chunk.pieces], dtype=np.float32)
    if logits.ndim == 1:
        return np.asarray(logits * (counts / counts.sum()))
    starts = [piece.start for piece in chunk.pieces]
    return np.asarray(np.add.reduceat(logits[: len(chunk.ids) - 1], starts) / counts.sum())


def _lacking_note(names: Sequence[str], other: Model) -> str:
    """What the card says about heads that another model answers."""
    return (
        f"\n\n## Heads of another model\n\nThis model has no head for {', '.join(names)}: "
        f"these are answered by {other.name} {other.version} ({other.licence}). {other.training_data}\n"
    )
