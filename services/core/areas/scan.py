"""Find where a text may name units: one pass over its words, longest name first."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.core.areas.cues import COORDINATION, LOCATIVE, NOT_PLACES, NOT_SMALL_PLACES, SURNAMES
from services.core.areas.gazetteer import Gazetteer, Key
from services.core.areas.kinds import Kind, kind_before
from services.core.areas.names import KINDS, PROVINCE, folded_key, split_title
from services.core.areas.register import Unit
from services.core.areas.words import Words

_FOLDED_LOCATIVE = frozenset(folded_key("ở tại trên dưới lên xuống vào ra về đến tới từ qua thuộc giữa sang"))


@dataclass(slots=True)
class Span:
    """A part of the text that matches a name."""

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
    """Kind of unit as written, or as a list before it says; empty for a bare name."""
    explicit: bool
    """Whether the kind stands right before the name."""
    cased: bool
    """Whether capital letters mark it as a name."""
    located: bool
    """Whether a word such as "ở" or "lên" stands before it."""
    units: tuple[Unit, ...]
    edition: int = 0
    """The edition that the words around it ask for; 0 where they do not."""
    above: Span | None = field(default=None, repr=False)
    """The next span where it may name a unit above this one."""
    below: Span | None = field(default=None, repr=False)
    """The span before where this one may name a unit above it."""

    @property
    def bare(self) -> bool:
        """Whether neither a kind nor a list says what it is."""
        return not self.kind


class Scan:
    """The words of a text and the spans that match names, in the order of the text."""

    def __init__(self, text: str, names: Gazetteer, *, lenient: bool = False) -> None:
        """Scan a text in NFC; `lenient` takes names however they are written, for short queries."""
        self.text = text
        self.words = Words(text)
        self._names = names.folded if self.words.folded else names.exact
        self._locative = _FOLDED_LOCATIVE if self.words.folded else LOCATIVE
        self._lenient = lenient
        self.spans: list[Span] = []
        position = 0
        while position < len(self.words):
            lengths = self._names.lengths(self.words.keys[position])
            position = self._match(position, lengths) if lengths else position + 1

    def _match(self, first: int, lengths: tuple[int, ...]) -> int:
        """Add the longest acceptable name at a word; returns the word to go on with."""
        words = self.words
        before = self.spans[-1] if self.spans else None
        kind = kind_before(words, first, before.last if before else 0)
        if not (kind or self._lenient or words.folded or words.capital(first) or self._located(first)):
            return first + 1
        for length in lengths:
            last = first + length
            key = tuple(words.keys[first:last])
            if last > len(words) or key not in self._names or not words.joined(first, last):
                continue
            units = self._names.get(key)
            if not units:
                return last
            span = self._span(first, last, kind, before, units)
            if span.units and (self._lenient_accepts(span) if self._lenient else self._accepts(span)):
                self.spans.append(span)
                return last
        return first + 1

    def _span(self, first: int, last: int, kind: Kind | None, before: Span | None, units: tuple[Unit, ...]) -> Span:
        words = self.words
        inherited = ""
        if kind:
            units = tuple(unit for unit in units if _fits(unit, kind))
        elif before and before.kind and COORDINATION.fullmatch(self.text, before.end, words.starts[first]):
            inherited = before.kind
        return Span(
            first=first,
            last=last,
            start=words.starts[kind.first if kind else first],
            end=words.ends[last - 1],
            key=tuple(words.keys[first:last]),
            kind=kind.kind if kind else inherited,
            explicit=kind is not None,
            cased=all(not words.words[index].isalpha() or words.capital(index) for index in range(first, last))
            and not words.shouted(first, last),
            located=self._located(first),
            units=units,
        )

    def _lenient_accepts(self, span: Span) -> bool:
        return span.explicit or not span.key[0].isdigit()

    def _accepts(self, span: Span) -> bool:
        if len(span.key) == 1 and not self._accepts_short(span):
            return False
        if not span.explicit and not self._names_a_place(span):
            return False
        if span.cased:
            return self._ends_here(span)
        specific = self.words.folded and len(span.key) > 2
        return span.explicit or span.located or specific or self.words.shouted(span.first, span.last)

    def _accepts_short(self, span: Span) -> bool:
        """One word is a name after its kind; alone only that of a province: "Huế", "TPHCM"."""
        if span.explicit:
            return span.key[0].isdigit() or (self.words.capital(span.first) and not self.words.folded)
        return any(unit.level == PROVINCE for unit in span.units) and self.words.capital(span.first)

    def _ends_here(self, span: Span) -> bool:
        """Whether no longer name goes on: a capital may follow only as a person's name or another place."""
        words, last = self.words, span.last
        if not words.adjacent(last) or not words.capital(last) or words.acronym(last) or words.keys[last] in SURNAMES:
            return True
        return span.explicit and bool(self._names.lengths(words.keys[last]))

    def _names_a_place(self, span: Span) -> bool:
        """Whether a name without a kind is no part of a longer one, no byline, and not that of a thing or person."""
        words, first = self.words, span.first
        small = all(unit.level != PROVINCE for unit in span.units)
        if words.is_sentence(first, span.last) or (small and words.is_byline(first, span.last)):
            return False
        if not words.adjacent(first):
            return not (first and words.words[first - 1].lower() == "ảnh" and ":" in words.gap(first))
        before = words.keys[first - 1]
        if before in NOT_PLACES or (small and (before in NOT_SMALL_PLACES or self._house_number(first - 1))):
            return False
        if not words.capital(first - 1) or before in self._locative:
            return True
        if words.acronym(first - 1):
            return not words.shouted(first, span.last) or before not in SURNAMES
        return words.opens_sentence(first - 1) and before not in SURNAMES

    def _house_number(self, index: int) -> bool:
        """Whether a word is the number of a house: "236 Bình Lợi", "57A Cửa Đông"."""
        word = self.words.words[index]
        if len(word) == 1 and word.isalpha() and index and not self.words.gap(index):
            word = self.words.words[index - 1]
        return word.isdigit() and not 1900 <= int(word) < 2100

    def _located(self, first: int) -> bool:
        return self.words.adjacent(first) and self.words.keys[first - 1] in self._locative


def _fits(unit: Unit, kind: Kind) -> bool:
    if kind.abbreviated and kind.kind != "thành phố":
        return any(split_title(title)[0] == kind.kind for title in (unit.title, *unit.aliases))
    return unit.level in KINDS[kind.kind]
