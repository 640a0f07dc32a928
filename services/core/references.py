"""References in texts: land parcels (thửa … tờ bản đồ …) and numbers of documents.

Forms of a parcel: "thửa đất số 123, tờ bản đồ số 5", "thửa số: 88; tờ bản đồ: 3", "tờ 6 thửa 19, 20", "thửa 45/tờ 12",
"TBĐ 04 thửa 210", "các thửa 12, 13 và 15 tờ BĐ số 7", "thửa 12 đến 15"; without marks "thua 34 to 8". Areas
("thửa đất 1.240 m2"), forms ("tờ khai số 3"), letters ("tờ trình số 15") and forest lots (lô, khoảnh, tiểu khu) are
none.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from services.core.areas import Mention, register
from services.core.areas.names import COMMUNE
from services.core.vietnamese import fold, has_marks, nfc, sentences

MAX_RANGE = 200
"""Most parcels that a range such as "thửa 12 đến 15" may stand for; a longer one counts by its two ends."""

NEAR = 40
"""Most characters between parcel and sheet that are quoted as one reference."""

FAR = 1000
"""Characters that a semicolon between parcel and sheet counts for."""

_SPACE, _MAY = r"\s{1,3}", r"\s{0,3}"
_NUMBER = r"\d{1,4}(?:-\d{1,3}(?!\d)|[a-d](?!\w))?"
_DOCUMENT = re.compile(
    r"(?<![\w/.-])(?:\d{1,5}(?:/\d{4})?/(?:[A-ZĐƯ]{2,}\w*(?:\s?[-–]\s?[A-ZĐƯ]\w*)*|[A-ZĐƯ]+(?:-[A-ZĐƯ]\w*)+)"
    r"|\d{1,5}-(?:NQ|CT|KL|QĐ|QC|QyĐ|HD|TB|KH|CV|TTr|BC)/[A-ZĐƯ]{2,}\w*)(?![\w/])"
)
_FORM = re.compile(r"(?:tờ khai|mẫu|biểu mẫu|phiếu|đơn)(?:\s{1,3}số)?\s{0,3}:?\s{0,3}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ParcelRef:
    """A parcel as a text names it."""

    commune: str
    """Name of the commune whose sheet series is meant; empty where the text does not say."""
    sheet: str
    """Number of the map sheet without leading zeros; empty where the text does not say."""
    parcel: str
    """Number of the parcel without leading zeros. Example: "118-1"."""
    text: str
    """The words as they stand in the text."""
    offset: int
    """First code point in the text in NFC."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Numbers of parcels (or of one sheet) that stand together."""

    start: int
    end: int
    numbers: tuple[str, ...]


class _Grammar:
    """The patterns, with words spelled with or without marks."""

    def __init__(self, spell: Callable[[str], str]) -> None:
        def either(words: str) -> str:
            return "|".join(map(spell, words.split()))

        land, sheet, number = spell("thửa"), spell("tờ"), spell("số")
        map_sheet = rf"{spell('bản')}{_MAY}{spell('đồ')}|{spell('bđ')}"
        units = either("m² ha hecta hộ người căn nhà cây tuổi đồng nghìn ngàn triệu tỷ giờ km mét m")
        times = either("năm tháng ngày")
        stop = rf"(?!\w|[.,]\d|/\d|{_MAY}(?:m2|{units}|(?:{times})(?!{_SPACE}\d))\b)"
        item = rf"(?:{_NUMBER}){stop}"
        to_number = rf"{_MAY}:?{_MAY}"
        parcel = rf"{land}(?:{_SPACE}{spell('đất')})?(?:{_SPACE}(?:{spell('mang')}{_SPACE})?{number})?{to_number}"
        joint = rf"{_MAY}(?:,{_MAY}{spell('và')}|[,;+&–-]|{either('và đến tới')}){_MAY}"
        self.parcels = re.compile(
            rf"\b(?P<many>(?:{either('các những hai ba nhiều')}){_SPACE})?(?:{number}{_SPACE})?{parcel}"
            rf"(?P<numbers>{item}(?:{joint}(?:{parcel})?{item})*)",
            re.IGNORECASE,
        )
        self.sheet = re.compile(
            rf"\b(?:{number}{_SPACE})?(?:{sheet}(?:{_SPACE}(?:{map_sheet}))?"
            rf"(?:{_SPACE}{spell('địa')}{_SPACE}{spell('chính')})?|{spell('tbđ')})(?:{_SPACE}{number})?{to_number}"
            rf"(?P<number>\d{{1,4}}){stop}",
            re.IGNORECASE,
        )
        self.piece = re.compile(rf"(?P<joint>\D*)(?P<number>{_NUMBER})", re.IGNORECASE)
        self.range = re.compile(rf"{_MAY}(?:{either('đến tới')}|–|\s-\s){_MAY}(?:{parcel})?", re.IGNORECASE)


_MARKED, _FOLDED = _Grammar(str), _Grammar(fold)


def parcel_references(text: str, mentions: Sequence[Mention], day: date) -> list[ParcelRef]:
    """The parcels that a text of a day names, each once, in the order of the text.

    Args:
        text: running text; offsets refer to its NFC form.
        mentions: the places of the same text, as `services.core.areas.mentions` gives them.
        day: when it was published.
    """
    text = nfc(text)
    communes = _Communes(mentions)
    found: dict[tuple[str, str, str], ParcelRef] = {}
    for line in re.finditer(r"[^\n]+", text):
        sheets = _sheets(line[0], line.start())
        starts = [sheet.start for sheet in sheets]
        for sentence in sentences(line[0]):
            start, end = (line.start() + at for at in sentence)
            parcels = _parcels(text, start, end)
            inside = sheets[bisect_left(starts, start) : bisect_left(starts, end)]
            for group in parcels:
                sheet = _sheet_of(text, group, parcels, inside or _only(sheets))
                first, last = _extent(text, group, sheet)
                commune = communes.meant(group, (start, end), line.span())
                for number in group.numbers:
                    key = (commune, sheet.numbers[0] if sheet else "", number)
                    found.setdefault(key, ParcelRef(*key, text[first:last], first))
    return list(found.values())


def parcel_spans(text: str) -> list[tuple[int, int]]:
    """Where a text in NFC names parcels and sheets, as code point spans."""
    grammar = _grammar(text)
    return [match.span() for pattern in (grammar.parcels, grammar.sheet) for match in pattern.finditer(text)]


def documents(text: str) -> list[str]:
    """The numbers of documents that a text cites, as written, each once. Example: ``101/2024/NĐ-CP``."""
    text = nfc(text)
    return list(dict.fromkeys(text[start:end] for start, end in document_spans(text)))


def document_spans(text: str) -> list[tuple[int, int]]:
    """Where a text in NFC cites documents; numbers of forms (tờ khai số 01/TK-SDDPNN) are none."""
    return [
        match.span()
        for match in _DOCUMENT.finditer(text)
        if not _FORM.search(text, max(0, match.start() - 30), match.start())
    ]


def _grammar(text: str) -> _Grammar:
    return _MARKED if has_marks(text) else _FOLDED


def _parcels(text: str, start: int, end: int) -> list[_Group]:
    grammar = _grammar(text[start:end])
    return [_group(match, grammar) for match in grammar.parcels.finditer(text, start, end)]


def _sheets(line: str, offset: int) -> list[_Group]:
    return [
        _Group(offset + match.start(), offset + match.end(), (_plain(match["number"]),))
        for match in _grammar(line).sheet.finditer(line)
    ]


def _only(sheets: list[_Group]) -> list[_Group]:
    """The sheets of a paragraph if all of them are one sheet: then a parcel of another sentence lies on it too."""
    return sheets[:1] if len({sheet.numbers for sheet in sheets}) == 1 else []


def _group(match: re.Match[str], grammar: _Grammar) -> _Group:
    numbers: list[str] = []
    for piece in grammar.piece.finditer(match["numbers"]):
        first, _, second = piece["number"].partition("-")
        spread = match["many"] and second.isdigit() and int(second) > int(first)
        ends = [first, second] if spread else [piece["number"]]
        if numbers and grammar.range.fullmatch(piece["joint"]):
            ends = [numbers.pop(), *ends]
        numbers += _expand(ends)
    return _Group(match.start(), match.end(), tuple(dict.fromkeys(map(_plain, numbers))))


def _expand(ends: list[str]) -> list[str]:
    if len(ends) == 2 and all(end.isdigit() for end in ends) and 0 < int(ends[1]) - int(ends[0]) < MAX_RANGE:
        return [str(number) for number in range(int(ends[0]), int(ends[1]) + 1)]
    return ends


def _plain(number: str) -> str:
    return number.lstrip("0") or "0"


def _sheet_of(text: str, group: _Group, parcels: list[_Group], sheets: list[_Group]) -> _Group | None:
    """The sheet that belongs to a group: the nearer one, where "và" and above all ";" are far apart.

    At equal distance it is the one on the usual side of this sentence.
    """
    if not sheets:
        return None
    sheet_first = sheets[0].start < parcels[0].start

    def distance(sheet: _Group) -> tuple[int, bool]:
        before = sheet.end <= group.start
        first, last = (sheet.end, group.start) if before else (group.end, sheet.start)
        gap = fold(text[first : min(last, first + FAR)])
        return last - first + NEAR * gap.count(" va ") + FAR * gap.count(";"), before != sheet_first

    at = bisect_left(sheets, group.start, key=lambda sheet: sheet.start)
    return min(sheets[max(0, at - 1) : at + 1], key=distance)


def _extent(text: str, group: _Group, sheet: _Group | None) -> tuple[int, int]:
    start, end = group.start, group.end
    if sheet and max(start, sheet.start) - min(end, sheet.end) <= NEAR:
        start, end = min(start, sheet.start), max(end, sheet.end)
    closes = text[end : end + 1] == ")" and "(" in text[start:end]
    return start, end + closes


class _Communes:
    """The communes that a text names."""

    def __init__(self, mentions: Sequence[Mention]) -> None:
        communes = [mention for mention in mentions if mention.unit.level == COMMUNE]
        self._all = _Line(communes)
        self._old = _Line([mention for mention in communes if mention.unit.edition == 2004])

    def meant(self, group: _Group, sentence: tuple[int, int], paragraph: tuple[int, int]) -> str:
        """The commune whose sheet series is meant: an old one if the text names one nearby, else the one named."""
        old = self._old.nearest(group, sentence) or self._old.nearest(group, paragraph)
        if old:
            return old.unit.name
        named = (
            self._all.nearest(group, sentence) or self._all.nearest(group, paragraph) or self._all.nearest(group, None)
        )
        if named is None:
            return ""
        covered = self._covered_by.get(named.unit.name, set())
        return next(iter(covered)) if len(covered) == 1 else _series(named)

    @cached_property
    def _covered_by(self) -> dict[str, set[str]]:
        """Old communes that the text names, by the communes of today that cover them."""
        found: dict[str, set[str]] = defaultdict(set)
        for mention in self._old.mentions:
            for name in mention.current:
                found[name].add(mention.unit.name)
        return found


class _Line:
    """Mentions by offset."""

    def __init__(self, mentions: Sequence[Mention]) -> None:
        self.mentions = sorted(mentions, key=lambda mention: mention.offset)
        self._offsets = [mention.offset for mention in self.mentions]

    def nearest(self, group: _Group, span: tuple[int, int] | None) -> Mention | None:
        """The mention nearest to a group; within a span of the text where one is given."""
        at = bisect_left(self._offsets, group.start)
        rows = self.mentions[max(0, at - 1) : at + 1]
        return min(
            (row for row in rows if span is None or span[0] <= row.offset < span[1]),
            key=lambda row: row.offset - group.end if row.offset >= group.end else group.start - row.offset,
            default=None,
        )


def _series(mention: Mention) -> str:
    """A commune of today that is one old commune as a whole keeps that one's sheets; otherwise it is itself."""
    unit = mention.unit
    if len(unit.predecessors) == 1:
        old = register().get(unit.predecessors[0])
        if old and old.successors == (unit.name,):
            return old.name
    return unit.name
