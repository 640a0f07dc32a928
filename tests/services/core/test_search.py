"""Queries, tokens, excerpts."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core import search
from services.core.vietnamese import tokens

VIETNAMESE = st.text('aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạấầẩẫậóòỏõọốồổỗộúùủũụ ĐẠẤ "“”-/.,*():^', max_size=200)


def occurs(phrase: tuple[str, ...], keys: list[str]) -> bool:
    return any(tuple(keys[at : at + len(phrase)]) == phrase for at in range(len(keys)))


@given(st.text(max_size=200) | VIETNAMESE)
def test_every_text_is_found_by_itself_exact_and_folded(text: str) -> None:
    query = search.parse(text)
    if query is None:
        assert not text.strip()
        return
    index = search.exact_tokens if query.exact else search.folded_tokens
    assert all(occurs(phrase, index(text)) for phrase in query.phrases)
    assert bool(query.phrases) == bool(tokens(text))


@given(VIETNAMESE)
def test_form_and_case_make_no_difference(text: str) -> None:
    for other in (unicodedata.normalize("NFD", text), text.upper()):
        assert search.exact_tokens(other) == search.exact_tokens(text)
        assert search.folded_tokens(other) == search.folded_tokens(text)


@pytest.mark.parametrize(
    ("one", "other"), [("hoà", "hòa"), ("thuý", "thúy"), ("uỷ", "ủy"), ("khoẻ", "khỏe"), ("loà", "lòa")]
)
def test_both_placements_of_the_tone_are_one_word(one: str, other: str) -> None:
    assert search.exact_token(one) == search.exact_token(other)


def test_words_with_other_marks_stay_apart() -> None:
    words = [
        "da",
        "đa",
        "dạ",
        "đạ",
        "dà",
        "dã",
        "dá",
        "dả",
        "đà",
        "đã",
        "đá",
        "đả",
        "dăn",
        "dân",
        "dan",
        "đan",
        "đàn",
        "đần",
        "đằn",
        "mua",
        "mưa",
        "mùa",
        "múa",
        "mứa",
        "mửa",
        "bo",
        "bô",
        "bơ",
        "bò",
        "bồ",
        "bờ",
    ]
    assert len({search.exact_token(word) for word in words}) == len(words)


def test_what_a_query_means() -> None:
    assert search.parse("  ") is None
    assert search.parse('dat "nong nghiep" 101/2024') == search.Query(
        False, (("dat",), ("nong", "nghiep"), ("101", "2024"))
    )
    query = search.parse("Trà my")
    assert query is not None
    assert query.exact


@given(
    st.lists(st.sampled_from(["đất", "đai,", "mưa\n\n", "lở.", "a" * 40]), max_size=300),
    st.sampled_from(["đất", "lo", "không"]),
)
def test_an_excerpt_is_short_plain_and_holds_the_hit(words: list[str], query: str) -> None:
    text = " ".join(words)
    parsed = search.parse(query)
    assert parsed is not None
    made = search.excerpt([text, "phần đầu"], parsed)
    assert len(made) <= search.EXCERPT_LENGTH
    assert "\n" not in made
    if any(parsed.key(word) == parsed.phrases[0][0] for word in tokens(text)):
        assert any(parsed.key(word) == parsed.phrases[0][0] for word in tokens(made))


def test_an_excerpt_falls_back_to_the_start_of_the_first_text_there_is() -> None:
    assert search.excerpt(["", "Tóm tắt\ncủa bài"]) == "Tóm tắt của bài"
    assert search.excerpt(["Thân bài", "Tóm tắt"], search.parse("khác")) == "Thân bài"
    assert search.excerpt([]) == ""
