"""A text as the chunks that the model reads at once: headline and lead first, then sentences packed up to the limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ngoclinh.sentiment.v1.sentiment_service_pb2 import Text

from services.sentiment.phobert.tokenizer import BOS, EOS
from services.sentiment.segments import Reading, Segment, read

MAX_CONTENT = 254
"""Tokens of a chunk beside ``<s>`` and ``</s>``: PhoBERT has 256 positions."""
MAX_CHUNKS = 8
FIRST_WEIGHT = 2.0
"""How much a token of the first chunk, with headline and lead, counts against one of the others."""


@dataclass(frozen=True)
class Piece:
    """The tokens of one sentence within a chunk."""

    segment: Segment
    start: int
    """First token in the chunk; ``<s>`` is token 0."""
    end: int


@dataclass(frozen=True)
class Chunk:
    """What goes through the model at once."""

    text: int
    """Place of the text in the list that was prepared."""
    ids: list[int]
    """Tokens from ``<s>`` to ``</s>``, 3 to 256."""
    pieces: tuple[Piece, ...]
    """The sentences, one after the other, without a gap between ``<s>`` and ``</s>``."""
    weight: float
    """What it counts in the decision about its text; those of one text sum to 1."""
    coverage: float
    """Share of the characters of its text that all its chunks read, 0 to 1."""


def cut(place: int, text: Text, max_chars: int, encode: Callable[[str], list[int]]) -> list[Chunk]:
    """The chunks of one text, at most `MAX_CHUNKS`; what lies beyond is left out.

    Args:
        place: of the text in the list that is prepared.
        text: headline and body.
        max_chars: characters of the body that are looked at.
        encode: the tokens of a sentence.
    """
    reading = read(text.title, text.text, max_chars)
    coverage = reading.coverage
    packed: list[tuple[list[int], list[Piece]]] = []
    for segment, ids in _slices(reading, encode):
        if not packed or len(packed[-1][0]) + len(ids) > MAX_CONTENT:
            if len(packed) == MAX_CHUNKS:
                coverage = (len(text.title) + max(segment.offset, 0)) / (len(text.title) + len(text.text))
                break
            packed.append(([], []))
        content, pieces = packed[-1]
        pieces.append(Piece(segment, len(content) + 1, len(content) + len(ids) + 1))
        content.extend(ids)
    weights = [len(content) * (1.0 if order else FIRST_WEIGHT) for order, (content, _) in enumerate(packed)]
    return [
        Chunk(place, [BOS, *content, EOS], tuple(pieces), weight / sum(weights), coverage)
        for weight, (content, pieces) in zip(weights, packed, strict=True)
    ]


def _slices(reading: Reading, encode: Callable[[str], list[int]]) -> Iterator[tuple[Segment, list[int]]]:
    """The sentences with their tokens; one that has more than a chunk holds comes in parts."""
    for segment in reading.segments:
        ids = encode(segment.text)
        for start in range(0, len(ids), MAX_CONTENT):
            yield segment, ids[start : start + MAX_CONTENT]


def batches(chunks: Sequence[Chunk], max_tokens: int) -> Iterator[list[int]]:
    """Places of chunks of the same length, in groups of at most so many tokens; the shortest first.

    Nothing is padded: a small batch costs no more for each token than a large one, a padded token as much as a read one.
    """
    order = sorted(range(len(chunks)), key=lambda place: len(chunks[place].ids))
    batch: list[int] = []
    for place in order:
        length = len(chunks[place].ids)
        if batch and (len(chunks[batch[0]].ids) != length or (len(batch) + 1) * length > max_tokens):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
