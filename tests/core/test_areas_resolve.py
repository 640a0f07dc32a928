from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.areas import register, resolve
from services.core.areas.names import name_key, split_title, word_key

BEFORE, AFTER = date(2025, 6, 30), date(2025, 7, 1)


def first(text: str, day: date) -> str:
    found = resolve(text, day)
    return found[0].unit.name if found else ""


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        ("20938", BEFORE, "areas/2004-20938"),
        ("20938", AFTER, "areas/2025-20938"),
        ("areas/2004-20938", AFTER, "areas/2004-20938"),
        ("516", AFTER, "areas/2004-516"),
        ("06970", AFTER, "areas/2025-06978"),
        ("49", BEFORE, "areas/2004-49"),
        ("xã Trà Dơn", BEFORE, "areas/2004-20938"),
        ("Trà Leng", BEFORE, "areas/2004-20935"),
        ("Trà Leng", AFTER, "areas/2025-20938"),
        ("Trà Don", AFTER, "areas/2004-20956"),
        ("xã Trà Don cũ", AFTER, "areas/2004-20956"),
        ("xã Trà Leng cũ", AFTER, "areas/2004-20935"),
        ("xã Trà Dơn, huyện Nam Trà My, Quảng Nam", AFTER, "areas/2004-20938"),
        ("xã Trà Linh, huyện Nam Trà My", AFTER, "areas/2004-20950"),
        ("thôn 2, xã Trà Leng, TP. Đà Nẵng", AFTER, "areas/2025-20938"),
        ("P. Hải Châu, TP. Đà Nẵng", AFTER, "areas/2025-20242"),
        ("TT. Trà My, H. Bắc Trà My", BEFORE, "areas/2004-20899"),
        ("H. Nam Trà My", AFTER, "areas/2004-516"),
        ("Nam Trà My", BEFORE, "areas/2004-516"),
        ("Nam Trà My", AFTER, "areas/2025-20944"),
        ("Q.1, TP.HCM", BEFORE, "areas/2004-760"),
        ("Phuong 5 quan 3", BEFORE, "areas/2004-27151"),
        ("Quảng Nam", AFTER, "areas/2004-49"),
        ("tinh quang nam", BEFORE, "areas/2004-49"),
        ("TRÀ LENG", AFTER, "areas/2025-20938"),
        ("hoà vang", AFTER, "areas/2025-20320"),
        ("Hòa Vang", AFTER, "areas/2025-20320"),
        ("Bà Rịa-Vũng Tàu", BEFORE, "areas/2004-77"),
        ("Ea H'leo", AFTER, "areas/2025-24184"),
        ("Tân Tiến, Đồng Nai", AFTER, "areas/2025-25318"),
        ("Thừa Thiên Huế", BEFORE, "areas/2004-46"),
        ("tỉnh Đồng Nai", AFTER, "areas/2025-75"),
    ],
)
def test_what_a_text_means_on_a_day(text: str, day: date, expected: str) -> None:
    assert first(text, day) == expected
    assert first(unicodedata.normalize("NFD", text), day) == expected


@pytest.mark.parametrize("text", ["", "  ", "xyz", "99999", "?!", "13"])
def test_what_is_no_place_has_no_candidates(text: str) -> None:
    assert resolve(text, AFTER) == []


def test_marks_count_where_they_are_written() -> None:
    assert [row.unit.code for row in resolve("Trà Don", BEFORE)] == ["20956"]
    assert {row.unit.code for row in resolve("tra don", BEFORE)} == {"20956", "20938"}


def test_an_old_name_scores_less_than_a_valid_one_and_says_its_edition() -> None:
    old, valid = resolve("Trà Don", AFTER)[0], resolve("Trà Don", BEFORE)[0]
    assert old.unit.edition == 2004
    assert old.current == ("areas/2025-20944",)
    assert old.score < valid.score


def test_homonyms_share_the_doubt_until_the_address_decides() -> None:
    found = resolve("Tân Tiến", AFTER)
    assert len([row for row in found if row.unit.edition == 2025]) == 8
    assert max(row.score for row in found) < 0.4
    decided = resolve("Tân Tiến, Đồng Nai", AFTER)
    assert decided[0].score > 0.9
    assert decided[1].score < 0.7


def test_no_more_candidates_than_asked_for() -> None:
    assert len(resolve("Tân Tiến", AFTER)) == 20
    assert len(resolve("Tân Tiến", AFTER, limit=3)) == 3


def test_the_match_is_quoted() -> None:
    assert resolve("thôn 2, xã Trà Leng, Đà Nẵng", AFTER)[0].matched_text == "xã Trà Leng"


@given(st.sampled_from(register().units(2025)))
def test_every_unit_of_today_is_found_by_its_address(unit_index: object) -> None:
    unit = unit_index
    province = register().province_of(unit.name)  # type: ignore[attr-defined]
    address = unit.title if unit.level == 1 else f"{unit.title}, {province.title}"  # type: ignore[attr-defined, union-attr]
    found = resolve(address, AFTER)
    assert unit in [row.unit for row in found if row.score == found[0].score]


@given(st.text(max_size=200))
def test_any_text_has_an_answer(text: str) -> None:
    assert all(0 < row.score <= 1 for row in resolve(text, AFTER))


def test_kinds_are_split_from_names() -> None:
    assert split_title("Thị trấn Trà My") == ("thị trấn", "Trà My")
    assert split_title("Phường 1") == ("phường", "1")
    assert split_title("TPHCM") == ("", "TPHCM")


def test_styles_of_tone_marks_have_one_key() -> None:
    assert word_key("Hoà") == word_key("hòa") != word_key("hoa")
    assert name_key("Thuỷ Bình") == name_key("THỦY BÌNH")
    assert word_key("Dơn") != word_key("Don")
