"""Which unit a name means: scores from its form, the day, the words around it, the rest of the text, the context."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from services.core.areas.cues import COMMON_NAMES, SURNAMES
from services.core.areas.gazetteer import Gazetteer, Key
from services.core.areas.names import COMMUNE, DISTRICT, KINDS, PROVINCE, split_title
from services.core.areas.register import Unit
from services.core.areas.scan import Span
from services.core.clock import REFORM_DATE, edition_on

FORESIGHT = timedelta(days=183)
"""How long before the reform texts already name the units to come."""

BARE = {PROVINCE: 0.75, DISTRICT: 0.45, COMMUNE: 0.35}
SUPPORT = {PROVINCE: 0.25, DISTRICT: 0.45, COMMUNE: 0.45}
"""Score of a bare name by its level; what a mention or context of a unit nearby adds, by the level of that unit."""

SURE = 0.6
"""Least score of a mention that supports others."""

NARROW = 0.3
"""Support above this comes from a district or commune, not from a province alone."""


CHAINED = 0.6
"""What an address adds: the unit above stands right behind, or the unit below right before."""

RELATED = 0.3
"""What an address adds that names a unit of the other edition above; one that names another place takes as much."""

SAME_SENSE = 0.3
"""What it adds that the same name stands with its kind elsewhere in the text."""

EVERY = (PROVINCE, DISTRICT, COMMUNE)

CLUSTER = 3
"""Different names of communes of one district that make each other likely."""

NAMESAKE = 0.2
"""What it adds to a commune with the name of a province that its own district or neighbours stand in the text."""

FAR = 500
"""Distance in words from which a mention supports no more than the context does."""

RIVAL = 0.1
"""Candidates whose scores lie closer than this cannot be told apart."""


class Judge:
    """Scores the units that a span may mean, with what the rest of the text and the context say."""

    def __init__(
        self, names: Gazetteer, day: date, context: Iterable[str] = (), *, folded: bool = False, lenient: bool = False
    ) -> None:
        """Judge names in a text of a day.

        Args:
            names: the gazetteer.
            day: when the text was written.
            context: names of areas that the text is about, as far as is known beforehand.
            folded: whether the text is written without marks.
            lenient: whether every name is a place, as in a short query.
        """
        self._names = names
        self._edition = edition_on(day)
        self._foresees = REFORM_DATE - FORESIGHT <= day < REFORM_DATE
        self._folded = folded
        self._lenient = lenient
        self._context: dict[str, int] = {}
        for name in context:
            self._context.update(names.surroundings(name))
        self._anchors: dict[str, list[int]] = {}
        self._senses: dict[tuple[Key, str], set[int]] = defaultdict(set)

    def learn(self, spans: list[Span]) -> None:
        """Take what the certain spans say about where the text plays: provinces and districts first, then the rest."""
        wide = [span for span in spans if span.explicit or all(unit.level != COMMUNE for unit in span.units)]
        for part, levels in ((wide, (PROVINCE, DISTRICT)), (spans, EVERY)):
            sure = [(span, unit) for span in part for unit, score in [self.best(span)] if unit and score >= SURE]
            anchors: dict[str, set[int]] = defaultdict(set)
            for span, unit in sure:
                if unit.level in levels:
                    for name in self._names.surroundings(unit.name):
                        anchors[name].add(span.first)
                    if span.explicit:
                        self._senses[span.key, unit.name].add(span.first)
            if levels == EVERY:
                for name, positions in self._clusters(spans).items():
                    anchors[name] |= positions
            self._anchors = {name: sorted(positions) for name, positions in anchors.items()}

    def _clusters(self, spans: list[Span]) -> dict[str, set[int]]:
        """Districts of which the text names several communes: these vouch for each other without a kind."""
        found: dict[str, dict[Key, int]] = defaultdict(dict)
        for span in spans:
            if span.cased and span.key not in COMMON_NAMES and span.key[0] not in SURNAMES:
                for name in {name for unit in span.units for name, level in self._home(unit) if level == DISTRICT}:
                    found[name][span.key] = span.first
        return {name: set(keys.values()) for name, keys in found.items() if len(keys) >= CLUSTER}

    def best(self, span: Span) -> tuple[Unit | None, float]:
        """The unit that a span most likely means, and how sure that is."""
        ranked = self.rank(span)
        if not ranked:
            return None, 0.0
        best, unit = ranked[0]
        rivals = [other for score, other in ranked if score > best - RIVAL and not self._same_place(unit, other)]
        return unit, min(1.0, best) / (1 + len(rivals))

    def rank(self, span: Span) -> list[tuple[float, Unit]]:
        """All units that a span may mean with their scores, best first."""
        units = [unit for unit in span.units if self._allowed(span, unit)]
        if any(unit.edition == span.edition for unit in units):
            units = [unit for unit in units if unit.edition == span.edition]
        scored = [(self._score(span, unit), unit) for unit in units]
        return sorted(scored, key=lambda row: (-row[0], row[1].edition != self._edition, row[1].name))

    def _allowed(self, span: Span, unit: Unit) -> bool:
        if unit.edition == 2025 and self._edition == 2004:
            only = all(other.edition == 2025 for other in span.units)
            return only if self._lenient else self._foresees and (only or span.edition == 2025)
        if span.explicit:
            return True
        if span.kind and unit.level > max(KINDS[span.kind]):
            return False
        return unit.level != DISTRICT or span.above is not None or not _shares_name_with_province(span)

    def _score(self, span: Span, unit: Unit) -> float:
        chain = self._chain(span, unit)
        positions = self._senses.get((span.key, unit.name), set())
        sense = SAME_SENSE * (len(positions) > (span.first in positions))
        support = max((self._nearness(name, level, span.first) for name, level in self._home(unit)), default=0.0)
        if not self._lenient and not self._plausible(span, unit, support, proof=chain + sense > 0):
            return 0.0
        score = self._form(span, unit) + chain + sense + support
        if unit.level == COMMUNE and not span.kind and support > NARROW and _shares_name_with_province(span):
            score += NAMESAKE
        if unit.edition not in (self._edition, span.edition):
            score -= self._past(span, unit)
        return score

    def _plausible(self, span: Span, unit: Unit, support: float, *, proof: bool) -> bool:
        """Whether a name that no kind introduces, or without capitals, may be this unit at all.

        Not a person's name, not a common word, not the namesake of a province without a reason of its own.
        """
        common = span.key in COMMON_NAMES and not self._folded
        if span.kind:
            return span.cased or not common
        if unit.level == PROVINCE:
            return True
        if common:
            return support > NARROW or proof
        if unit.level == DISTRICT:
            return True
        if self._folded:
            return (span.located or len(span.key) > 2) and support > NARROW
        if span.key[0] in SURNAMES:
            return proof
        if not span.cased or _shares_name_with_province(span):
            return support > NARROW
        return proof or support > 0 or span.located

    def _form(self, span: Span, unit: Unit) -> float:
        if span.explicit:
            score = 0.75 if split_title(unit.title)[0] == span.kind else 0.65
        elif span.kind and unit.level in KINDS[span.kind]:
            score = 0.6
        else:
            score = 0.75 if self._lenient else BARE[unit.level] + 0.2 * span.located
        return score - 0.1 * (self._folded or not (span.cased or self._lenient))

    def _past(self, span: Span, unit: Unit) -> float:
        """What speaks against a unit of the other edition; most against a district when a commune took its name."""
        if unit.level == PROVINCE:
            return 0.1
        heirs = (other for other in span.units if other.edition != unit.edition and self._same_place(unit, other))
        return 0.4 if unit.level == DISTRICT and not span.explicit and any(heirs) else 0.2

    def _chain(self, span: Span, unit: Unit) -> float:
        above = {other.name for other in span.above.units} if span.above else set()
        if not above.isdisjoint(self._ancestors(unit)):
            return CHAINED
        if span.below and any(unit.name in self._ancestors(other) for other in span.below.units):
            return CHAINED
        if not above.isdisjoint(self._names.home(unit)):
            return RELATED
        return -RELATED if span.above and span.above.explicit else 0.0

    def _nearness(self, name: str, level: int, position: int) -> float:
        positions = self._anchors.get(name, ())
        before, after = bisect_left(positions, position), bisect_right(positions, position)
        near = [abs(positions[at] - position) for at in (before - 1, after) if 0 <= at < len(positions)]
        if near:
            return SUPPORT[level] - 0.1 * min(1.0, min(near) / FAR)
        return SUPPORT[level] - 0.1 if name in self._context else 0.0

    def _home(self, unit: Unit) -> Iterable[tuple[str, int]]:
        return self._names.home(unit).items()

    def _ancestors(self, unit: Unit) -> tuple[str, ...]:
        parent = self._names.areas.get(unit.parent) if unit.parent else None
        return (parent.name, parent.parent) if parent else ()

    def _same_place(self, one: Unit, other: Unit) -> bool:
        return one.name in self._names.home(other) or other.name in self._names.home(one)


def _shares_name_with_province(span: Span) -> bool:
    return any(unit.level == PROVINCE for unit in span.units)
