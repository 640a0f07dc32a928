"""The edition that the words around a name ask for: "cũ", "mới", and who was merged into whom."""

from __future__ import annotations

from services.core.areas.cues import AND, BECOMES, CHAIN, CLAUSE_END, MERGE, MERGED_FROM, NEW_AFTER, OLD_AFTER
from services.core.areas.scan import Scan, Span


def mark_editions(scan: Scan) -> None:
    """Set the edition of the spans where the words around them ask for one, and join units with those above them."""
    text, spans = scan.text, scan.spans
    for index, span in enumerate(spans):
        if OLD_AFTER.match(text, span.end):
            span.edition = 2004
        elif NEW_AFTER.match(text, span.end):
            span.edition = 2025
        if index + 1 < len(spans):
            after = spans[index + 1]
            level = min(unit.level for unit in after.units)
            higher = level < max(unit.level for unit in span.units)
            if higher and CHAIN.fullmatch(text, span.end, after.start):
                span.above = after
    for index in range(len(spans) - 2, -1, -1):
        span, after = spans[index], spans[index + 1]
        if after.edition == 2004 and not span.edition and AND.fullmatch(text, span.end, after.start):
            span.edition = 2004
    _mark_mergers(text, [span for span in spans if not span.edition])


def _mark_mergers(text: str, spans: list[Span]) -> None:
    if not MERGE.search(text):
        return
    start = 0
    ends = [match.start() for match in CLAUSE_END.finditer(text)]
    for end in [*ends, len(text)]:
        inside = [span for span in spans if start <= span.start < end]
        merge = MERGE.search(text, start, end) if inside else None
        if merge:
            becomes = BECOMES.search(text, merge.end(), end)
            source = MERGED_FROM.search(text, merge.start(), end)
            if becomes:
                for span in inside:
                    span.edition = 2004 if span.start < becomes.start() else 2025
            elif source:
                for span in inside:
                    span.edition = 2025 if span.start < merge.start() else 2004
        start = end
