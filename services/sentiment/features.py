"""Text to buckets: hashed word and character n-grams, and counts of concepts, for many sentences at once.

Every sentence gives three sets of buckets, each bucket once:

* words: 1- and 2-grams of the words, as written and folded, with marks for start and end of the sentence;
* characters: 2- to 5-grams inside words and across at most their borders;
* concepts: for each concept of `vocabulary.toml`, whether it occurs once, twice, three times, four times or more.

N-grams are kept as hashes only, so that no text can be read out of weights over them. All arithmetic is on integers of
fixed width: the buckets are the same on every machine and whatever else is in the batch.
"""

from __future__ import annotations

import re
import tomllib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.vietnamese import fold, nfc

WORD_BITS = 15
CHAR_BITS = 16
CHAR_SIZES = (2, 3, 4, 5)
CONCEPT_STEPS = 4
START, END = "\x02", "\x03"

Hashes = NDArray[np.uint32]
Ints = NDArray[np.int64]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_REPEATED = re.compile(r"(\D)\1{2,}")
_DIGIT = re.compile(r"[1-9]")
_OLD_TONES = ["oà", "oá", "oả", "oã", "oạ", "oè", "oé", "oẻ", "oẽ", "oẹ", "uỳ", "uý", "uỷ", "uỹ", "uỵ"]
_NEW_TONES = ["òa", "óa", "ỏa", "õa", "ọa", "òe", "óe", "ỏe", "õe", "ọe", "ùy", "úy", "ủy", "ũy", "ụy"]
_TONES = dict(zip(_OLD_TONES, _NEW_TONES, strict=True))
_OLD_TONE = re.compile(rf"(?<!q)({'|'.join(_OLD_TONES)})\b")
_SIZE_SEEDS = {size: np.uint32(size * 0x9E3779B1 & 0xFFFFFFFF) for size in CHAR_SIZES}
_STEP = np.uint32(0x01000193)


@dataclass(frozen=True)
class Vocabulary:
    """Words that the features know: short forms with what they stand for, concepts with their phrases."""

    short_forms: Mapping[str, str]
    concepts: tuple[str, ...]
    phrases: Hashes
    """Hashes of all phrases, sorted."""
    members: NDArray[np.bool_]
    """Which concepts a phrase belongs to, (phrases, concepts)."""
    longest: int
    """Words in the longest phrase."""


@dataclass(frozen=True)
class Bags:
    """Buckets of one kind for a run of sentences: those of sentence i are `buckets[starts[i]:starts[i + 1]]`."""

    buckets: Ints
    starts: Ints

    @property
    def counts(self) -> Ints:
        """Buckets of each sentence."""
        return np.diff(self.starts)


KINDS = ("words", "characters", "concepts")


def table_rows() -> int:
    """Rows that a table of weights needs: one a bucket, of all three kinds."""
    return (1 << WORD_BITS) + (1 << CHAR_BITS) + len(vocabulary().concepts) * CONCEPT_STEPS


def extract(sentences: Sequence[str]) -> tuple[Bags, Bags, Bags]:
    """Buckets of words, characters and concepts of each sentence; an empty sentence has none."""
    words = [normal_words(sentence) for sentence in sentences]
    return _word_bags(words), _character_bags(words), _concept_bags(words)


def normal_words(text: str) -> list[str]:
    """Words and signs of a text in the one spelling that features see.

    NFC, lower case, new placement of tone marks (hoà is hòa), short forms written out (ko is không), digits as 0,
    a sign that stands three times or more in a row only once.
    """
    text = _OLD_TONE.sub(_new_tone, _DIGIT.sub("0", nfc(text).lower()))
    text = _REPEATED.sub(r"\1", text)
    short = vocabulary().short_forms
    words = _TOKEN.findall(text)
    if short.keys().isdisjoint(words):
        return words
    return [part for word in words for part in (short[word].split(" ") if word in short else (word,))]


def _new_tone(match: re.Match[str]) -> str:
    return _TONES[match[1]]


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary of the package, read once."""
    tree: dict[str, Any] = tomllib.loads(resources.files(__package__).joinpath("vocabulary.toml").read_text("utf-8"))
    concepts = tuple(tree["concepts"])
    owners: dict[int, set[int]] = {}
    longest = 1
    for number, listed in enumerate(tree["concepts"].values()):
        for phrase in (part.split() for part in listed.split(",")):
            longest = max(longest, len(phrase))
            spellings = [phrase] if len(phrase) == 1 else [phrase, fold(" ".join(phrase)).split(" ")]
            for spelling in spellings:
                owners.setdefault(int(_phrase_hash(spelling)), set()).add(number)
    members = np.zeros((len(owners), len(concepts)), dtype=np.bool_)
    for row, key in enumerate(sorted(owners)):
        members[row, list(owners[key])] = True
    return Vocabulary(
        short_forms={short: standard for standard, listed in tree["short_forms"].items() for short in listed.split()},
        concepts=concepts,
        phrases=np.array(sorted(owners), dtype=np.uint32),
        members=members,
        longest=longest,
    )


def mix(values: Hashes) -> Hashes:
    """Scatter the bits of 32-bit values (a bijection), so that any part of them makes a bucket."""
    out = values ^ (values >> np.uint32(16))
    out *= np.uint32(0x7FEB352D)
    out ^= out >> np.uint32(15)
    out *= np.uint32(0x846CA68B)
    out ^= out >> np.uint32(16)
    return out


def _crc(words: Sequence[str]) -> Hashes:
    known = {word: zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in set(words)}
    return np.fromiter(map(known.__getitem__, words), dtype=np.uint32, count=len(words))


def _phrase_hash(words: Sequence[str]) -> np.uint32:
    hashes = _crc(words)
    found = hashes[:1]
    for following in hashes[1:]:
        found = mix(found) + following
    return np.uint32(found[0])


def _word_bags(words: Sequence[list[str]]) -> Bags:
    marked = [word for sentence in words for word in (START, *sentence, END)]
    folded = fold(" ".join(marked)).split(" ")
    owners = np.repeat(np.arange(len(words)), [len(sentence) + 2 for sentence in words])
    inside = owners[:-1] == owners[1:]
    grams, rows = [], []
    for hashes in (_crc(marked), _crc(folded)):
        pairs = mix(hashes[:-1]) + hashes[1:]
        grams += [hashes, pairs[inside]]
        rows += [owners, owners[:-1][inside]]
    filled = np.array([bool(sentence) for sentence in words], dtype=np.bool_)
    row, gram = np.concatenate(rows), mix(np.concatenate(grams))
    kept = filled[row] if len(words) else filled
    return _bags(row[kept], gram[kept] >> np.uint32(32 - WORD_BITS), len(words), 0)


def _character_bags(words: Sequence[list[str]]) -> Bags:
    lines = [f" {' '.join(sentence)} " if sentence else "" for sentence in words]
    codes = np.frombuffer("".join(lines).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    owners = np.repeat(np.arange(len(words)), [len(line) for line in lines])
    spaces = np.concatenate([[0], np.cumsum(codes == ord(" "))])
    grams, rows = [], []
    hashes = codes
    for size in CHAR_SIZES:
        last = len(codes) - size + 1
        if last <= 0:
            break
        hashes = hashes[:last] * _STEP + codes[size - 1 :]
        inner = spaces[size - 1 : size - 1 + last] - spaces[1 : 1 + last]
        kept = (inner == 0) & (owners[:last] == owners[size - 1 :])
        grams.append(hashes[kept] + _SIZE_SEEDS[size])
        rows.append(owners[:last][kept])
    if not grams:
        return _bags(np.zeros(0, np.int64), np.zeros(0, np.uint32), len(words), 0)
    gram = mix(np.concatenate(grams)) >> np.uint32(32 - CHAR_BITS)
    return _bags(np.concatenate(rows), gram, len(words), 1 << WORD_BITS)


def _concept_bags(words: Sequence[list[str]]) -> Bags:
    known = vocabulary()
    owners = np.repeat(np.arange(len(words)), [len(sentence) for sentence in words])
    first = _crc([word for sentence in words for word in sentence])
    hits = np.zeros((len(words), len(known.concepts)), dtype=np.int64)
    hashes = first
    for size in range(1, known.longest + 1):
        last = len(first) - size + 1
        if last <= 0:
            break
        if size > 1:
            hashes = mix(hashes[:last]) + first[size - 1 :]
        place = np.minimum(np.searchsorted(known.phrases, hashes), len(known.phrases) - 1)
        found = (known.phrases[place] == hashes) & (owners[:last] == owners[size - 1 :])
        np.add.at(hits, owners[:last][found], known.members[place[found]])
    steps = hits[:, :, None] > np.arange(CONCEPT_STEPS)
    row, concept, step = np.nonzero(steps)
    return _bags(row, concept * CONCEPT_STEPS + step, len(words), (1 << WORD_BITS) + (1 << CHAR_BITS))


def _bags(rows: NDArray[Any], buckets: NDArray[Any], sentence_count: int, offset: int) -> Bags:
    """Each (sentence, bucket) once, in order; `offset` is the row of the table where this kind begins."""
    keys = np.unique(rows.astype(np.int64) << 32 | buckets.astype(np.int64))
    starts = np.searchsorted(keys >> 32, np.arange(sentence_count + 1))
    return Bags(buckets=(keys & 0xFFFFFFFF) + offset, starts=starts.astype(np.int64))
