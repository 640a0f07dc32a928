"""Units found while a name is being typed: the query begins at a word of a name, of today or of before."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
from heapq import nsmallest
from operator import itemgetter
from typing import NamedTuple

from services.core.areas.names import DISTRICT, KINDS, TONES, folded_key, name_key, split_title
from services.core.areas.register import Unit, register
from services.core.vietnamese import fold, has_marks, nfc

LIMIT = 20
"""Most units that a search gives where no other number is asked for."""

Key = tuple[str, ...]

_WHOLE, _BEGINNING, _WORD = range(3)
"""How a query fits a name, best first: it is the whole name, the name begins so, it begins at a later word."""
_KINDS = frozenset(map(fold, KINDS))
_LAST = "\U0010ffff"


class Match(NamedTuple):
    """A unit that was found."""

    unit: Unit
    former: Unit | None
    """The unit of the edition before by whose name it was found; None where its own name fits."""


class _Name(NamedTuple):
    """One name by which a unit is found."""

    place: int
    """Where the unit stands among all, in the order of their own names."""
    match: Match
    kind: str
    """Its kind, folded: "xa"."""
    words: Key
    """Its words without the kind, as `name_key` writes them."""


class _Start(NamedTuple):
    """A name from one of its words on."""

    text: str
    """These words, folded, with blanks between them."""
    word: int
    name: _Name


def search(query: str, edition: int, level: int = 0, parent: str = "", limit: int = LIMIT) -> list[Match]:
    """The units of an edition with a name in which the query begins at a word; its last word may be incomplete.

    A query without any mark is compared without marks, one with a mark exactly. It may begin with the kind of the unit.
    Beside its title a unit is found by its code, and a unit of today by the titles of the units that went into it: the
    five communes of the former district Nam Trà My by its name. A whole name may be followed by words of the units above.

    Args:
        query: a name, or the beginning of one.
        edition: year of the register.
        level: `ngoclinh.area.v1.AreaLevel`; 0 means every level.
        parent: name of a unit above, however far; empty means anywhere.
        limit: most units.

    Returns:
        First the units of this name, then those whose name begins so, then those in which a later word does; within
        each, own names before former ones, in the order of the units' names.
    """
    query = nfc(query)
    folded, exact = folded_key(query), name_key(query) if has_marks(query) else ()
    best: dict[str, tuple[tuple[int, bool, int], Match]] = {}
    for kind, first in _kinds(folded):
        for fit, start in _fitting(folded[first:], edition):
            place, match, of_kind, words = start.name
            unit, former = match
            if level not in (0, unit.level) or (kind and (start.word or kind != of_kind)):
                continue
            if _spelled(words[start.word :], exact[first:]) and _lies_in(unit, parent):
                found = ((fit, former is not None, place), match)
                best[unit.name] = min(best.get(unit.name, found), found, key=itemgetter(0))
    return [match for _, match in nsmallest(limit, best.values(), key=itemgetter(0))]


def _kinds(query: Key) -> Iterator[tuple[str, int]]:
    """The kinds that the first words of a query may be, none too, and the word at which the name begins."""
    yield "", 0
    for count in (1, 2):
        kind = " ".join(query[:count])
        if kind in _KINDS and len(query) > count:
            yield kind, count


def _fitting(query: Key, edition: int) -> Iterator[tuple[int, _Start]]:
    """What the words of a query fit, without marks: the beginning of a name, or a whole one and units above it."""
    text = " ".join(query)
    for start in _between(edition, text, text + _LAST) if query else ():
        yield (_WORD if start.word else _WHOLE if start.text == text else _BEGINNING), start
    for count in range(1, len(query)):
        text = " ".join(query[:count])
        for start in _between(edition, text, text + " "):
            if not start.word and _all_begin(_words_above(start.name.match), query[count:]):
                yield _WHOLE, start


def _between(edition: int, first: str, last: str) -> list[_Start]:
    texts, starts = _index(edition)
    return starts[bisect_left(texts, first) : bisect_left(texts, last)]


def _spelled(words: Key, query: Key) -> bool:
    """Whether words begin as a query with marks does; one without, which is empty here, was compared already.

    Of a query that goes on with units above, the words of the name are looked at.
    """
    return all(
        _begins(word, wanted) if at == len(query) - 1 else word == wanted
        for at, (word, wanted) in enumerate(zip(words, query, strict=False))
    )


def _begins(word: str, start: str) -> bool:
    """Whether a word begins so, both as `word_key` writes them.

    The tone may be typed last ("nă" begins "nẵng"), but a whole word has the tone it has ("ma" is not "má").
    """
    letters = start.rstrip(TONES)
    tone = start[len(letters) :]
    return word == start or (
        word.startswith(letters) and (word.endswith(tone) if tone else len(word.rstrip(TONES)) > len(letters))
    )


def _all_begin(words: Key, query: Key) -> bool:
    return all(any(word.startswith(wanted) for word in words) for wanted in query)


def _lies_in(unit: Unit, parent: str) -> bool:
    return not parent or any(above.name == parent for above in register().above(unit.name))


def _words_above(match: Match) -> Key:
    units = [above for unit in match if unit for above in register().above(unit.name)]
    return folded_key(" ".join(unit.title for unit in units))


@lru_cache(maxsize=2)
def _index(edition: int) -> tuple[list[str], list[_Start]]:
    """Every name of every unit of an edition from each of its words on, in the order of the texts, which come apart."""
    units = sorted(register().units(edition), key=lambda unit: (fold(unit.short_name), unit.name))
    found = (start for place, unit in enumerate(units) for start in _starts(place, unit))
    starts = sorted(found, key=lambda start: start.text)
    return [start.text for start in starts], starts


def _starts(place: int, unit: Unit) -> Iterator[_Start]:
    own = ((None, title) for title in (unit.title, *unit.aliases, unit.code))
    before = ((former, former.title) for former in _formers(unit))
    for former, title in (*own, *before):
        kind, short_name = split_title(title)
        name = _Name(place, Match(unit, former), fold(kind), name_key(short_name))
        folded = folded_key(short_name)
        for word in range(len(folded)):
            yield _Start(" ".join(folded[word:]), word, name)


def _formers(unit: Unit) -> Iterable[Unit]:
    """The units of the edition before that went into a unit, wholly or in part, and the districts of the communes."""
    areas = register()
    merged = [former for name in unit.predecessors if (former := areas.get(name))]
    districts = (each for former in merged for each in areas.above(former.name) if each.level == DISTRICT)
    return dict.fromkeys((*merged, *districts))
