"""The bundled model: linear over hashed n-grams and concepts, numpy only; implements the port `Classifier`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib import resources

from ngoclinh.sentiment.v1.sentiment_service_pb2 import Head as HeadMessage
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Model, Text, TextAnalysis

from services.sentiment.judging import judge, topics
from services.sentiment.scoring import shares
from services.sentiment.segments import Reading, read
from services.sentiment.weights import Weights, columns

NAME = "baseline"
LICENCE = "Apache-2.0"
TRAINING_DATA = (
    "citizen-voice train: 1,587 texts invented for this project by a language model; labels by two language models."
)
BATCH_CHARS = 32_000
"""Characters whose n-grams are looked up at once: bounds the memory of a call."""


class Baseline:
    """The linear model.

    Args:
        weights: the model; None reads the bundled one.
        card: the model card in Markdown; None reads the bundled one.
        max_text_chars: characters of a text that are analysed.
    """

    def __init__(self, weights: Weights | None = None, card: str | None = None, max_text_chars: int = 20_000) -> None:
        package = resources.files(__package__)
        self._weights = weights or Weights.from_bytes(package.joinpath("baseline.bin").read_bytes())
        self._card = package.joinpath("baseline.md").read_text("utf-8") if card is None else card
        self._max_text_chars = max_text_chars
        self._columns = columns(self._weights.heads)
        self._bias = self._weights.bias.tolist()
        self._name = f"{NAME}@{self._weights.version}"

    def card(self) -> Model:
        """Name, version, licence, heads, labels, measured worth."""
        heads = [
            HeadMessage(name=head.name, labels=head.labels, threshold=head.threshold, metrics=head.metrics)
            for head in self._weights.heads
        ]
        return Model(
            name=NAME,
            version=self._weights.version,
            licence=LICENCE,
            training_data=TRAINING_DATA,
            heads=heads,
            card=self._card,
        )

    def classify(self, texts: Sequence[Text]) -> list[TextAnalysis]:
        """Analyses in the order of the texts; the others in the batch change nothing."""
        readings = [read(text.title, text.text, self._max_text_chars) for text in texts]
        return [analysis for group in _groups(readings) for analysis in self._analyses(group)]

    def _analyses(self, readings: Sequence[Reading]) -> Iterator[TextAnalysis]:
        rows = shares(self._weights, readings).tolist()
        start = 0
        for reading in readings:
            end = start + len(reading.segments)
            yield self._analysis(reading, rows[start:end])
            start = end

    def _analysis(self, reading: Reading, rows: list[list[float]]) -> TextAnalysis:
        decisions = [bias + math.fsum(column) for bias, *column in zip(self._bias, *rows, strict=True)]
        judgements = {
            head.name: judge(head, decisions[place], reading.segments, [row[place] for row in rows])
            for head, place in zip(self._weights.heads, self._columns, strict=True)
        }
        return TextAnalysis(
            **judgements,
            topics=topics(judgements["topic"]) if reading.segments and "topic" in judgements else (),
            truncated=reading.truncated,
            coverage=reading.coverage,
            model=self._name,
        )


def _groups(readings: Sequence[Reading]) -> Iterator[list[Reading]]:
    """Neighbours in groups of about `BATCH_CHARS` characters."""
    group: list[Reading] = []
    size = 0
    for reading in readings:
        group.append(reading)
        size += sum(len(segment.text) for segment in reading.segments)
        if size >= BATCH_CHARS:
            yield group
            group, size = [], 0
    if group:
        yield group
