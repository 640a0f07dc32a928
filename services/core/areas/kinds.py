"""The kind of unit that stands before a name: "xã", "TP.", "huyện miền núi", "Huyện ủy"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.core.areas.cues import MODIFIERS, OFFICES
from services.core.areas.names import ABBREVIATIONS, KINDS, word_key
from services.core.areas.words import Words
from services.core.vietnamese import fold

_ONE_WORD = {word_key(kind): kind for kind in KINDS if " " not in kind}
_TWO_WORDS = {tuple(map(word_key, kind.split())): kind for kind in KINDS if " " in kind}
_OFFICES = {tuple(map(word_key, words)): kind for words, kind in OFFICES.items()}
_FOLDED_ONE_WORD = {fold(kind): kind for kind in _ONE_WORD.values()}
_FOLDED_TWO_WORDS = {tuple(fold(kind).split()): kind for kind in _TWO_WORDS.values()}
_SPOUSES = frozenset(map(word_key, ("ông", "bà")))
_QUARTER = re.compile(r"[Qq][1-4]\b(?!,? *(?:TP|Tp|tp|T\.P|thành phố))")
_DOTS = frozenset({".", ". ", " ", "\u00a0", ""})


@dataclass(frozen=True, slots=True)
class Kind:
    """What is written before a name."""

    kind: str
    """A key of `KINDS`."""
    first: int
    """Index of the first word of the mention: the kind's, or the name's where an office stands before it."""
    abbreviated: bool = False
    """Whether it is an abbreviation, which counts only for a unit of that very kind."""


def kind_before(words: Words, first: int, floor: int) -> Kind | None:
    """The kind before the name that begins at word `first`, not reaching back before word `floor`."""
    at = _before_modifiers(words, first, floor)
    if at - 2 >= floor and words.adjacent(at) and words.adjacent(at - 1):
        pair = (words.keys[at - 2], words.keys[at - 1])
        kind = (_FOLDED_TWO_WORDS if words.folded else _TWO_WORDS).get(pair)
        if kind:
            return Kind(kind, at - 2)
        if pair in _OFFICES:
            return Kind(_OFFICES[pair], first)
    if at - 1 < floor:
        return None
    key = words.keys[at - 1]
    if key in ABBREVIATIONS:
        return Kind(ABBREVIATIONS[key], at - 1, abbreviated=True) if _abbreviates(words, at) else None
    kind = (_FOLDED_ONE_WORD if words.folded else _ONE_WORD).get(key)
    if kind == "xã" and at - 2 >= floor and words.keys[at - 2] in _SPOUSES:
        return None
    return Kind(kind, at - 1) if kind and words.adjacent(at) else None


def _before_modifiers(words: Words, first: int, floor: int) -> int:
    for size in (2, 1):
        at = first - size
        if at > floor and tuple(words.keys[at:first]) in MODIFIERS and words.adjacent(first):
            return at
    return first


def _abbreviates(words: Words, at: int) -> bool:
    """One letter abbreviates only with a dot (P. Hải Châu), or right before a number (Q1)."""
    gap, word = words.gap(at), words.words[at]
    if gap not in _DOTS or (at > 1 and not words.gap(at - 1)):
        return False
    if len(words.keys[at - 1]) > 1:
        return True
    if word.isdigit():
        return "." in gap or (not gap and not _QUARTER.match(words.text, words.starts[at - 1]))
    return "." in gap and len(word) > 1
