"""The words of a text, where they stand, and how they touch."""

from __future__ import annotations

import re

from services.core.areas.names import TOKEN, word_key
from services.core.vietnamese import fold, has_marks

_SPACES = frozenset({" ", "\u00a0", "  "})
_JOINTS = _SPACES | {"", "-", " - ", "- ", " -", "–", " – ", "– ", " –", "'", "’", "‘"}
_SENTENCE_END = re.compile(r"[ .)]*(?:\n|$|thực hiện)")
_BYLINE_END = re.compile(r" ?[-–] ?[^\n]{1,25}(?:\n|$)")
_SENTENCE_SIGNS = frozenset(".!?…:\n\"“”'([")


class Words:
    """A text in NFC as words with their spans and the keys that names are compared by."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.folded = not has_marks(text)
        """Whether the text is written without marks, so that its keys are folded."""
        found = [(match.start(), match.end(), match[0]) for match in TOKEN.finditer(text)]
        self.starts = [start for start, _, _ in found]
        self.ends = [end for _, end, _ in found]
        self.words = [word for _, _, word in found]
        self.keys = [fold(word) if self.folded else word_key(word) for word in self.words]

    def __len__(self) -> int:
        """Number of words."""
        return len(self.words)

    def gap(self, index: int) -> str:
        """What stands between a word and the one before it."""
        return self.text[self.ends[index - 1] : self.starts[index]] if index else self.text[: self.starts[0]]

    def adjacent(self, index: int) -> bool:
        """Whether only a space separates a word from the one before it."""
        return 0 < index < len(self.words) and self.gap(index) in _SPACES

    def joined(self, first: int, last: int) -> bool:
        """Whether the words from `first` to before `last` can be one name: spaces, hyphens, apostrophes between."""
        return all(self.gap(index) in _JOINTS for index in range(first + 1, last))

    def capital(self, index: int) -> bool:
        """Whether a word begins with a capital letter."""
        return self.words[index][0].isupper()

    def acronym(self, index: int) -> bool:
        """Whether a word is all capitals. Example: "UBND"."""
        return len(self.words[index]) > 1 and self.words[index].isupper()

    def shouted(self, first: int, last: int) -> bool:
        """Whether the words and one beside them are all capitals, so that capitals mark nothing."""
        letters = [index for index in range(first, last) if self.words[index].isalpha()]
        if not letters or not all(self.acronym(index) for index in letters):
            return False
        return (first > 0 and self.acronym(first - 1)) or (last < len(self.words) and self.acronym(last))

    def opens_sentence(self, index: int) -> bool:
        """Whether a word is the first of its sentence, line or quotation."""
        gap = self.gap(index)
        return index == 0 or "- " in gap or not _SENTENCE_SIGNS.isdisjoint(gap)

    def is_sentence(self, first: int, last: int) -> bool:
        """Whether the words are a sentence or line of their own, as a byline is."""
        if not self.opens_sentence(first):
            return False
        return _SENTENCE_END.match(self.text, self.ends[last - 1]) is not None

    def is_byline(self, first: int, last: int) -> bool:
        """Whether the words open the short last line of names that signs an article: "THANH HÀ - TR. TÂN"."""
        return self.opens_sentence(first) and _BYLINE_END.match(self.text, self.ends[last - 1]) is not None
