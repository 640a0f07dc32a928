"""Vietnamese text: normal form, folding, word tokens, sentences.

Offsets are code points of the text that was given. Stores and models keep the writer's own placement of tone marks;
`fold` is the one folding of the project, used alike by every store.
"""

from __future__ import annotations

import re
import unicodedata

MARKS = "\u0300\u0301\u0302\u0303\u0306\u0309\u031b\u0323"
"""The eight combining marks of the Vietnamese alphabet: five tones, circumflex, breve, horn."""

_FOLDING = {ord(mark): None for mark in MARKS} | {ord("đ"): "d"}
_MARKED_LETTERS = "".join(
    chr(code)
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))
    if len(nfd := unicodedata.normalize("NFD", chr(code))) > 1 and all(mark in MARKS for mark in nfd[1:])
)
_MARKED = re.compile(f"[đĐ{MARKS}{_MARKED_LETTERS}]")
_TOKEN = re.compile(r"[^\W_]+")

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)

_BOUNDARY = re.compile(r"(?P<stop>[.!?…]+)(?P<close>[\"'”’»)\]]*)(?=\s|$)|(?P<paragraph>\n+)")
_LONGEST_WORD = 20
_LAST_WORD = re.compile(r"[\w.]*\w$")
_ABBREVIATION = re.compile(
    "tp|p|q|h|x|t|tt|tx|đ|đk|kp|ts|ths|gs|pgs|bs|ks|cn|nxb|vv|tr|th|st|no|vd|đc|tel|fax|mr|mrs|dr|sđt"
)


def nfc(text: str) -> str:
    """The text in Unicode normal form C, the only form that is stored."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """Lower case without the marks of the Vietnamese alphabet. Example: ``Đất đai`` becomes ``dat dai``."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text.lower()).translate(_FOLDING))


def has_marks(text: str) -> bool:
    """Whether a letter of the text carries a Vietnamese mark or is đ."""
    return not text.isascii() and _MARKED.search(text) is not None


def tokens(text: str) -> list[str]:
    """The words and numbers of the text in NFC and lower case, without punctuation."""
    return _TOKEN.findall(nfc(text).lower())


def strip_controls(text: str) -> str:
    """The text without bidirectional overrides, invisible signs and control characters; tab and newline stay."""
    return _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the sentences, without the white space around them.

    A sentence ends at ``. ! ? …`` before white space and at every new line; not after an abbreviation (TP., ThS.),
    an initial, the number of a list item, nor at dots that a lower-case word follows ("đã biết... bong tróc").
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        if match["paragraph"] or _ends_sentence(text, start, match):
            _add_span(spans, text, start, match.start() if match["paragraph"] else match.end())
            start = match.end()
    _add_span(spans, text, start, len(text))
    return spans


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    if match["stop"] != ".":
        following = text[match.end() : match.end() + 2].strip()[:1]
        return not (following.islower() and match["stop"][0] in ".…")
    tail = text[max(start, match.start() - _LONGEST_WORD) : match.start()]
    word = _LAST_WORD.search(tail)
    if word is None:
        return True
    before = word[0].lower().replace(".", "")
    opens = len(tail) == match.start() - start and not tail[: word.start()].strip()
    return not (
        _ABBREVIATION.fullmatch(before) or (len(before) == 1 and before.isalpha()) or (opens and before.isdigit())
    )


def _add_span(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    part = text[start:end]
    left = start + len(part) - len(part.lstrip())
    right = start + len(part.rstrip())
    if left < right:
        spans.append((left, right))
