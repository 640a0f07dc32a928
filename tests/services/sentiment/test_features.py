"""Buckets of texts: the same on every machine, whatever else is in the batch, however a text is typed."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sentiment import features
from services.sentiment.features import Bags, extract, normal_words

TEXT = "Đường vào thôn hư hỏng, kêu hoài ko ai sửa!!!"


def buckets(bags: Bags, place: int) -> list[int]:
    return bags.buckets[bags.starts[place] : bags.starts[place + 1]].tolist()


def all_buckets(text: str) -> list[list[int]]:
    return [buckets(kind, 0) for kind in extract([text])]


def test_buckets_are_the_same_on_every_machine() -> None:
    words, characters, concepts = all_buckets(TEXT)
    assert (len(words), len(characters), len(concepts)) == (48, 113, 7)
    assert words[:4] == [620, 4214, 4253, 5156]
    assert characters[:4] == [33052, 33658, 33685, 34082]
    assert concepts[:4] == [98304, 98312, 98313, 98314]


@given(st.lists(st.text(max_size=60), max_size=6))
def test_other_sentences_of_the_batch_change_nothing(sentences: list[str]) -> None:
    together = extract(sentences)
    for place, sentence in enumerate(sentences):
        assert [buckets(kind, place) for kind in together] == all_buckets(sentence)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_every_bucket_has_a_row_of_the_table_and_comes_once(text: str) -> None:
    words, characters = 1 << features.WORD_BITS, 1 << features.CHAR_BITS
    edges = pairwise([0, words, words + characters, features.table_rows()])
    for kind, (first, last) in zip(extract([text]), edges, strict=True):
        found = kind.buckets
        assert ((found >= first) & (found < last)).all()
        assert len(np.unique(found)) == len(found)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (unicodedata.normalize("NFD", TEXT), TEXT),
        ("thuỷ lợi, hoà giải, khoẻ", "thủy lợi, hòa giải, khỏe"),
        ("ĐƯỜNG HƯ QUÁÁÁÁ", "đường hư quá"),
        ("e hỏi ko đc", "em hỏi không được"),
        ("tui mần ni", "tôi làm này"),
        ("năm 2026", "năm 1999"),
    ],
)
def test_one_thing_typed_in_two_ways_is_one_thing(typed: str, meant: str) -> None:
    assert all_buckets(typed) == all_buckets(meant)


@pytest.mark.parametrize(("one", "other"), [("Trà Don", "Trà Dơn"), ("năm 202", "năm 2026"), ("quý", "qúy")])
def test_what_differs_stays_apart(one: str, other: str) -> None:
    assert normal_words(one) != normal_words(other)


def test_a_text_without_marks_shares_words_with_the_same_text_with_them() -> None:
    marked, plain = all_buckets("đường hư hỏng nặng")[0], all_buckets("duong hu hong nang")[0]
    assert set(plain) <= set(marked)


def test_a_concept_counts_up_to_four_times() -> None:
    assert len(all_buckets("cồng chiêng")[2]) == len(all_buckets("cong chieng")[2]) == 1
    assert len(all_buckets("cồng chiêng, " * 2)[2]) == 2
    assert len(all_buckets("cồng chiêng, " * 4)[2]) == len(all_buckets("cồng chiêng, " * 9)[2]) == 4


def test_the_vocabulary_is_clean() -> None:
    known = features.vocabulary()
    assert all(short == short.lower() and " " not in short for short in known.short_forms)
    assert not known.short_forms.keys() & {w for standard in known.short_forms.values() for w in standard.split()}
    assert len(known.phrases) == len(set(known.phrases.tolist())) > 1000
    assert known.members.any(axis=1).all()
