"""A sentence as tokens with their places, in the spelling that PhoBERT knows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_MARKS = "\u0300-\u036f"
_TOKEN = re.compile(
    rf"""
      https?://\S+ | www\.\S+                               # addresses of pages
    | [\w.+-]+@\w[\w-]*(?:\.\w[\w-]*)+                      # addresses of mail
    | \d+(?:[.,/:-]\w+)+                                    # 1.500.000, 12/2024/ND-CP, 7:30
    | (?:[^\W_]|[{_MARKS}])+(?:-(?:[^\W_]|[{_MARKS}])+)*    # words, also with hyphens and combining marks
    | \.{{2,}} | !{{2,}} | \?{{2,}} | -{{2,}}               # runs of one sign
    | \S                                                    # any other sign
    """,
    re.VERBOSE,
)


def _tone_pairs() -> dict[str, str]:
    """The 16 pairs of monosyllabic rhymes whose tone PhoBERT's training text puts on the second vowel."""
    grave, acute, hook, tilde, dot = "\u0300", "\u0301", "\u0309", "\u0303", "\u0323"
    pairs = {}
    for first, second in ("oa", "oe", "uy"):
        for tone in (grave, acute, hook, tilde, dot):
            old = unicodedata.normalize("NFC", first + tone + second)
            pairs[old] = unicodedata.normalize("NFC", first + second + tone)
    return pairs | {"Ủy": "Uỷ"}


TONE_PAIRS = _tone_pairs()
"""Old → new place of the tone. Example: ``òa`` becomes ``oà``, ``ủy`` becomes ``uỷ``."""
_OLD_TONE = re.compile("|".join(TONE_PAIRS))


@dataclass(frozen=True)
class Token:
    """A syllable, number or sign."""

    form: str
    """As the model reads it: NFC, tones moved, without white space."""
    start: int
    """First character in the sentence as it was written, in code points."""
    end: int


class Segmenter(Protocol):
    """Tells which tokens form one word."""

    name: str
    """Name of the setting that chooses it."""

    def joins(self, forms: Sequence[str]) -> list[bool]:
        """Whether each token goes on with the word of the token before it; the first never does."""
        ...


class NoSegmenter:
    """Every token is a word of its own."""

    name = "none"

    def joins(self, forms: Sequence[str]) -> list[bool]:
        """Never."""
        return [False] * len(forms)


def normalise(text: str) -> str:
    """NFC, with the tone of ``òa óe ủy …`` where PhoBERT's training text has it."""
    return _OLD_TONE.sub(lambda match: TONE_PAIRS[match[0]], unicodedata.normalize("NFC", text))


def tokenise(text: str) -> list[Token]:
    """Tokens in the order of the text; nothing but white space lies between them."""
    return [Token(normalise(match[0]), match.start(), match.end()) for match in _TOKEN.finditer(text)]


def words(text: str, segmenter: Segmenter) -> list[Token]:
    """The words of a sentence: syllables of one word are joined by ``_``. Example: ``đất_đai``."""
    tokens = tokenise(text)
    found: list[Token] = []
    for token, goes_on in zip(tokens, segmenter.joins([token.form for token in tokens]), strict=True):
        if goes_on and found:
            last = found[-1]
            found[-1] = Token(f"{last.form}_{token.form}", last.start, token.end)
        else:
            found.append(token)
    return found
