"""Chunks: what goes through the model at once, and in what batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Text

from services.sentiment.phobert.chunks import FIRST_WEIGHT, MAX_CHUNKS, MAX_CONTENT, Chunk, batches, cut
from services.sentiment.phobert.tokenizer import BOS, EOS


def signs(sentence: str) -> list[int]:
    """A token for each sign that is no blank."""
    return [4 + ord(sign) % 90 for sign in sentence if not sign.isspace()]


SENTENCES = st.lists(st.integers(0, 400).map(lambda count: "Đ" + "a" * count + "."), max_size=12)


@given(st.sampled_from(["", "Tin mới", "T" * 300]), SENTENCES)
def test_chunks_hold_the_sentences_in_order_without_a_gap(title: str, sentences: list[str]) -> None:
    text = Text(title=title, text=" ".join(sentences))
    chunks = cut(7, text, 20_000, signs)
    content = [token for chunk in chunks for token in chunk.ids[1:-1]]
    whole = signs(title) + signs(text.text)
    assert content == whole[: len(content)]
    assert len(chunks) <= MAX_CHUNKS
    for chunk in chunks:
        assert (chunk.text, chunk.ids[0], chunk.ids[-1]) == (7, BOS, EOS)
        assert 3 <= len(chunk.ids) <= MAX_CONTENT + 2
        edges = [1, *(piece.end for piece in chunk.pieces)]
        assert [piece.start for piece in chunk.pieces] == edges[:-1]
        assert edges[-1] == len(chunk.ids) - 1
    assert all(chunk.coverage < 1.0 for chunk in chunks) == (len(content) < len(whole) or not chunks)


def test_headline_and_lead_come_first_and_count_twice() -> None:
    chunks = cut(0, Text(title="Lũ lớn", text=" ".join(["A" + "b" * 99 + "."] * 6)), 20_000, signs)
    assert [piece.segment.offset for piece in chunks[0].pieces] == [-1, 0, 102]
    assert sum(chunk.weight for chunk in chunks) == pytest.approx(1.0)
    tokens = [len(chunk.ids) - 2 for chunk in chunks]
    assert chunks[0].weight / chunks[1].weight == pytest.approx(FIRST_WEIGHT * tokens[0] / tokens[1])


def test_what_lies_beyond_the_last_chunk_is_not_covered() -> None:
    text = Text(title="Tin", text=" ".join(["A" + "b" * 249 + "."] * 20))
    chunks = cut(0, text, 20_000, signs)
    assert len(chunks) == MAX_CHUNKS
    assert {chunk.coverage for chunk in chunks} == {(3 + MAX_CHUNKS * 252) / (3 + len(text.text))}


def test_a_sentence_longer_than_a_chunk_comes_in_parts() -> None:
    chunks = cut(0, Text(text="a" * 590), 20_000, signs)
    assert [len(chunk.ids) - 2 for chunk in chunks] == [254, 254, 82]
    assert len({piece.segment for chunk in chunks for piece in chunk.pieces}) == 1


def test_a_text_without_a_token_has_no_chunk() -> None:
    assert cut(0, Text(text=" \n "), 20_000, signs) == []


@given(st.lists(st.integers(1, MAX_CONTENT), max_size=40), st.integers(256, 2048))
def test_batches_hold_every_chunk_once_with_others_of_its_length(lengths: list[int], most: int) -> None:
    chunks = [Chunk(i, [BOS, *[9] * length, EOS], (), 1.0, 1.0) for i, length in enumerate(lengths)]
    found = list(batches(chunks, most))
    assert sorted(place for batch in found for place in batch) == list(range(len(chunks)))
    for batch in found:
        (length,) = {len(chunks[place].ids) for place in batch}
        assert len(batch) * length <= most or len(batch) == 1
