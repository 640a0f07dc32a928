"""Units that a running text names, each resolved to one unit of the edition that the text means.

Precision comes first: a bare name counts only where the text or the context makes it a place. How a name is judged is
told in docs/places.md; offsets are code points of the text in NFC.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from services.core.areas.cues import (
    AND,
    BECOMES,
    CHAIN,
    CLAUSE_END,
    COMMON_NAMES,
    MERGE,
    MERGED_FROM,
    NEW_AFTER,
    OLD_AFTER,
    SURNAMES,
)
from services.core.areas.gazetteer import Gazetteer, gazetteer
from services.core.areas.names import COMMUNE, DISTRICT, PROVINCE, split_title
from services.core.areas.register import Unit
from services.core.areas.scan import Scan, Span
from services.core.clock import REFORM_DATE, edition_on
from services.core.vietnamese import nfc

THRESHOLD = 0.5
"""Least score of a mention that is reported."""

FORESIGHT = timedelta(days=183)
"""How long before the reform texts already name the units to come."""

BARE = {PROVINCE: 0.75, DISTRICT: 0.6, COMMUNE: 0.35}
SUPPORT = {PROVINCE: 0.25, DISTRICT: 0.45, COMMUNE: 0.45}
"""Score of a bare name by its level; what a mention or context of a unit nearby adds, by the level of that unit."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A unit as a text names it."""

    unit: Unit
    current: tuple[str, ...]
    """Names of the communes (for a province: the province) that cover it today."""
    text: str
    """The words as they stand in the text, the kind included."""
    offset: int
    """First code point in the text in NFC."""
    score: float
    """Confidence, 0 to 1."""


def mentions(text: str, day: date, context: Iterable[str] = ()) -> list[Mention]:
    """The units that a text of a day names, every occurrence, in the order of the text.

    Args:
        text: running text; offsets refer to its NFC form.
        day: when it was published: it decides which edition a name means.
        context: names of areas that make ambiguous names certain, such as the province of the source.
    """
    text = nfc(text)
    names = gazetteer()
    scan = Scan(text, names)
    if not scan.spans:
        return []
    mark_editions(scan)
    judge = Judge(names, day, context, folded=scan.folded)
    judge.learn(scan.spans)
    found = []
    for span in scan.spans:
        unit, score = judge.best(span)
        if unit is not None and score >= THRESHOLD:
            found.append(
                Mention(unit, names.areas.current(unit.name), text[span.start : span.end], span.start, round(score, 2))
            )
    return found


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


class Judge:
    """Scores the units that a span may mean, with what the rest of the text and the context say."""

    def __init__(
        self, names: Gazetteer, day: date, context: Iterable[str], *, lenient: bool = False, folded: bool = False
    ) -> None:
        self._names = names
        self._edition = edition_on(day)
        self._foresees = REFORM_DATE - FORESIGHT <= day < REFORM_DATE
        self._folded = folded
        self._lenient = lenient
        self._context: dict[str, int] = {}
        for name in context:
            self._context.update(names.surroundings(name))
        self._anchors: dict[str, list[int]] = {}
        self._senses: dict[tuple[str, ...], set[str]] = {}

    def learn(self, spans: list[Span]) -> None:
        """Take what the certain spans say about where the text plays: provinces and districts, then communes."""
        for levels in ((PROVINCE, DISTRICT), (COMMUNE,)):
            sure: list[tuple[Span, Unit]] = []
            for span in spans:
                if all(unit.level in levels for unit in span.units) or (span.kind and not span.inherited):
                    unit, score = self.best(span)
                    if unit is not None and unit.level in levels and score >= 0.6:
                        sure.append((span, unit))
            for span, unit in sure:
                if span.kind:
                    self._senses.setdefault(span.key, set()).add(unit.name)
                for name in self._names.surroundings(unit.name):
                    self._anchors.setdefault(name, []).append(span.first)
        for positions in self._anchors.values():
            positions.sort()

    def best(self, span: Span) -> tuple[Unit | None, float]:
        """The unit that a span most likely means, and how sure that is."""
        ranked = self.rank(span)
        if not ranked:
            return None, 0.0
        best, unit = ranked[0]
        rivals = sum(
            1
            for score, other in ranked
            if score > best - 0.1 and other.level == unit.level and not self._same_place(unit, other)
        )
        return unit, min(1.0, best) / (1 + rivals)

    def rank(self, span: Span) -> list[tuple[float, Unit]]:
        """All units of a span with their scores, best first."""
        units = [unit for unit in span.units if self._allowed(span, unit)]
        if span.edition and any(unit.edition == span.edition for unit in units):
            units = [unit for unit in units if unit.edition == span.edition]
        scored = [(self._score(span, unit), unit) for unit in units]
        return sorted(scored, key=lambda row: (-row[0], row[1].edition != self._edition, row[1].name))

    def _allowed(self, span: Span, unit: Unit) -> bool:
        if unit.edition == 2025 and self._edition == 2004:
            if self._lenient:
                return all(other.edition == 2025 for other in span.units)
            return self._foresees and (span.edition == 2025 or all(other.edition == 2025 for other in span.units))
        return True

    def _score(self, span: Span, unit: Unit) -> float:
        support = self._support(span, unit)
        explicit = bool(span.kind)
        if explicit:
            score = 0.75 if split_title(unit.title)[0] == span.kind else 0.65
            score -= 0.1 * span.inherited
        else:
            score = 0.75 if self._lenient else BARE[unit.level] + 0.2 * span.located
            if unit.level == COMMUNE and not self._lenient and not self._plausible(span, support):
                return 0.0
        score -= 0.1 * (not span.cased and not self._lenient) + 0.1 * self._folded
        if unit.edition != self._edition:
            score -= 0.0 if span.edition == unit.edition else 0.1 if unit.level == PROVINCE else 0.2
        return score + support

    def _plausible(self, span: Span, support: float) -> bool:
        """Whether a bare commune name may be a place at all: not a person's, not a common word without a reason."""
        if self._folded:
            return span.located and support >= SUPPORT[COMMUNE]
        if not span.cased:
            return support > 0
        if span.key[0] in SURNAMES or span.key in COMMON_NAMES:
            return support >= SUPPORT[COMMUNE]
        return True

    def _support(self, span: Span, unit: Unit) -> float:
        home = self._names.home(unit)
        support = 0.0
        if span.above is not None:
            if any(
                other.name == unit.parent or self._parent_of_parent(unit) == other.name for other in span.above.units
            ):
                support += 0.5
            elif any(other.name in home for other in span.above.units):
                support += 0.3
        if unit.name in self._senses.get(span.key, ()):
            support += 0.3
        return support + max((self._nearness(name, level, span) for name, level in home.items()), default=0.0)

    def _nearness(self, name: str, level: int, span: Span) -> float:
        positions = self._anchors.get(name)
        if positions:
            index = bisect_left(positions, span.first)
            distance = min(
                (abs(positions[at] - span.first) for at in (index - 1, index) if 0 <= at < len(positions)), default=0
            )
            return SUPPORT[level] - 0.1 * min(1.0, distance / 500)
        return SUPPORT[level] - 0.1 if name in self._context else 0.0

    def _parent_of_parent(self, unit: Unit) -> str:
        parent = self._names.areas.get(unit.parent)
        return parent.parent if parent else ""

    def _same_place(self, one: Unit, other: Unit) -> bool:
        return one.name in self._names.home(other) or other.name in self._names.home(one)
