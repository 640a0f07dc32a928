"""The bundled baseline keeps the clauses of `Classifier`."""

from __future__ import annotations

from services.sentiment.baseline import Baseline
from tests.contracts.classifier import ClassifierContract


class TestBaseline(ClassifierContract):
    make = Baseline
