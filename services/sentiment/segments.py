"""A text as the run of sentences that the model reads, with what each counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.core.vietnamese import sentences

MAX_TITLE_CHARS = 10_000
TITLE_WEIGHT = 2


@dataclass(frozen=True)
class Segment:
    """One sentence, or a headline as a whole."""

    text: str
    offset: int
    """First character in the text, in code points; -1 for a headline."""
    weight: int
    """How often it counts; whole numbers keep the sums exact."""


@dataclass(frozen=True)
class Reading:
    """What of a text is read."""

    segments: Sequence[Segment]
    truncated: bool
    coverage: float
    """Share of the characters that is read, 0 to 1; 1 for an empty text."""


def read(title: str, text: str, max_chars: int) -> Reading:
    """Cut a title and a text into segments; characters of the text beyond `max_chars` are left out."""
    head, body = title[:MAX_TITLE_CHARS], text[:max_chars]
    segments = [Segment(head, -1, TITLE_WEIGHT)] if head.strip() else []
    segments += [Segment(body[start:end], start, 1) for start, end in sentences(body)]
    whole = len(title) + len(text)
    used = len(head) + len(body)
    return Reading(segments, truncated=used < whole, coverage=used / whole if whole else 1.0)
