"""Tokens of Vietnamese text at the speed of bytes: one byte for each letter.

In lower case Vietnamese has 67 letters beyond ASCII; with those, ASCII and the signs of newspapers fit into one byte each.
In such bytes one table drops the marks of a whole text, and another leaves its words.
"""

from __future__ import annotations

import codecs
import unicodedata

from services.core.vietnamese import fold

_TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
_LETTERS = {unicodedata.normalize("NFC", vowel + tone) for vowel in "aăâeêioôơuưy" for tone in _TONES} | {"đ"}
_SIGNS = "\u00a0“”‘’„‚«»‹›–—‑…•·°±×÷§©®™€→←■●▪◆★✓"
_ASCII = "".join(map(chr, range(128)))
_UNDEFINED = "\ufffe"
CHARACTERS = _ASCII + "".join(sorted(letter for letter in _LETTERS if not letter.isascii())) + _SIGNS
"""The characters that have a byte, by that byte."""

_ENCODING = codecs.charmap_build(CHARACTERS.ljust(256, _UNDEFINED))
_ALL = CHARACTERS.ljust(256)
_WORDS = bytes(code if letter.isalnum() else ord(" ") for code, letter in enumerate(_ALL))
_FOLDED = bytes(ord(fold(letter)) if letter.isalnum() else ord(" ") for letter in _ALL)


def encoded(text: str) -> bytes | None:
    """The text in lower case, one byte for each character; None where a character has no byte."""
    try:
        return codecs.charmap_encode(text.lower(), "strict", _ENCODING)[0]
    except UnicodeEncodeError:
        return None


def words(text: bytes) -> list[bytes]:
    """The words and numbers of an encoded text, as `services.core.vietnamese.tokens` finds them."""
    return text.translate(_WORDS).split()


def folded(text: bytes) -> bytes:
    """The words and numbers of an encoded text without marks, in ASCII, between blanks."""
    return text.translate(_FOLDED)


def decoded(text: bytes) -> str:
    """The characters of an encoded text."""
    return "".join(map(CHARACTERS.__getitem__, text))
