"""What a search query means, the same for every store: words, phrases, with or without marks; excerpts around a hit.

A text is indexed as two sequences of tokens: exact ones keep the marks, folded ones drop them. A query with a mark
anywhere is compared exactly, one without is compared folded: ``dat dai`` finds "đất đai", ``đất đai`` does not find
"Đạt". Where a writer puts the tone of a syllable (``hoà`` or ``hòa``) makes no difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ngoclinh.media.v1.article_pb2 import Article

from services.core.letters import decoded, encoded, folded, words
from services.core.vietnamese import fold, has_marks, nfc, tokens

EXCERPT_LENGTH = 300
"""Most characters of an excerpt."""

_LEAD_IN = 80
_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")
_PART = re.compile(r'["“”]([^"“”]*)["“”]|([^\s"“”]+)')
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Query:
    """A query as tokens.

    Args:
        exact: compare with marks.
        phrases: each a sequence of tokens that must follow each other; all must occur.
    """

    exact: bool
    phrases: tuple[tuple[str, ...], ...]

    def key(self, word: str) -> str:
        """The token of a word of a text as this query compares it."""
        return exact_token(word) if self.exact else _folded_token(word)


def parse(text: str) -> Query | None:
    """The query in `text`, or None where it is blank; one without any word has no phrases and finds nothing.

    Words in quotes, and words joined by signs (``101/2024/NĐ-CP``), are phrases. Nothing else has a meaning of its own.
    """
    if not text.strip():
        return None
    exact = has_marks(nfc(text))
    index = exact_tokens if exact else folded_tokens
    phrases = (tuple(index(quoted or plain)) for quoted, plain in _PART.findall(text))
    return Query(exact, tuple(dict.fromkeys(phrase for phrase in phrases if phrase)))


def exact_tokens(text: str) -> list[str]:
    """Tokens of a text with marks."""
    return [exact_token(word) for word in tokens(text)]


def folded_tokens(text: str) -> list[str]:
    """Tokens of a text without marks."""
    return [_folded_token(word) for word in tokens(text)]


@lru_cache(maxsize=100_000)
def exact_token(word: str) -> str:
    """A word in lower case with the tone of each syllable moved to the end: ``Hoà`` and ``hòa`` become the same."""
    parts = unicodedata.normalize("NFD", word.lower())
    letters = "".join(part for part in parts if part not in _TONES)
    return unicodedata.normalize("NFC", letters) + "".join(part for part in parts if part in _TONES)


def exact_and_folded(text: str) -> tuple[bytes, bytes]:
    """Both sequences of tokens of a text in UTF-8, separated by blanks, for stores that index them so."""
    letters = encoded(text)
    if letters is not None:
        return b" ".join(map(_EXACT.__getitem__, words(letters))), folded(letters)
    found = tokens(text)
    return " ".join(map(exact_token, found)).encode(), " ".join(map(_folded_token, found)).encode()


def shown_time(article: Article) -> int:
    """When it was published, else collected, in microseconds since 1970 UTC: what articles are sorted and filtered by."""
    for field in ("publish_time", "first_collect_time", "collect_time"):
        if article.HasField(field):
            return int(getattr(article, field).ToMicroseconds())
    return 0


def excerpt(texts: Sequence[str], query: Query | None = None) -> str:
    """At most 300 characters of the first of `texts` with a hit, around it; else of the start of the first that is not empty.

    White space is written as one blank, and an ellipsis stands where text is left out.
    """
    if query is not None:
        for text in map(_plain, texts):
            hit = _first_hit(text, query)
            if hit is not None:
                return _cut(text, hit)
    for text in texts:
        start = _plain(text[: EXCERPT_LENGTH + 50])
        plain = start if len(start) > EXCERPT_LENGTH else _plain(text)
        if plain:
            return _cut(plain, 0)
    return ""


@lru_cache(maxsize=100_000)
def _folded_token(word: str) -> str:
    return fold(word)


class _Exact(dict[bytes, bytes]):
    """The exact tokens, in UTF-8, of words that were seen before, as `services.core.letters` encodes them."""

    def __missing__(self, word: bytes) -> bytes:
        made = exact_token(decoded(word)).encode()
        if len(word) <= _LONGEST_WORD:
            if len(self) >= _MOST_WORDS:
                self.clear()
            self[word] = made
        return made


_LONGEST_WORD = 60
_MOST_WORDS = 200_000
_EXACT = _Exact()


def _plain(text: str) -> str:
    return " ".join(nfc(text).split())


def _first_hit(text: str, query: Query) -> int | None:
    """Where the first phrase of the query begins; of several phrases the one that stands first in the query counts."""
    words = [(match.start(), query.key(match[0])) for match in _WORD.finditer(text)]
    keys = [key for _, key in words]
    for phrase in query.phrases:
        for at in _positions(keys, phrase[0]):
            if tuple(keys[at : at + len(phrase)]) == phrase:
                return words[at][0]
    return None


def _positions(keys: list[str], key: str) -> Iterator[int]:
    at = -1
    try:
        while True:
            at = keys.index(key, at + 1)
            yield at
    except ValueError:
        return


def _cut(text: str, hit: int) -> str:
    """The part of `text` around position `hit`, cut between words where they are short enough."""
    if len(text) <= EXCERPT_LENGTH:
        return text
    room = EXCERPT_LENGTH - 2
    start = max(0, min(hit - _LEAD_IN, len(text) - room))
    end = start + room
    if start > 0:
        blank = text.find(" ", start, hit)
        start = blank + 1 if blank >= 0 else start
    if end < len(text):
        blank = text.rfind(" ", hit + 1, end)
        end = blank if blank > start else end
    return ("…" if start > 0 else "") + text[start:end].strip() + ("…" if end < len(text) else "")
