"""Find where a text may name units: one pass over its words, longest name first."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.core.areas.cues import COORDINATION, LOCATIVE, MODIFIERS, NOT_PLACES, OFFICES, SURNAMES
from services.core.areas.gazetteer import Gazetteer, Key, Names
from services.core.areas.names import ABBREVIATIONS, KINDS, TOKEN, folded_key, word_key
from services.core.areas.register import Unit
from services.core.vietnamese import fold, has_marks

_JOINTS = frozenset({" ", "-", " - ", "–", " – ", "'", "’", "‘", "\u00a0", "  ", ". ", "."})
_ONE_WORD_KINDS = {word_key(kind): kind for kind in KINDS if " " not in kind and kind not in ABBREVIATIONS}
_TWO_WORD_KINDS = {tuple(map(word_key, kind.split())): kind for kind in KINDS if " " in kind}
_OFFICES = {tuple(map(word_key, words)): kind for words, kind in OFFICES.items()}
_CITY_CODES = frozenset({"hcm", "tphcm"})


@dataclass(slots=True)
class Span:
    """A place in the text that matches a name."""

    first: int
    """Index of the first word of the name."""
    last: int
    """Index after the last word of the name."""
    start: int
    """First character, the kind included."""
    end: int
    """Character after the last one."""
    key: Key
    kind: str
    """Kind of unit as written or inherited from the list before it; empty for a bare name."""
    inherited: bool
    cased: bool
    """Whether capital letters mark it as a name."""
    located: bool
    """Whether a word such as "ở" or "lên" stands before it."""
    units: tuple[Unit, ...]
    edition: int = 0
    """The edition that the words around it ask for; 0 where they do not."""
    above: Span | None = field(default=None, repr=False)
    """The next span where it names a unit above this one."""


class Scan:
    """The words of a text and the spans that match names."""

    def __init__(self, text: str, names: Gazetteer, *, lenient: bool = False) -> None:
        """Scan a text in NFC; `lenient` takes bare names however they are written, for short queries."""
        self.text = text
        self.folded = not has_marks(text)
        self._names: Names = names.folded if self.folded else names.exact
        self._lenient = lenient
        found = [(match.start(), match.end(), match[0]) for match in TOKEN.finditer(text)]
        self.starts = [start for start, _, _ in found]
        self.ends = [end for _, end, _ in found]
        self.words = [word for _, _, word in found]
        self.keys = [fold(word) if self.folded else word_key(word) for word in self.words]
        self.spans = self._find()

    def _find(self) -> list[Span]:
        spans: list[Span] = []
        position = 0
        while position < len(self.keys):
            span = None
            lengths = self._names.lengths(self.keys[position])
            if lengths:
                span = self._match(position, lengths, spans[-1] if spans else None)
            if span is not None:
                spans.append(span)
                position = span.last
            else:
                position += 1
        return spans

    def _match(self, first: int, lengths: tuple[int, ...], before: Span | None) -> Span | None:
        capital = self.words[first][0].isupper()
        kind, kind_first = self._kind(first, before.last if before else 0)
        if not (capital or kind or self.folded or self._lenient or self._located(first)):
            return None
        inherited = False
        if not kind and before is not None and before.kind and before.end <= self.starts[first]:
            gap = self.text[before.end : self.starts[first]]
            inherited = COORDINATION.fullmatch(gap) is not None
        for length in lengths:
            last = first + length
            units = self._names.get(tuple(self.keys[first:last])) if last <= len(self.keys) else ()
            if not units or not self._joined(first, last):
                continue
            span = self._span(first, last, kind or (before.kind if inherited and before else ""), kind_first, units)
            span.inherited = inherited
            if self._acceptable(span):
                return span
        return None

    def _span(self, first: int, last: int, kind: str, kind_first: int, units: tuple[Unit, ...]) -> Span:
        words = self.words[first:last]
        cased = all(word[0].isupper() or not word[0].isalpha() for word in words) and not self._shouted(first, last)
        fitting = tuple(unit for unit in units if not kind or unit.level in KINDS[kind])
        return Span(
            first=first,
            last=last,
            start=self.starts[kind_first],
            end=self.ends[last - 1],
            key=tuple(self.keys[first:last]),
            kind=kind,
            inherited=False,
            cased=cased,
            located=self._located(first),
            units=fitting,
        )

    def _acceptable(self, span: Span) -> bool:
        if not span.units:
            return False
        explicit = bool(span.kind) and not span.inherited
        if self._lenient:
            return True
        if not explicit and len(span.key) == 1 and not (span.cased and any(unit.level == 1 for unit in span.units)):
            return span.key[0] in _CITY_CODES
        if len(span.key) == 1 and (self.folded or not span.cased) and not span.key[0].isdigit():
            return False
        if not span.cased:
            return explicit or span.located or self._shouted(span.first, span.last)
        return self._stands_alone(span, explicit)

    def _stands_alone(self, span: Span, explicit: bool) -> bool:
        """Whether a capitalised name is no part of a longer one and not the name of a thing called after a place."""
        if span.last < len(self.words) and self._adjacent(span.last):
            following = self.words[span.last]
            longer = following[0].isupper() and not following.isupper() and self.keys[span.last] not in SURNAMES
            if longer and not (explicit and self._names.lengths(self.keys[span.last])):
                return False
        if explicit or span.first == 0 or not self._adjacent(span.first):
            return True
        before, key = self.words[span.first - 1], self.keys[span.first - 1]
        if key in NOT_PLACES:
            return False
        return not before[0].isupper() or before.isupper() or key in LOCATIVE or self._opens_sentence(span.first - 1)

    def _kind(self, first: int, floor: int) -> tuple[str, int]:
        """The kind before a name and the index of its first word; ("", first) where there is none."""
        at = first
        for size in (2, 1):
            if (
                at - size > floor
                and tuple(self.keys[at - size : at]) in MODIFIERS
                and not self.words[at - 1][0].isupper()
            ):
                at -= size
                break
        if at - 2 >= floor and self._adjacent(at - 1):
            pair = (self.keys[at - 2], self.keys[at - 1])
            if self._near(at):
                if pair in _TWO_WORD_KINDS:
                    return _TWO_WORD_KINDS[pair], at - 2
                if pair in _OFFICES:
                    return _OFFICES[pair], first
                if self.folded and pair in _FOLDED_PAIRS:
                    return _FOLDED_PAIRS[pair], at - 2
        if at - 1 >= floor:
            kind = self._one_word_kind(at - 1, at)
            if kind:
                return kind, at - 1
        return "", first

    def _one_word_kind(self, index: int, at: int) -> str:
        key, gap = self.keys[index], self.text[self.ends[index] : self.starts[at]]
        if gap.strip(" \u00a0") in {"", "."} and key in ABBREVIATIONS:
            if len(key) > 1 or "." in gap or (not gap and self.words[at].isdigit()):
                return ABBREVIATIONS[key]
            return ""
        if gap.isspace() and "\n" not in gap:
            table = _FOLDED_WORDS if self.folded else _ONE_WORD_KINDS
            return table.get(key, "")
        return ""

    def _joined(self, first: int, last: int) -> bool:
        return all(
            self.text[self.ends[index] : self.starts[index + 1]] in _JOINTS or self._touching(index)
            for index in range(first, last - 1)
        )

    def _touching(self, index: int) -> bool:
        return self.ends[index] == self.starts[index + 1]

    def _adjacent(self, index: int) -> bool:
        """Whether only a space separates a word from the one before it."""
        return index > 0 and self.text[self.ends[index - 1] : self.starts[index]] in {" ", "\u00a0", "  "}

    def _near(self, index: int) -> bool:
        return self.text[self.ends[index - 1] : self.starts[index]] in {" ", "\u00a0", "  ", ". ", "."}

    def _located(self, first: int) -> bool:
        return self._adjacent(first) and self.keys[first - 1] in (_FOLDED_LOCATIVE if self.folded else LOCATIVE)

    def _shouted(self, first: int, last: int) -> bool:
        """Whether the name and a word beside it are all capitals, so that capitals mark nothing."""
        if not all(word.isupper() and len(word) > 1 for word in self.words[first:last] if word.isalpha()):
            return False
        beside = self.words[max(first - 1, 0) : first] + self.words[last : last + 1]
        return any(word.isupper() and len(word) > 1 for word in beside)

    def _opens_sentence(self, index: int) -> bool:
        if index == 0:
            return True
        gap = self.text[self.ends[index - 1] : self.starts[index]]
        return any(sign in gap for sign in ".!?…:\n\"“'([") or "- " in gap


_FOLDED_WORDS = {fold(kind): kind for kind in _ONE_WORD_KINDS.values()}
_FOLDED_PAIRS = {tuple(fold(kind).split()): kind for kind in _TWO_WORD_KINDS.values()}
_FOLDED_LOCATIVE = frozenset(folded_key("ở tại trên dưới lên xuống vào ra về đến tới từ qua thuộc giữa sang"))
