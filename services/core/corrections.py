"""What people say about an article goes before what machines say."""

from __future__ import annotations

from collections.abc import Iterable

from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import CorrectArticleRequest

HEADS = ("sentiment", "event_valence", "stance", "complaint", "toxicity")
"""Heads with one label, by the name of their field in `Analysis` and in `CorrectArticleRequest`."""


def says_something(request: CorrectArticleRequest) -> bool:
    """Whether a correction sets a head or the topics."""
    return any(getattr(request, head) for head in HEADS) or bool(request.topics)


def apply(article: Article, requests: Iterable[CorrectArticleRequest]) -> None:
    """Lay corrections over the analysis of an article, oldest first; a field left empty stays as it is.

    The sentences of a machine that said otherwise are removed: they spoke for another label.
    """
    analysis, corrected = article.analysis, set()
    for request in requests:
        for head in HEADS:
            label = getattr(request, head)
            if not label:
                continue
            corrected.add(head)
            judgement = getattr(analysis, head)
            if judgement.label != label:
                judgement.Clear()
                judgement.label = label
                judgement.scores[label] = 1.0
            judgement.unsure = False
        if request.topics:
            corrected.add("topics")
            analysis.topics[:] = request.topics
    analysis.corrected_heads[:] = sorted(corrected)
