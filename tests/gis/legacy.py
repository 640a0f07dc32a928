"""Vietnamese text as programs of before Unicode wrote it: each byte one Latin-1 character, as readers give it."""

from __future__ import annotations

import unicodedata

from gis import encoding

_TONES = "\u0300\u0301\u0303\u0309\u0323"
_TCVN3 = {letter: sign for sign, letter in encoding._TCVN3.items()}
_TCVN3 |= {letter.upper(): sign for letter, sign in _TCVN3.items() if letter.upper() not in _TCVN3}
_VNI = {letter: unit for unit, letter in reversed(encoding._VNI.items())}


def tcvn3(text: str) -> str:
    """In TCVN3, which has no capitals with tones."""
    return "".join(_TCVN3.get(letter, letter) for letter in text)


def vni(text: str) -> str:
    """In VNI for Windows."""
    return "".join(_VNI.get(letter, letter) for letter in text)


def cp1258(text: str) -> str:
    """In code page 1258: letters with circumflex, breve and horn, then the tone."""
    parts = []
    for letter in text:
        decomposed = unicodedata.normalize("NFD", letter)
        tone = "".join(mark for mark in decomposed if mark in _TONES)
        plain = unicodedata.normalize("NFC", "".join(mark for mark in decomposed if mark not in _TONES))
        parts.append((plain + tone).encode("cp1258").decode("latin-1"))
    return "".join(parts)


def nfd(text: str) -> str:
    """In decomposed Unicode."""
    return unicodedata.normalize("NFD", text)
