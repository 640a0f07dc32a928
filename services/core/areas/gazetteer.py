"""Names of units as keys of words, and where each unit belongs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache

from services.core.areas.cues import PHRASES
from services.core.areas.names import COMMUNE, DISTRICT, PROVINCE, folded_key, name_key, split_title
from services.core.areas.register import Register, Unit, register

Key = tuple[str, ...]


class Names:
    """Units by the words of their short names, in one spelling."""

    def __init__(self, units: Iterable[Unit], key_of: Callable[[str], Key]) -> None:
        found: dict[Key, list[Unit]] = defaultdict(list, {key_of(phrase): [] for phrase in PHRASES})
        for unit in units:
            for short_name in dict.fromkeys((unit.short_name, *(split_title(alias)[1] for alias in unit.aliases))):
                found[key_of(short_name)].append(unit)
        self._units = {key: tuple(dict.fromkeys(units)) for key, units in found.items()}
        lengths: dict[str, set[int]] = defaultdict(set)
        for key in self._units:
            lengths[key[0]].add(len(key))
        self._lengths = {word: tuple(sorted(sizes, reverse=True)) for word, sizes in lengths.items()}

    def __contains__(self, key: Key) -> bool:
        """Whether a name is known; one that is known to be no place has no units."""
        return key in self._units

    def lengths(self, word: str) -> tuple[int, ...]:
        """Numbers of words, longest first, of the names that begin with a word."""
        return self._lengths.get(word, ())

    def get(self, key: Key) -> tuple[Unit, ...]:
        """The units with a name, in the order of their resource names."""
        return self._units.get(key, ())


class Gazetteer:
    """All names in both spellings, and the surroundings of every unit."""

    def __init__(self, areas: Register) -> None:
        self.areas = areas
        self.exact = Names(areas, name_key)
        self.folded = Names(areas, folded_key)
        self._homes: dict[str, dict[str, int]] = {}

    def home(self, unit: Unit) -> dict[str, int]:
        """Names of the units that a unit belongs with, in both editions, with their levels.

        For a commune: itself, its counterparts in the other edition, and the districts and provinces of all of them.
        """
        found = self._homes.get(unit.name)
        if found is None:
            found = self._homes[unit.name] = self._home(unit)
        return found

    def _home(self, unit: Unit) -> dict[str, int]:
        found: dict[str, int] = {}
        related = [unit.name, *unit.predecessors]
        related += unit.successors if unit.level != DISTRICT else ()
        for name in related:
            above = self.areas.get(name)
            while above is not None:
                found[above.name] = above.level
                if above.level == PROVINCE:
                    found.update(dict.fromkeys(above.successors, PROVINCE))
                above = self.areas.get(above.parent) if above.parent else None
        return found

    def surroundings(self, name: str) -> dict[str, int]:
        """What the mention of a unit makes likely: the unit with its home, and the communes that cover a district."""
        unit = self.areas.get(name)
        if unit is None:
            return {}
        found = dict(self.home(unit))
        if unit.level == DISTRICT:
            found.update(dict.fromkeys(unit.successors, COMMUNE))
        return found


@lru_cache(maxsize=1)
def gazetteer() -> Gazetteer:
    """The gazetteer of the package's register, built once."""
    return Gazetteer(register())
