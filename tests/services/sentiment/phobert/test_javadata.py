"""The two Java formats: what is read, and that anything else is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sentiment.phobert.javadata import Malformed, static_sets, string_set
from tests.services.sentiment.phobert.java import class_file, serialised_set

WORDS = st.sets(st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF, min_codepoint=1), max_size=12), max_size=20)


@given(WORDS)
def test_a_serialised_set_gives_its_strings(words: set[str]) -> None:
    assert string_set(serialised_set(words)) == words


@given(WORDS.filter(bool), st.integers(1, 40))
def test_a_set_that_is_cut_short_is_refused(words: set[str], missing: int) -> None:
    with pytest.raises(Malformed):
        string_set(serialised_set(words)[:-missing])


def test_another_class_is_refused() -> None:
    with pytest.raises(Malformed, match="no serialised HashSet"):
        string_set(serialised_set({"đất đai"}).replace(b"HashSet", b"TreeSet"))


def test_an_element_that_is_an_object_is_refused() -> None:
    content = serialised_set({"đất đai"})
    with pytest.raises(Malformed, match="no string"):
        string_set(content.replace(b"t" + struct.pack(">H", len("đất đai".encode())), b"s\x00\x00"))


@given(st.dictionaries(st.sampled_from(["VN_LOCATIONS", "VN_FAMILY_NAMES"]), WORDS.filter(bool)))
def test_a_class_gives_what_its_initialiser_adds(sets: dict[str, set[str]]) -> None:
    assert static_sets(class_file(sets)) == sets


def test_an_initialiser_that_does_anything_else_is_refused() -> None:
    with pytest.raises(Malformed, match="an instruction 0xa7"):
        static_sets(class_file({"VN_LOCATIONS": {"trà my"}}, extra=b"\xa7\x00\x00"))


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_refused_or_read(content: bytes) -> None:
    for read in (string_set, static_sets):
        with pytest.raises(Malformed):
            read(content)
        with pytest.raises(Malformed):
            read(b"\xca\xfe\xba\xbe" + content)
