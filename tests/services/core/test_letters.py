"""One byte for each letter: the same tokens as character by character."""

from __future__ import annotations

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from services.core import letters, search
from services.core.vietnamese import fold, tokens

TEXT = st.text(max_size=200) | st.text(letters.CHARACTERS + letters.CHARACTERS.upper(), max_size=200)


def test_what_has_a_byte_is_in_normal_form_and_comes_back() -> None:
    assert len(letters.CHARACTERS) <= 256
    assert unicodedata.is_normalized("NFC", letters.CHARACTERS)
    told = letters.encoded(letters.CHARACTERS)
    assert told is not None
    assert letters.decoded(told) == letters.CHARACTERS.lower()
    assert letters.encoded("Ngọc Linh, “Đất đai” – 12.000 m…") is not None
    assert letters.encoded("m²") is None


def test_every_character_of_unicode_gives_the_same_tokens() -> None:
    for code in range(sys.maxunicode + 1):
        letter = chr(code)
        told = letters.encoded(letter)
        if told is not None:
            assert [letters.decoded(word) for word in letters.words(told)] == tokens(letter), hex(code)
            assert letters.folded(told).decode().split() == [fold(word) for word in tokens(letter)], hex(code)


@given(TEXT)
def test_both_sequences_are_those_of_the_tokens(text: str) -> None:
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        return
    exact, folded = search.exact_and_folded(text)
    assert exact.decode().split() == search.exact_tokens(text)
    assert folded.decode().split() == search.folded_tokens(text)
