"""A text as the run of sentences that the model reads, with what each counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.core.vietnamese import sentences

MAX_TITLE_CHARS = 10_000
MAX_SEGMENT_CHARS = 600
"""A longer sentence is read in pieces, parted at white space where there is some."""
TITLE_WEIGHT = 2


@dataclass(frozen=True)
class Segment:
    """One sentence, a headline as a whole, or a piece of a very long one."""

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
    titles = _pieces(head, 0, len(head)) if head.strip() else []
    segments = [Segment(head[start:end], -1, TITLE_WEIGHT) for start, end in titles]
    spans = (piece for start, end in sentences(body) for piece in _pieces(body, start, end))
    segments += [Segment(body[start:end], start, 1) for start, end in spans]
    whole = len(title) + len(text)
    used = len(head) + len(body)
    return Reading(segments, truncated=used < whole, coverage=used / whole if whole else 1.0)


def _pieces(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """A span in pieces of bounded length."""
    pieces = []
    while end - start > MAX_SEGMENT_CHARS:
        cut = text.rfind(" ", start + 1, start + MAX_SEGMENT_CHARS)
        cut = cut if cut > 0 else start + MAX_SEGMENT_CHARS
        pieces.append((start, cut))
        start = cut + (text[cut] == " ")
    return [*pieces, (start, end)]
