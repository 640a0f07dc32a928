"""Confidence that means something: sharpness, thresholds and measured worth of every head, from dev."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from ngoclinh.sentiment.v1.sentiment_service_pb2 import Text, TextAnalysis

from services.core.ports import Classifier
from services.sentiment.judging import softmax
from services.sentiment.measure import Answer, Worth, worth
from services.sentiment.recipe import Example
from services.sentiment.train import WANTED_RIGHT, threshold
from services.sentiment.weights import Head

SHARPNESSES = [round(0.2 * 1.05**step, 4) for step in range(66)]
"""From 0.2 to 4.8: a network that was trained long is too sure, one that was trained little not sure enough."""


def calibrated(
    heads: Sequence[Head], make: Callable[[tuple[Head, ...]], Classifier], dev: Sequence[Example]
) -> tuple[tuple[Head, ...], dict[str, Worth]]:
    """The heads with sharpness, threshold and worth from dev, and that worth.

    Args:
        heads: of the model.
        make: the classifier with heads that are given.
        dev: texts that the model did not learn from; a head that they say nothing of stays as it is.
    """
    plain = tuple(replace(head, sharpness=1.0, threshold=0.0) for head in heads)
    analyses = make(plain).classify([Text(text=example.text) for example in dev])
    found, worths = [], {}
    for head in plain:
        truths = [
            (example.labels[head.name], _decisions(analysis, head))
            for example, analysis in zip(dev, analyses, strict=True)
            if example.labels.get(head.name) in head.labels
        ]
        if not truths:
            found.append(head)
            continue
        sharpness = _sharpness(head, truths)
        answers = [_answer(head, sharpness, truth, decisions) for truth, decisions in truths]
        bar = threshold(answers, WANTED_RIGHT.get(head.name, 0.9))
        one = worth([replace(answer, unsure=answer.confidence < bar) for answer in answers])
        metrics = {name: round(float(value), 4) for name, value in asdict(one).items()}
        found.append(replace(head, sharpness=sharpness, threshold=bar, metrics=metrics))
        worths[head.name] = one
    return tuple(found), worths


def _decisions(analysis: TextAnalysis, head: Head) -> list[float]:
    """Decisions of a head of sharpness 1, but for a constant, which changes nothing."""
    scores = getattr(analysis, head.name).scores
    return [math.log(max(scores[label], 1e-12)) for label in head.labels]


def _sharpness(head: Head, truths: Sequence[tuple[str, Sequence[float]]]) -> float:
    """The factor that makes the true labels most probable."""

    def surprise(sharpness: float) -> float:
        return -math.fsum(
            math.log(softmax(decisions, sharpness)[head.labels.index(truth)] + 1e-12) for truth, decisions in truths
        )

    return min(SHARPNESSES, key=surprise)


def _answer(head: Head, sharpness: float, truth: str, decisions: Sequence[float]) -> Answer:
    scores = softmax(decisions, sharpness)
    best = max(range(len(scores)), key=scores.__getitem__)
    return Answer(truth, head.labels[best], scores[best])
