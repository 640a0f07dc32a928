"""RDRSegmenter's word segmentation: longest words of a vocabulary first, then rules with exceptions correct the result.

Nguyen, Nguyen, Vu, Dras, Johnson, "A Fast and Accurate Vietnamese Word Segmenter", LREC 2018. PhoBERT's training text
was segmented with it. The rules and the vocabulary are data of others under a licence of their own: they are read from
a folder that the operator names, and are no part of this product.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.core.errors import InputError
from services.sentiment.phobert.javadata import Malformed, static_sets, string_set

RULES, VOCABULARY, NAMES = "wordsegmenter.rdr", "vi-vocab", "Vocabulary.class"
LONGEST = 4
"""Syllables of the longest word that is looked up, or of a name."""
MAX_NAMES_BYTES = 4_000_000
_BRACKETS = ("LBKT", "RBKT")
_SLOTS = {
    name: slot
    for slot, name in enumerate(
        (
            "tag",
            "word",
            "prevTag1",
            "prevWord1",
            "prevTag2",
            "prevWord2",
            "nextTag1",
            "nextWord1",
            "nextTag2",
            "nextWord2",
        )
    )
}
_CONDITION = re.compile(r'object\.(\w+) == "(.*?)"(?= and |$)')
_RULE = re.compile(r'^(\t*)(.+?) : object\.conclusion = "(\w+)"\s*$')

Context = tuple[str, ...]
"""Tag and word here, before, two before, after, two after: the order of `_SLOTS`."""


@dataclass
class Rule:
    """If all conditions hold, the tag is `conclusion`, unless an exception says otherwise."""

    conditions: tuple[tuple[int, str], ...]
    """Slots of the context and what they must hold."""
    conclusion: str
    exceptions: list[Rule] = field(default_factory=list)
    index: dict[tuple[int, str], list[tuple[int, Rule]]] = field(default_factory=dict)
    """Exceptions by their first condition, each with its place in the order."""
    slots: tuple[int, ...] = ()
    """Slots that first conditions of the exceptions look at."""

    def close(self) -> None:
        """Index the exceptions, once all are known."""
        for place, rule in enumerate(self.exceptions):
            self.index.setdefault(rule.conditions[0], []).append((place, rule))
            rule.close()
        self.slots = tuple({slot for slot, _ in self.index})

    def exception(self, context: Context) -> Rule | None:
        """The first exception whose conditions hold."""
        found, best = None, len(self.exceptions)
        for slot in self.slots:
            for place, rule in self.index.get((slot, context[slot]), ()):
                if place >= best:
                    break
                if all(context[other] == value for other, value in rule.conditions):
                    found, best = rule, place
                    break
        return found


class Rdr:
    """The segmenter.

    Args:
        root: the tree of rules; the root itself says nothing.
        words: the vocabulary, in lower case, syllables parted by a blank.
        names: sets of names of places, people and companies, by the names that RDRSegmenter gives them; may be empty.
    """

    name = "rdr"

    def __init__(self, root: Rule, words: frozenset[str], names: Mapping[str, frozenset[str]]) -> None:
        self._root = root
        self._known = words.union(names.get("VN_LOCATIONS", ()), names.get("COUNTRY_L_NAME", ()))
        self._alone = frozenset().union(
            names.get("VN_FIRST_SENT_WORDS", ()), names.get("COUNTRY_S_NAME", ()), names.get("WORLD_COMPANY", ())
        )
        self._middle = names.get("VN_MIDDLE_NAMES", frozenset())
        self._family = names.get("VN_FAMILY_NAMES", frozenset())

    @classmethod
    def read(cls, folder: Path) -> Rdr:
        """The segmenter of a folder with `wordsegmenter.rdr`, `vi-vocab` and, for names, a jar of it.

        Raises:
            InputError: a file is absent or damaged.
        """
        path = folder / RULES
        try:
            root = parse(path.read_text("utf-8"))
            path = folder / VOCABULARY
            words = string_set(path.read_bytes())
            names: Mapping[str, frozenset[str]] = {}
            for path in sorted(folder.glob("*.jar")):
                names = names or _names(path)
        except (OSError, ValueError, zipfile.BadZipFile, IndexError) as error:
            raise _unusable(path) from error
        return cls(root, words, names)

    def joins(self, forms: Sequence[str]) -> list[bool]:
        """Whether each token goes on with the word of the token before it; the first never does."""
        lowered = [form.lower() for form in forms]
        tags = self._first_guess(forms, lowered)
        tag = ["<T>", "<T>", *tags, "<T>", "<T>"]
        word = ["<W>", "<W>", *lowered, "<W>", "<W>"]
        found = []
        for i in range(2, len(tags) + 2):
            context = (
                *(tag[i], word[i], tag[i - 1], word[i - 1], tag[i - 2], word[i - 2]),
                *(tag[i + 1], word[i + 1], tag[i + 2], word[i + 2]),
            )
            rule, conclusion = self._root.exception(context), tag[i]
            while rule is not None:
                conclusion, rule = rule.conclusion, rule.exception(context)
            found.append(conclusion != "B" and i > 2)
        return found

    def _first_guess(self, forms: Sequence[str], lowered: Sequence[str]) -> list[str]:
        """B where a word begins, I within it: the longest known word, else a run of capitalised syllables."""
        tags: list[str] = []
        while len(tags) < len(forms):
            start = len(tags)
            form = forms[start]
            length = 1
            if _letters(form) and not (form[0].islower() and _upper_follows(forms, start)):
                length = self._known_length(lowered, start) or self._name_length(forms, lowered, start)
            tags += ["B", *["I"] * (length - 1)]
            if length > 1 and self._goes_on(forms, lowered, start, length):
                tags[start] = "I"
        return tags

    def _known_length(self, lowered: Sequence[str], start: int) -> int:
        for end in range(min(start + LONGEST, len(lowered)), start + 1, -1):
            if " ".join(lowered[start:end]) in self._known:
                return end - start
        return 0

    def _name_length(self, forms: Sequence[str], lowered: Sequence[str], start: int) -> int:
        form = forms[start]
        if lowered[start] in self._alone or form[0].islower() or all(sign.isupper() for sign in form):
            return 1
        end = start + 1
        while end < min(start + LONGEST, len(forms)):
            following = forms[end]
            if following[0].islower() or not _letters(following) or following in _BRACKETS:
                break
            end += 1
        return end - start

    def _goes_on(self, forms: Sequence[str], lowered: Sequence[str], start: int, length: int) -> bool:
        """Whether a name goes on from the family name before it: its first syllable is a middle name."""
        return (
            start > 0
            and lowered[start] in self._middle
            and forms[start - 1][0].isupper()
            and lowered[start - 1] in self._family
            and self._known_length(lowered, start) == 0
        )


def parse(text: str) -> Rule:
    """The tree of a file of rules: one a line, exceptions one tab deeper than what they are exceptions to.

    Raises:
        ValueError: a line is no rule.
    """
    root = Rule((), "")
    above = [root]
    for line in text.splitlines():
        match = _RULE.match(line)
        if match is None:
            if line.strip():
                raise ValueError(line)
            continue
        depth = len(match[1])
        if depth == 0:
            continue  # the root: always true
        conditions = tuple((_SLOTS[name], _value(name, value)) for name, value in _CONDITION.findall(match[2]))
        if not conditions or depth > len(above):
            raise ValueError(line)
        rule = Rule(conditions, match[3])
        above[depth - 1].exceptions.append(rule)
        above[depth:] = [rule]
    root.close()
    return root


def _value(name: str, value: str) -> str:
    """What a slot must hold; the empty string stands for what lies beyond the sentence."""
    return value or ("<W>" if name.lower().endswith(("word", "word1", "word2")) else "<T>")


def _letters(form: str) -> bool:
    return all(sign.isalpha() and sign < "\U00010000" for sign in form)


def _upper_follows(forms: Sequence[str], place: int) -> bool:
    return place + 1 < len(forms) and forms[place + 1][0].isupper()


def _names(path: Path) -> dict[str, frozenset[str]]:
    with zipfile.ZipFile(path) as jar:
        for entry in jar.infolist():
            if entry.filename.endswith(f"/{NAMES}") and entry.file_size <= MAX_NAMES_BYTES:
                return static_sets(jar.read(entry))
    raise Malformed(f"no {NAMES}")


def _unusable(path: Path) -> InputError:
    return InputError(
        f"Thiếu tệp {path.name} của RDRSegmenter hoặc tệp không dùng được, trong {path.parent} (sentiment.segmenter_dir).",
        f"{path.name} of RDRSegmenter is absent from {path.parent}, or cannot be used (sentiment.segmenter_dir).",
        {"file": str(path)},
    )
