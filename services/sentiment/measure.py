"""How good the answers of a classifier are, against labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ngoclinh.sentiment.v1.sentiment_service_pb2 import Text

from services.core.ports import Classifier
from services.sentiment.recipe import Example


@dataclass(frozen=True)
class Answer:
    """One answer beside the truth."""

    truth: str
    label: str
    confidence: float
    unsure: bool = False


@dataclass(frozen=True)
class Worth:
    """What the answers of one head are worth; all numbers 0 to 1."""

    count: int
    macro_f1: float
    weighted_f1: float
    accuracy: float
    majority_macro_f1: float
    """What always naming the most frequent label would score."""
    answered: float
    """Share that is not unsure."""
    answered_right: float
    """How much of that share is right."""
    calibration_error: float
    """Mean distance between confidence and accuracy over ten bins."""


def answers(classifier: Classifier, examples: Sequence[Example], head: str) -> list[Answer]:
    """The answers of one head to the texts whose label is known."""
    known = [example for example in examples if head in example.labels]
    analyses = classifier.classify([Text(text=example.text) for example in known])
    judgements = [getattr(analysis, head) for analysis in analyses]
    return [
        Answer(example.labels[head], judgement.label, judgement.scores[judgement.label], judgement.unsure)
        for example, judgement in zip(known, judgements, strict=True)
    ]


def worth(given: Sequence[Answer]) -> Worth:
    """Measure the answers of one head."""
    truths, labels = [answer.truth for answer in given], [answer.label for answer in given]
    frequent = Counter(truths).most_common(1)[0][0]
    sure = [answer for answer in given if not answer.unsure]
    return Worth(
        count=len(given),
        macro_f1=f1(truths, labels, weighted=False),
        weighted_f1=f1(truths, labels, weighted=True),
        accuracy=_right(given),
        majority_macro_f1=f1(truths, [frequent] * len(truths), weighted=False),
        answered=len(sure) / len(given),
        answered_right=_right(sure),
        calibration_error=_calibration_error(given),
    )


def f1(truths: Sequence[str], labels: Sequence[str], weighted: bool) -> float:
    """Mean F1 over the labels that occur in the truth, each alike or by its frequency."""
    counts, named = Counter(truths), Counter(labels)
    hits = Counter(truth for truth, label in zip(truths, labels, strict=True) if truth == label)
    scores = {label: 2 * hits[label] / (counts[label] + named[label]) for label in counts}
    if weighted:
        return sum(scores[label] * counts[label] for label in counts) / len(truths)
    return sum(scores.values()) / len(scores)


def _right(given: Sequence[Answer]) -> float:
    return sum(answer.truth == answer.label for answer in given) / len(given) if given else 0.0


def _calibration_error(given: Sequence[Answer]) -> float:
    bins: dict[int, list[Answer]] = {}
    for answer in given:
        bins.setdefault(min(int(answer.confidence * 10), 9), []).append(answer)
    gaps = [abs(sum(a.confidence for a in part) / len(part) - _right(part)) * len(part) for part in bins.values()]
    return sum(gaps) / len(given)
