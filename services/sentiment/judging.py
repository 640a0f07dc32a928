"""From decisions to judgements: probabilities, the sentences that spoke for a label, topics. Shared by all models."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ngoclinh.sentiment.v1.sentiment_service_pb2 import Judgement, Sentence

from services.sentiment.segments import Segment
from services.sentiment.weights import Head

MAX_EVIDENCE = 3
MAX_TOPICS = 3
FURTHER_TOPIC = 0.5
"""A topic beside the main one is named from this share of the main one's probability on."""


def judge(
    head: Head, decisions: Sequence[float], segments: Sequence[Segment], rows: Sequence[Sequence[float]]
) -> Judgement:
    """The judgement of one head.

    Args:
        head: its labels, sharpness and threshold.
        decisions: of the text, one a label.
        segments: what was read of the text; none makes the judgement unsure.
        rows: what each segment added to the decisions, (segments, labels).
    """
    scores = softmax(decisions, head.sharpness)
    best = max(range(len(scores)), key=scores.__getitem__)
    return Judgement(
        label=head.labels[best],
        unsure=not segments or scores[best] < head.threshold,
        scores=dict(zip(head.labels, scores, strict=True)),
        sentences=_evidence(segments, rows, best),
    )


def softmax(decisions: Sequence[float], sharpness: float) -> list[float]:
    """Probabilities that sum to 1, from decisions as they stand."""
    highest = max(decisions)
    powers = [math.exp(sharpness * (decision - highest)) for decision in decisions]
    total = math.fsum(powers)
    return [power / total for power in powers]


def topics(topic: Judgement) -> list[str]:
    """The main topic, then those that come near it."""
    least = FURTHER_TOPIC * topic.scores[topic.label]
    near = sorted((-score, label) for label, score in topic.scores.items() if score >= least and label != topic.label)
    return [topic.label, *(label for _, label in near)][:MAX_TOPICS]


def _evidence(segments: Sequence[Segment], rows: Sequence[Sequence[float]], label: int) -> list[Sentence]:
    """The sentences that spoke for a label against the mean of the others, strongest first."""
    leads = [row[label] - (sum(row) - row[label]) / (len(row) - 1) for row in rows]
    speaking = sorted((-lead, place) for place, lead in enumerate(leads) if lead > 0.0)
    total = math.fsum(-lead for lead, _ in speaking)
    return [
        Sentence(text=segments[place].text, offset=segments[place].offset, weight=-lead / total)
        for lead, place in speaking[:MAX_EVIDENCE]
    ]
