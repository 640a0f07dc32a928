"""The part of the port `Ledger` that lets articles go when their time is over, and holds those that must stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ngoclinh.media.v1.article_pb2 import Article


class Retained(StrEnum):
    """What of an article has a time of its own.

    Attributes:
        TEXT: the whole text of every version, and the sentences that the analysis quotes.
        EVIDENCE: the files that people added.
        ARTICLE: all of it; its name stays, so that it is never recorded again.
    """

    TEXT = "text"
    EVIDENCE = "evidence"
    ARTICLE = "article"


@dataclass(frozen=True)
class Due:
    """Articles whose time is over."""

    names: list[str]
    """Those collected longest ago first, at most as many as were asked for."""
    total: int
    """How many there are."""


@dataclass(frozen=True)
class Extent:
    """How much the ledger holds, and up to when."""

    articles: int
    """Articles that are not taken down."""
    last_time: datetime | None
    """Latest moment that it knows of: a collection, an analysis, a correction; None where it is empty."""


class RetentionLedger(Protocol):
    """The part of the ledger that forgets; what is held by law is never due and never forgotten."""

    async def extent(self) -> Extent:
        """How much the ledger holds."""
        ...

    async def due_for_retention(self, kind: Retained, before: datetime, limit: int) -> Due:
        """Articles that still have what `kind` names, were last collected before a moment, and are not held."""
        ...

    async def shorten(self, name: str) -> Article | None:
        """Cut the text of every version to an excerpt of at most 300 characters; everything else stays.

        The same content is still known as the same; a later version has its whole text again. Returns the article as it
        reads now; None if it is unknown, down or held.
        """
        ...

    async def forget_evidence(self, name: str) -> list[str]:
        """Forget the files of an article that is not held; digests of those that no other article names."""
        ...

    async def expire(self, name: str) -> list[str] | None:
        """Erase an article as `take_down` does; None if it is unknown, down or held, else what `take_down` returns."""
        ...

    async def hold(self, name: str, reason: str, user: str) -> None:
        """From now on nothing of an article is forgotten, with why, who and when.

        Raises:
            NotFound: there is no such article.
        """
        ...

    async def release_hold(self, name: str, user: str) -> None:
        """End a hold, with who and when; one that is not kept changes nothing."""
        ...

    async def holds(self) -> dict[str, str]:
        """Reason by the name of every article that is held, in the order of names."""
        ...
