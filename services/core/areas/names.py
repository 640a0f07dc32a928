"""How names of administrative units are written: kinds, abbreviations, two styles of tone marks."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from services.core.vietnamese import fold, nfc

PROVINCE, DISTRICT, COMMUNE = 1, 2, 3
"""Values of `ngoclinh.area.v1.AreaLevel`."""

KINDS: dict[str, tuple[int, ...]] = {
    "tỉnh": (PROVINCE,),
    "thành phố": (PROVINCE, DISTRICT),
    "huyện": (DISTRICT,),
    "quận": (DISTRICT,),
    "thị xã": (DISTRICT,),
    "xã": (COMMUNE,),
    "phường": (COMMUNE,),
    "thị trấn": (COMMUNE,),
    "đặc khu": (COMMUNE,),
}
"""The words that say what a unit is, and the levels they fit."""

ABBREVIATIONS: dict[str, str] = {
    "t": "tỉnh",
    "tp": "thành phố",
    "h": "huyện",
    "q": "quận",
    "tx": "thị xã",
    "x": "xã",
    "p": "phường",
    "tt": "thị trấn",
    "đk": "đặc khu",
}
"""Abbreviations of kinds; see `kinds`."""

TOKEN = re.compile(r"[^\W\d_]+|\d+")
"""A word or a number; "Q1" and "TP.HCM" are two tokens."""

TONES = "\u0300\u0301\u0303\u0309\u0323"
"""The five combining marks of the tones."""


@lru_cache(maxsize=65536)
def word_key(word: str) -> str:
    """A word in the form that names are compared in: lower case, the tone after the letters (hoà and hòa are one)."""
    if word.isascii():
        return word.lower()
    letters = unicodedata.normalize("NFD", word.lower())
    tone = "".join(mark for mark in letters if mark in TONES)
    return unicodedata.normalize("NFC", "".join(mark for mark in letters if mark not in TONES)) + tone


def name_key(name: str) -> tuple[str, ...]:
    """The words of a name as `word_key` writes them."""
    return tuple(word_key(word) for word in TOKEN.findall(nfc(name)))


def folded_key(name: str) -> tuple[str, ...]:
    """The words of a name without marks."""
    return tuple(TOKEN.findall(fold(nfc(name))))


def split_title(title: str) -> tuple[str, str]:
    """Kind and short name. Example: ``Thị trấn Trà My`` gives ``("thị trấn", "Trà My")``."""
    words = title.split()
    for count in (2, 1):
        kind = " ".join(words[:count]).lower()
        if kind in KINDS and len(words) > count:
            return kind, " ".join(words[count:])
    return "", title
