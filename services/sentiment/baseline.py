"""The bundled model: linear over hashed n-grams and concepts, numpy only; implements the port `Classifier`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib import resources

import numpy as np
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Head as HeadMessage
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Judgement, Model, Sentence, Text, TextAnalysis
from numpy.typing import NDArray

from services.sentiment.features import extract
from services.sentiment.segments import Reading, Segment, read
from services.sentiment.weights import KIND_WEIGHTS, Floats, Head, Weights, columns, text_length

NAME = "baseline"
LICENCE = "Apache-2.0"
TRAINING_DATA = (
    "citizen-voice train: 1,587 texts invented for this project by a language model; labels by two language models."
)
BATCH_CHARS = 32_000
"""Characters whose n-grams are looked up at once: bounds the memory of a call."""
MAX_EVIDENCE = 3
MAX_TOPICS = 3
FURTHER_TOPIC = 0.5
"""A topic beside the main one is named from this share of the main one's probability on."""


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
        self._units = [weight * self._weights.scales for weight in KIND_WEIGHTS]

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
        return [
            self._analysis(reading, shares)
            for group in _groups(readings)
            for reading, shares in zip(group, self._shares(group), strict=True)
        ]

    def _shares(self, readings: Sequence[Reading]) -> Iterator[Floats]:
        """What each segment of each text adds to the decisions, (segments, columns) a text."""
        bags = extract([segment.text for reading in readings for segment in reading.segments])
        sums = [self._weights.sentence_sums(kind) for kind in bags]
        start = 0
        for reading in readings:
            part = slice(start, start + len(reading.segments))
            start = part.stop
            times = np.array([segment.weight for segment in reading.segments], dtype=np.int64)
            shares = np.zeros((len(times), len(self._weights.scales)))
            for kind, kind_sums, unit in zip(bags, sums, self._units, strict=True):
                if count := int((times * times * kind.counts[part]).sum()):
                    shares += times[:, None] * kind_sums[part] * (unit / text_length(count))
            yield shares

    def _analysis(self, reading: Reading, shares: Floats) -> TextAnalysis:
        decisions = shares.sum(axis=0) + self._weights.bias
        analysis = TextAnalysis(
            truncated=reading.truncated, coverage=reading.coverage, model=f"{NAME}@{self._weights.version}"
        )
        for head, place in zip(self._weights.heads, self._columns, strict=True):
            judgement = _judgement(head, decisions[place], reading.segments, shares[:, place])
            getattr(analysis, head.name).CopyFrom(judgement)
        if reading.segments and analysis.topic.label:
            analysis.topics.extend(_topics(analysis.topic))
        return analysis


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


def _judgement(head: Head, decisions: Floats, segments: Sequence[Segment], shares: Floats) -> Judgement:
    scores = softmax(decisions.tolist(), head.sharpness)
    best = max(range(len(scores)), key=scores.__getitem__)
    return Judgement(
        label=head.labels[best],
        unsure=not segments or scores[best] < head.threshold,
        scores=dict(zip(head.labels, scores, strict=True)),
        sentences=_evidence(segments, shares, best),
    )


def softmax(decisions: Sequence[float], sharpness: float) -> list[float]:
    """Probabilities that sum to 1, from decisions as they stand."""
    highest = max(decisions)
    powers = [math.exp(sharpness * (decision - highest)) for decision in decisions]
    total = math.fsum(powers)
    return [power / total for power in powers]


def _evidence(segments: Sequence[Segment], shares: Floats, label: int) -> list[Sentence]:
    """The sentences that spoke for a label against the mean of the others, strongest first."""
    others = shares.shape[1] - 1
    lead: NDArray[np.float64] = shares[:, label] - (shares.sum(axis=1) - shares[:, label]) / others
    lead = np.maximum(lead, 0.0)
    total = float(lead.sum())
    if total <= 0.0:
        return []
    order = np.argsort(-lead, kind="stable")[:MAX_EVIDENCE].tolist()
    return [
        Sentence(text=segments[i].text, offset=segments[i].offset, weight=float(lead[i]) / total)
        for i in order
        if lead[i] > 0.0
    ]


def _topics(topic: Judgement) -> list[str]:
    """The main topic, then those that come near it."""
    ranked = sorted(topic.scores.items(), key=lambda item: (item[0] != topic.label, -item[1], item[0]))
    least = FURTHER_TOPIC * ranked[0][1]
    return [label for label, score in ranked[:MAX_TOPICS] if score >= least]
