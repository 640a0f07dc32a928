from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.vietnamese import fold, has_marks, nfc, sentences, strip_controls, tokens

LETTERS = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵđ"


def test_folding_leaves_no_mark_on_any_vietnamese_letter() -> None:
    assert set(fold(LETTERS)) == set("aeiouyd")
    assert fold("Đất Đai HOÀ") == "dat dai hoa"
    assert fold("für 12 м²") == "für 12 м²"


@given(st.text())
def test_folding_is_stable_and_blind_to_normal_form(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


def test_marks_are_seen_in_both_normal_forms() -> None:
    assert has_marks("Trà")
    assert has_marks(unicodedata.normalize("NFD", "Trà"))
    assert has_marks("Dak Đoa")
    assert not has_marks("Tra Leng 12 für")


def test_tokens_are_words_and_numbers_in_lower_case() -> None:
    assert tokens(unicodedata.normalize("NFD", "Thửa 12, tờ_3 (NĐ-CP)!")) == ["thửa", "12", "tờ", "3", "nđ", "cp"]


def test_controls_and_overrides_are_dropped_and_lines_kept() -> None:
    assert strip_controls("a\u202eb\x00c\u2066d\ufeff\r\ne\tf\u00ad") == "abcd\ne\tf"
    assert strip_controls("👩\u200d🌾") == "👩\u200d🌾"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Một. Hai! Ba? Bốn", ["Một.", "Hai!", "Ba?", "Bốn"]),
        ("UBND TP. Đà Nẵng họp. ThS. Lan nói", ["UBND TP. Đà Nẵng họp.", "ThS. Lan nói"]),
        ("Rộng 1.240 m2. Sâu 2,5 m.", ["Rộng 1.240 m2.", "Sâu 2,5 m."]),
        ("đã biết... bong tróc. Hết…", ["đã biết... bong tróc.", "Hết…"]),
        ('Ông nói: "Không được!". Rồi đi.', ['Ông nói: "Không được!".', "Rồi đi."]),
        ("1. Nội dung\n2. Kết luận\n\nHết", ["1. Nội dung", "2. Kết luận", "Hết"]),
        ("moi do. mn noi gi", ["moi do.", "mn noi gi"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected


@given(st.text(alphabet=st.sampled_from('aB1 .!?\n"…đT')))
def test_sentences_cover_every_visible_character_once(text: str) -> None:
    spans = sentences(text)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))
    covered = "".join(text[start:end] for start, end in spans)
    assert "".join(covered.split()) == "".join(text.split())


def test_nfc_composes() -> None:
    assert nfc(unicodedata.normalize("NFD", "Trà Dơn")) == "Trà Dơn"
