"""Which unit a name means: scores from its form, the day, the words around it, the rest of the text, the context."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, timedelta

from services.core.areas.cues import COMMON_NAMES, SURNAMES
from services.core.areas.gazetteer import Gazetteer
from services.core.areas.names import COMMUNE, DISTRICT, PROVINCE, split_title
from services.core.areas.register import Unit
from services.core.areas.scan import Span
from services.core.clock import REFORM_DATE, edition_on

FORESIGHT = timedelta(days=183)
"""How long before the reform texts already name the units to come."""

BARE = {PROVINCE: 0.75, DISTRICT: 0.6, COMMUNE: 0.35}
SUPPORT = {PROVINCE: 0.25, DISTRICT: 0.45, COMMUNE: 0.45}
"""Score of a bare name by its level; what a mention or context of a unit nearby adds, by the level of that unit."""

NARROW = 0.3
"""Support above this comes from a district or commune, not from a province alone."""


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
        if unit.edition not in (self._edition, span.edition):
            score -= self._distance_in_time(span, unit)
        return score + support

    def _distance_in_time(self, span: Span, unit: Unit) -> float:
        if unit.level == PROVINCE:
            return 0.1
        renamed = unit.level == DISTRICT and any(self._same_place(unit, other) for other in span.units if other != unit)
        return 0.4 if renamed and not span.kind else 0.2

    def _plausible(self, span: Span, support: float) -> bool:
        """Whether a bare commune name may be a place at all: not a person's, not a common word without a reason."""
        if self._folded:
            return span.located and support > NARROW
        if not span.cased:
            return support > 0
        if span.key[0] in SURNAMES or span.key in COMMON_NAMES:
            return support > NARROW
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
            before, after = bisect_left(positions, span.first), bisect_right(positions, span.first)
            near = [abs(positions[at] - span.first) for at in (before - 1, after) if 0 <= at < len(positions)]
            if near:
                return SUPPORT[level] - 0.1 * min(1.0, min(near) / 500)
        return SUPPORT[level] - 0.1 if name in self._context else 0.0

    def _parent_of_parent(self, unit: Unit) -> str:
        parent = self._names.areas.get(unit.parent)
        return parent.parent if parent else ""

    def _same_place(self, one: Unit, other: Unit) -> bool:
        return one.name in self._names.home(other) or other.name in self._names.home(one)
