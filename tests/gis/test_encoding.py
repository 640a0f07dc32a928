"""Text of old code pages is repaired; text that reads well as it is never changes."""

from __future__ import annotations

import sqlite3
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.encoding import CP1258, DECOMPOSED, TCVN3, VNI, repair, repair_column
from gis.syllables import is_syllable
from services.core.areas import register
from tests.gis import legacy

TITLES = sorted(
    {unit.title for edition in (2004, 2025) for level in (1, 2, 3) for unit in register().units(edition, level)}
)
"""Names of all provinces, districts and communes, old and new: 9 492 real names, minority languages among them."""

_WORDS = """Grundstück Straße Größe Übermaß Müller Höng Höhe Äcker Öd Fön Bräu Bäche Süd-Öst «bonjour» «où» Thaï naïve
    Seán août goût où château œuvre Curaçao São João coração Ñuñoa señor mañana caña Malmö Åre Björn smørrebrød Tromsø
    Pará più però città Niccolò Reykjavík þorn Ísland Çanakkale Šibenik Łódź Győr żółć"""
FOREIGN = _WORDS.split()
SIGNS = [
    "5 m²",
    "50°",
    "§ 12",
    "§12a",
    "5 µm",
    "µm",
    "Mª",
    "1ª",
    "½",
    "3½ ha",
    "±0,05",
    "© 2024",
    "Caltest®",
    "·",
    "a·b",
]


def test_names_in_unicode_never_change() -> None:
    assert [title for title in TITLES if repair(title) != title] == []
    assert repair_column(TITLES, "ten_xa") == []


@pytest.mark.parametrize("text", FOREIGN + SIGNS + ["Grundstück am Weg 5, Größe 100 m²", "FRANÇAIS", "GRÜNFLÄCHE"])
def test_text_of_other_languages_never_changes(text: str) -> None:
    assert repair(text) == text


def test_a_column_of_another_language_never_changes() -> None:
    assert repair_column(FOREIGN + SIGNS, "ten") == []


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_never_changes(text: str) -> None:
    assert repair(text) == text


@given(st.text(), st.sampled_from("ạặệộợỵấễđơưẠĐƠ"))
def test_text_with_a_letter_beyond_latin_1_changes_in_its_normal_form_only(text: str, letter: str) -> None:
    assert repair(text + letter) == unicodedata.normalize("NFC", text + letter)


@given(st.lists(st.sampled_from(TITLES), min_size=1, max_size=4))
def test_vietnamese_texts_never_change_and_a_repair_is_final(titles: list[str]) -> None:
    text = ", ".join(titles)
    assert repair(text) == text
    repaired = repair(legacy.tcvn3(text))
    assert repair(repaired) == repaired


def test_the_sheet_of_another_country_never_changes(shared: Path, tmp_path: Path) -> None:
    packed = shared / "data" / "land" / "parcels" / "at_inspire_schlaege_2025.gpkg.zip"
    with zipfile.ZipFile(packed) as archive:
        (name,) = [one for one in archive.namelist() if one.endswith(".gpkg")]
        archive.extract(name, tmp_path)
    with sqlite3.connect(tmp_path / name) as db:
        (table,) = db.execute("SELECT table_name FROM gpkg_contents WHERE data_type = 'features'").fetchone()
        cursor = db.execute(f'SELECT * FROM "{table}" LIMIT 50000')
        columns = dict(zip([entry[0] for entry in cursor.description], zip(*cursor, strict=True), strict=True))
    texts = {key: [text for text in column if isinstance(text, str)] for key, column in columns.items()}
    assert any(not text.isascii() for column in texts.values() for text in column), "it holds umlauts"
    assert [one for key, column in texts.items() for one in repair_column(column, key)] == []


@pytest.mark.parametrize(
    ("encoding", "write", "alone", "together"),
    [
        (TCVN3, legacy.tcvn3, 0.88, 0.985),
        (VNI, legacy.vni, 0.97, 0.99),
        (CP1258, legacy.cp1258, 0.99, 0.99),
        (DECOMPOSED, legacy.nfd, 1.0, 1.0),
    ],
)
def test_names_of_all_communes_are_repaired(
    encoding: str, write: Callable[[str], str], alone: float, together: float
) -> None:
    written = {write(title): title for title in TITLES if write(title) != title}
    single = [text for text, title in written.items() if repair(text) == title]
    assert len(single) >= alone * len(written)
    column = {one.before: one for one in repair_column(list(written), "ghi_chu")}
    right = [text for text, title in written.items() if text in column and column[text].after == title]
    assert len(right) >= together * len(written)
    assert len(column) - len(right) <= 0.002 * len(written), "what is not certain stays"
    assert {column[text].encoding for text in right} == {encoding}


def test_a_short_value_follows_its_column() -> None:
    values = ["X· Trµ Mai", "cöa hµng", "cña mét", "ONT"]
    assert repair("cña mét") == "cña mét"
    assert {one.before: one.after for one in repair_column(values, "ghi_chu")}["cña mét"] == "của một"


def test_a_column_that_holds_unicode_too_decides_nothing() -> None:
    changed = {one.before for one in repair_column(["X· Trµ Mai", "Xã Trà Tập", "mét"], "ghi_chu")}
    assert changed == {"X· Trµ Mai"}


def test_equal_values_are_told_once_with_their_records() -> None:
    (only,) = repair_column(["Trµ Mai", "ONT", "Trµ Mai"], "ten_xa")
    assert (only.records, only.column, only.before, only.encoding) == ((0, 2), "ten_xa", "Trµ Mai", TCVN3)


def test_a_capital_font_is_told_from_a_column_of_names() -> None:
    values = ["trµ mai", "trµ d¬n"]
    assert [one.after for one in repair_column(values, "Tên xã")] == ["TRÀ MAI", "TRÀ DƠN"]
    assert [one.after for one in repair_column(values, "ghi_chu")] == ["trà mai", "trà dơn"]
    assert repair("X· TRµ MAI") == "XÃ TRÀ MAI"


@pytest.mark.parametrize(
    "word", ["nghiêng", "Quảng", "quý", "giếng", "gì", "Đắk", "hoà", "hòa", "khuỷu", "yến", "Trà", "ủy"]
)
def test_syllables(word: str) -> None:
    assert is_syllable(word)


@pytest.mark.parametrize("word", ["Grün", "hát1", "tràng̀", "bat", "café", "laị", "Straße", "đ", "ẵ", "", "fòn", "mạx"])
def test_what_is_no_syllable(word: str) -> None:
    assert not is_syllable(word)
