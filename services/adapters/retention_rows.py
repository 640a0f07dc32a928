"""What the adapters of `Ledger` have in common about forgetting: how a kept message is shortened, how an end is told."""

from __future__ import annotations

from datetime import UTC, datetime

from ngoclinh.media.v1.event_pb2 import ArticleAnalyzed, ArticleCollected

from services.core import search
from services.core.names import content_digest

DOWN_REASON = "retention"
"""Why an article is down whose time was over."""
DOWN_USER = "retention"
"""Who took it down."""
_HEADS = ("sentiment", "event_valence", "stance", "complaint", "toxicity")


def shortened_version(event: bytes) -> bytes:
    """A stored `ArticleCollected` with an excerpt as its text, known by the digest of the whole one."""
    made = ArticleCollected.FromString(event)
    article = made.article
    made.content_sha256 = made.content_sha256 or content_digest(article.title, article.lead, article.text)
    article.text = search.excerpt([article.text])
    return made.SerializeToString()


def shortened_analysis(event: bytes) -> bytes:
    """A stored `ArticleAnalyzed` without the sentences that it quotes."""
    made = ArticleAnalyzed.FromString(event)
    for field, judgement in made.analysis.ListFields():
        if field.name in _HEADS:
            del judgement.sentences[:]
    return made.SerializeToString()


def moment(micros: int | None) -> datetime | None:
    """A time of a row as an aware moment."""
    return None if micros is None else datetime.fromtimestamp(micros / 1e6, UTC)
