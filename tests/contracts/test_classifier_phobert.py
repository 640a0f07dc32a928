"""PhoBERT keeps the clauses of `Classifier`, over a small model of its format."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import pytest

from services.core.ports import Classifier
from services.core.sections.work import SentimentSettings
from services.sentiment.phobert.classifier import PhoBert
from services.sentiment.phobert.opening import open_model
from tests.contracts.classifier import TEXTS, ClassifierContract, judgements
from tests.services.sentiment.phobert.tiny import tiny

INT8_BOUND = 0.05
"""How far a probability of int8 may lie from that of the same text alone: its scale is that of the batch."""


@cache
def folder() -> tempfile.TemporaryDirectory[str]:
    made = tempfile.TemporaryDirectory(prefix="ngoclinh-")
    tiny(Path(made.name))
    return made


def opened(**settings: object) -> PhoBert:
    return open_model(SentimentSettings(model_dir=Path(folder().name), segmenter="none", **settings))


class TestPhoBertFp32(ClassifierContract):
    make = staticmethod(lambda **settings: opened(precision="fp32", **settings))


class TestPhoBertInt8(ClassifierContract):
    make = staticmethod(lambda **settings: opened(precision="int8", **settings))

    def test_the_same_text_gets_the_same_answer_alone_and_in_any_batch(self, classifier: Classifier) -> None:
        """Exception: the scale of int8 is that of the batch, so the answers agree within a bound."""
        alone = [classifier.classify([text])[0] for text in TEXTS]
        for given in (classifier.classify(TEXTS), classifier.classify(TEXTS[::-1])[::-1]):
            for one, other in zip(alone, given, strict=True):
                for name, judgement in judgements(one).items():
                    assert dict(judgements(other)[name].scores) == pytest.approx(dict(judgement.scores), abs=INT8_BOUND)
        assert classifier.classify(TEXTS) == classifier.classify(TEXTS)
