"""The edition that the words around a name ask for: "cũ", "mới", and who was merged into whom."""

from __future__ import annotations

from bisect import bisect_right
from itertools import groupby, pairwise

from services.core.areas.cues import (
    AND,
    BECOMES,
    CHAIN,
    CLAUSE_END,
    COORDINATION,
    MERGE,
    MERGED_FROM,
    NEW_AFTER,
    OLD_AFTER,
)
from services.core.areas.scan import Scan, Span


def mark_editions(scan: Scan) -> None:
    """Set the edition of the spans where the words around them ask for one, and join units with those above them."""
    text, spans = scan.text, scan.spans
    for span in spans:
        span.edition = _edition_beside(text, span, scan.words.starts[span.first])
    for span, after in pairwise(spans):
        lower = max(unit.level for unit in span.units)
        if min(unit.level for unit in after.units) < lower and CHAIN.fullmatch(text, span.end, after.start):
            span.above, after.below = after, span
    for span, after in reversed(list(pairwise(spans))):
        joint = COORDINATION if after.kind and not after.explicit else AND
        if after.edition == 2004 and not span.edition and joint.fullmatch(text, span.end, after.start):
            span.edition = 2004
    _mark_mergers(text, [span for span in spans if not span.edition])


def _edition_beside(text: str, span: Span, name_start: int) -> int:
    before = text[span.start : name_start].lower().split()
    if "cũ" in before or OLD_AFTER.match(text, span.end):
        return 2004
    return 2025 if "mới" in before or NEW_AFTER.match(text, span.end) else 0


def _mark_mergers(text: str, spans: list[Span]) -> None:
    if not MERGE.search(text):
        return
    ends = [*(match.start() for match in CLAUSE_END.finditer(text)), len(text)]
    for clause, group in groupby(spans, key=lambda span: bisect_right(ends, span.start)):
        _mark_merger(text, ends[clause - 1] if clause else 0, ends[clause], list(group))


def _mark_merger(text: str, start: int, end: int, spans: list[Span]) -> None:
    merge = MERGE.search(text, start, end)
    if not merge:
        return
    becomes = BECOMES.search(text, merge.end(), end)
    if becomes:
        for span in spans:
            span.edition = 2004 if span.start < becomes.start() else 2025
    elif MERGED_FROM.search(text, merge.start(), end):
        for span in spans:
            span.edition = 2025 if span.start < merge.start() else 2004
