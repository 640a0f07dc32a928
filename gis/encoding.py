"""Text of before Unicode, repaired value by value: TCVN3 (ABC), VNI, code page 1258, and Unicode in decomposed form.

A reader gives the bytes of such text one to one as Latin-1. Whether a value is such text is told by what it would read:
every marked word of the repaired value must be spelled as a Vietnamese syllable, and the value as it stands must not. Text
that reads well as it is never changes: ASCII, Latin text of other languages, Unicode.

Tables: TCVN 5712:1993 (VN3), VNI for Windows, code page 1258.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gis.syllables import is_syllable
from services.core.vietnamese import fold, nfc

TCVN3, VNI, CP1258, DECOMPOSED = "TCVN3 (ABC)", "VNI", "Windows-1258", "Unicode NFD"

ENOUGH = 2
"""Evidence from which a value is repaired without a look at the rest of its column."""

AGREEMENT = 0.9
"""Share of the certain values of a column that one encoding must have to decide about the others."""


@dataclass(frozen=True)
class Repair:
    """What was done to a value of a column."""

    records: tuple[int, ...]
    """Records that have the value."""
    column: str
    """Name of the column."""
    before: str
    """The value as it stood."""
    after: str
    """The value as it reads."""
    encoding: str
    """What it was written in: `TCVN3`, `VNI`, `CP1258` or `DECOMPOSED`."""


@dataclass(frozen=True)
class _Reading:
    """A value read in an encoding."""

    text: str
    encoding: str
    evidence: int


_TCVN3 = dict(
    zip(
        "¡¢£¤¥¦§¨©ª«¬\u00ad®µ¶·¸¹»¼½¾ÆÇÈÉÊËÌÎÏÐÑÒÓÔÕÖ×ØÜÝÞßáâãäåæçèéêëìíîïñòóôõö÷øùúûüýþ",
        "ĂÂÊÔƠƯĐăâêôơưđàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ",
        strict=True,
    )
)
_SIGNS = frozenset("²³°–—…“”‘’")
"""Signs that no byte of the old code pages stands for in the middle of a word."""

_VNI_TONES = {"ø": "\u0300", "ù": "\u0301", "û": "\u0309", "õ": "\u0303", "ï": "\u0323"}
_VNI_CIRCUMFLEX = {"â": "", "à": "\u0300", "á": "\u0301", "å": "\u0309", "ã": "\u0303", "ä": "\u0323"}
_VNI_BREVE = {"ê": "", "è": "\u0300", "é": "\u0301", "ú": "\u0309", "ü": "\u0303", "ë": "\u0323"}
_VNI_SINGLE = {"ñ": "đ", "ô": "ơ", "ö": "ư", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "ì": "ì", "í": "í", "î": "ỵ"}


def _vni_pairs() -> dict[str, str]:
    pairs = {base + mark: letter + tone for base, letter in _vni_bases() for mark, tone in _VNI_TONES.items()}
    pairs |= {base + mark: f"{base}\u0302{tone}" for base in "aeo" for mark, tone in _VNI_CIRCUMFLEX.items()}
    pairs |= {f"a{mark}": f"a\u0306{tone}" for mark, tone in _VNI_BREVE.items()}
    pairs |= _VNI_SINGLE
    pairs |= {key.upper(): value.upper() for key, value in pairs.items()}
    pairs |= {key[0].upper() + key[1:]: value[0].upper() + value[1:] for key, value in pairs.items() if len(key) == 2}
    return {key: unicodedata.normalize("NFC", value) for key, value in pairs.items()}


def _vni_bases() -> list[tuple[str, str]]:
    return [*((letter, letter) for letter in "aeouy"), ("ô", "ơ"), ("ö", "ư")]


_VNI = _vni_pairs()
_VNI_UNIT = re.compile("|".join(sorted(map(re.escape, _VNI), key=len, reverse=True)))
_VNI_SURE = re.compile(r"(?i)[aeouyôö][øùûõ]")
_CP1258_MARKS = {"Ì": "\u0300", "Ò": "\u0309", "Þ": "\u0303", "ì": "\u0301", "ò": "\u0323"}
_CP1258_LETTERS = {"Ã": "Ă", "ã": "ă", "Ð": "Đ", "ð": "đ", "Õ": "Ơ", "õ": "ơ", "Ý": "Ư", "ý": "ư"}
_CP1258_SURE = re.compile(r"(?i:[aeiouyâêôãõý])[ÌÒÞìò]")
_WORD = re.compile(r"[A-Za-z¡-¯±´-ÿ]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_TCVN3_SURE = re.compile(r"[A-Za-z][¡-¯±´-¿]|[a-z¡-¯±´-¿][À-Þ]|[A-Z][À-Þ][a-zß-ÿ]|^[®§].")
_NAMES = re.compile(r"^(?:ten|diachi|diadanh|xudong|chu|thon|khupho|topho|xa|phuong|huyen|tinh)")


def repair(text: str) -> str:
    """A value as it reads, by itself; itself where nothing is wrong or nothing is certain."""
    reading = _read(text)
    return text if reading is None or reading.evidence < ENOUGH else reading.text


def repair_column(values: Sequence[str], name: str) -> list[Repair]:
    """What has to be done to the values of a column; where a value alone is not certain, the others decide.

    They decide where nearly all certain ones are in one encoding and none is in Unicode beyond Latin-1. A column of names in
    lower case throughout was written in a capital font of TCVN3 (``.VnTimeH``), whose bytes are those of lower case: it
    becomes upper case.

    Args:
        values: the column, text as read.
        name: its name.

    Returns:
        one entry for each distinct value that changes, in the order of their first record.
    """
    records: dict[str, list[int]] = {}
    for record, value in enumerate(values):
        if not value.isascii():
            records.setdefault(value, []).append(record)
    readings = {value: reading for value in records if (reading := _read(value)) is not None}
    agreed = "" if any(max(value) > "\xff" for value in records) else _agreed(readings.values())
    chosen = {
        value: one for value, one in readings.items() if one.evidence >= ENOUGH or (agreed and one.encoding == agreed)
    }
    shout = agreed == TCVN3 and len(chosen) > 1 and _is_of_names(name) and not any(map(_has_capital, chosen))
    return [
        Repair(tuple(records[value]), name, value, one.text.upper() if shout else one.text, one.encoding)
        for value, one in chosen.items()
    ]


def spellings(text: str) -> list[str]:
    """A text as it stands and as each encoding reads it: for whoever knows which words to expect."""
    return [nfc(text), *dict.fromkeys((_decode_tcvn3(text), _decode_vni(text), _decode_cp1258(text)))]


def _agreed(readings: Iterable[_Reading]) -> str:
    """The encoding of nearly all values that are certain; "" where they do not agree."""
    sure = Counter(one.encoding for one in readings if one.evidence >= ENOUGH)
    encoding, count = next(iter(sure.most_common(1)), ("", 0))
    return encoding if count >= AGREEMENT * sure.total() else ""


def _read(text: str) -> _Reading | None:
    """The one reading of a value that makes sense; None where it stays as it is."""
    if text.isascii():
        return None
    if max(text) > "\xff" and not set(text) <= _SIGNS | set(map(chr, range(256))):
        composed = nfc(text)
        return None if composed == text else _Reading(composed, DECOMPOSED, ENOUGH)
    if _reads_well(text) and not any(map(_TCVN3_SURE.search, _WORD.findall(text))):
        return None
    readings = [reading for decode in (_tcvn3, _vni, _cp1258) if (reading := decode(text)) is not None]
    readings.sort(key=lambda reading: -reading.evidence)
    if not readings or (len(readings) > 1 and readings[0].evidence == readings[1].evidence):
        return None
    return readings[0]


def _reads_well(text: str, mistakes: int = 0) -> bool:
    """Whether the marked words of a text are Vietnamese syllables, but for some."""
    marked = [word for word in _LETTERS.findall(text) if not word.isascii()]
    wrong = sum(not is_syllable(word) for word in marked)
    return bool(marked) and wrong <= (mistakes if len(marked) >= 4 else 0)


def _tcvn3(text: str) -> _Reading | None:
    if any(sign > "\x7f" and sign not in _TCVN3 and sign not in _SIGNS and sign != "\xa0" for sign in text):
        return None
    decoded = _decode_tcvn3(text)
    return _weighed(_WORD.findall(text), _with_capitals(text, decoded), TCVN3, _tcvn3_evidence)


def _tcvn3_evidence(word: str) -> int:
    """Signs and capitals where no language has them: ``Trµ``, ``ThÞ``, ``®Êt``."""
    return min(len(word) - 1, ENOUGH) if _TCVN3_SURE.search(word) else 0


def _vni(text: str) -> _Reading | None:
    decoded = _decode_vni(text)
    return None if decoded == text else _weighed(_LETTERS.findall(text), decoded, VNI, _vni_evidence)


def _vni_evidence(word: str) -> int:
    """A tone after its vowel: ``Traø``; other pairs (``Seán``, ``Thaï``) occur in other languages and count half."""
    pairs = [unit for unit in _VNI_UNIT.findall(word) if len(unit) == 2]
    return ENOUGH if len(word) > 2 and _VNI_SURE.search(word) else min(len(pairs), 1)


def _cp1258(text: str) -> _Reading | None:
    decoded = _decode_cp1258(text)
    return None if decoded == text else _weighed(_LETTERS.findall(text), decoded, CP1258, _cp1258_evidence)


def _cp1258_evidence(word: str) -> int:
    """A tone after its vowel: ``maòt``."""
    return ENOUGH if len(word) > 2 and _CP1258_SURE.search(word) else 0


def _decode_tcvn3(text: str) -> str:
    return "".join(_TCVN3.get(sign, sign) for sign in text)


def _decode_vni(text: str) -> str:
    return _VNI_UNIT.sub(lambda unit: _VNI[unit[0]], text)


def _decode_cp1258(text: str) -> str:
    return nfc("".join(_CP1258_MARKS.get(sign, _CP1258_LETTERS.get(sign, sign)) for sign in text))


def _weighed(words: list[str], decoded: str, encoding: str, evidence: Callable[[str], int]) -> _Reading | None:
    if not _reads_well(decoded, mistakes=1):
        return None
    distinct = {word.lower(): word for word in words}.values()
    return _Reading(decoded, encoding, sum(map(evidence, distinct)))


def _with_capitals(text: str, decoded: str) -> str:
    """Capital letters that TCVN3 does not have: ``TRÇN`` reads TRẦN, and ``B¸c ¸i`` Bác Ái among capitalised words."""
    plain = re.findall(r"[A-Za-z]+", text)
    if any(len(word) > 1 for word in plain) and all(map(str.isupper, plain)):
        return decoded.upper()
    words = _LETTERS.findall(decoded)
    lower = [word for word in words if not word[0].isupper()]
    if len(lower) < len(words) and all(not word[0].isascii() and word[0] not in _LOWER_ONLY for word in lower):
        return _LETTERS.sub(lambda word: word[0][0].upper() + word[0][1:], decoded)
    return decoded


_LOWER_ONLY = frozenset("ăâêôơưđ")
"""Letters whose capitals TCVN3 has."""


def _has_capital(text: str) -> bool:
    return any("A" <= sign <= "Z" or "¡" <= sign <= "§" for sign in text)


def _is_of_names(column: str) -> bool:
    return bool(_NAMES.match(re.sub(r"[^a-z]", "", fold(column))))
