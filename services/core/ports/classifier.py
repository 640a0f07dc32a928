"""The port `Classifier`: a model behind the SentimentService."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ngoclinh.sentiment.v1.sentiment_service_pb2 import Model, Text, TextAnalysis


class Classifier(Protocol):
    """A model: same input, same output; a batch answers as its single texts would."""

    def card(self) -> Model:
        """Name, version, licence, heads, labels, measured worth."""
        ...

    def classify(self, texts: Sequence[Text]) -> list[TextAnalysis]:
        """Analyses in the order of the texts. CPU-bound: call it in a worker thread or process."""
        ...
