from __future__ import annotations

import time
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.areas import mentions, register
from services.core.references import MAX_RANGE, documents, parcel_references

THEN, NOW = date(2024, 5, 1), date(2026, 5, 1)
DA_NANG = ("areas/2025-48",)


def parcels(text: str) -> list[tuple[str, str]]:
    return [(ref.sheet, ref.parcel) for ref in parcel_references(text, [], NOW)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thửa đất số 123, tờ bản đồ số 5", [("5", "123")]),
        ("tờ bản đồ số 5, thửa đất số 123", [("5", "123")]),
        ("thửa số: 88; tờ bản đồ: 3", [("3", "88")]),
        ("thửa 45/tờ 12 và thửa 46/tờ 13", [("12", "45"), ("13", "46")]),
        ("tờ 6 thửa 19, 20 và TBĐ 04 thửa 0210", [("6", "19"), ("6", "20"), ("4", "210")]),
        ("các thửa 12, 13 và 15 tờ BĐ số 7", [("7", "12"), ("7", "13"), ("7", "15")]),
        ("thửa đất số 67 (tờ bản đồ số 14)", [("14", "67")]),
        ("thửa 118-1 tờ 9", [("9", "118-1")]),
        ("thửa số 12a tờ 3", [("3", "12a")]),
        ("số thửa 77, số tờ 21", [("21", "77")]),
        ("thửa đất 402 - tờ bản đồ 15", [("15", "402")]),
        ("tờ bản đồ địa chính số 9, thửa 301, 1.105 m2", [("9", "301")]),
        (
            "tờ bản đồ số 11 gồm các thửa: 5, 6, 9; tờ bản đồ số 12 gồm thửa 44",
            [("11", "5"), ("11", "6"), ("11", "9"), ("12", "44")],
        ),
        ("thửa 12, tờ 3, thửa 13, tờ 4", [("3", "12"), ("4", "13")]),
        ("thửa 12 đến 15 tờ 3", [("3", "12"), ("3", "13"), ("3", "14"), ("3", "15")]),
        ("từ thửa 12 đến thửa 14, tờ 3", [("3", "12"), ("3", "13"), ("3", "14")]),
        ("các thửa 7-9 tờ 3", [("3", "7"), ("3", "8"), ("3", "9")]),
        ("thửa 1 đến 900 tờ 3", [("3", "1"), ("3", "900")]),
        ("thửa 25 nằm trên tờ bản đồ số 08 năm 2012", [("8", "25")]),
        ("THỬA ĐẤT SỐ 12, TỜ BẢN ĐỒ SỐ 5", [("5", "12")]),
        ("dat e thua 34 to 8 o do", [("8", "34")]),
        ("Thửa 402 tờ 15 rộng 865 m2. Phần thiếu sang thửa 403.", [("15", "402"), ("15", "403")]),
        ("thửa 12 có tranh chấp", [("", "12")]),
    ],
)
def test_parcels_in_every_form(text: str, expected: list[tuple[str, str]]) -> None:
    assert parcels(text) == expected
    assert parcels(unicodedata.normalize("NFD", text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "thửa đất 1.240 m2 và hai thửa đất 300 m2",
        "Tờ trình số 15, tờ khai số 3, tờ bản đồ quy hoạch số 2/5",
        "lô 5, khoảnh 3, tiểu khu 45",
        "đọc một số thửa đất, 3 thửa đất, thửa 12 người",
        "đội thua 3 trận, to 8 chữ, và có thể thừa 5 tờ",
    ],
)
def test_areas_forms_and_forest_lots_are_no_parcels(text: str) -> None:
    assert parcels(text) == []


@given(st.integers(1, 9999), st.integers(1, 999), st.booleans())
def test_sheet_and_parcel_are_told_apart_in_both_orders(parcel: int, sheet: int, sheet_first: bool) -> None:
    pieces = [f"thửa đất số {parcel}", f"tờ bản đồ số {sheet}"]
    assert parcels(", ".join(reversed(pieces) if sheet_first else pieces)) == [(str(sheet), str(parcel))]


def communes(text: str, day: date) -> list[str]:
    return [ref.commune for ref in parcel_references(text, mentions(text, day, DA_NANG), day)]


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        ("thửa 5 tờ 2, xã Trà Don, huyện Nam Trà My", THEN, "areas/2004-20956"),
        ("thửa 5 tờ 2, xã Trà Don cũ, nay là xã Nam Trà My", NOW, "areas/2004-20956"),
        ("xã Nam Trà My: thửa 5 tờ 2", NOW, "areas/2025-20944"),
        ("UBND xã Trà Vân họp.\nThửa 5 tờ 2 có tranh chấp.\nXem bản đồ xã Trà Vinh cũ.", NOW, "areas/2004-20962"),
        ("thửa 5 tờ 2 ở phường Ngũ Hành Sơn", NOW, "areas/2025-20285"),
        ("thửa 5 tờ 2", NOW, ""),
    ],
)
def test_the_commune_is_the_one_whose_sheets_are_meant(text: str, day: date, expected: str) -> None:
    assert communes(text, day) == [expected]


def test_a_commune_that_was_one_old_commune_as_a_whole_keeps_its_sheets() -> None:
    unit = next(
        unit
        for unit in register().units(2025, level=3)
        if len(unit.predecessors) == 1
        and register().current(unit.predecessors[0]) == (unit.name,)
        and len(unit.predecessors[0]) == len("areas/2004-00000")
    )
    province = register().province_of(unit.name)
    assert province is not None
    text = f"thửa 5 tờ 2, {unit.title}, {province.title}"
    assert communes(text, NOW) == [unit.predecessors[0]]


def test_the_quotation_and_its_offset_refer_to_the_composed_text() -> None:
    text = "Xã có thửa đất số 67 (tờ bản đồ số 14)."
    (ref,) = parcel_references(unicodedata.normalize("NFD", text), [], NOW)
    assert ref.text == "thửa đất số 67 (tờ bản đồ số 14)"
    assert text[ref.offset :].startswith(ref.text)


def test_documents_as_written_each_once() -> None:
    text = (
        "Nghị định 101/2024/NĐ-CP, QĐ 759/QĐ-TTg, số 27/TB-UBND và 27/TB-UBND; Nghị quyết 202/2025/QH15, 57-NQ/TW, "
        "153/2011/TT-BTC, Văn bản số 412/CNVPĐK-ĐKCG."
    )
    assert documents(text) == [
        "101/2024/NĐ-CP",
        "759/QĐ-TTg",
        "27/TB-UBND",
        "202/2025/QH15",
        "57-NQ/TW",
        "153/2011/TT-BTC",
        "412/CNVPĐK-ĐKCG",
    ]


@pytest.mark.parametrize(
    "text", ["tờ khai số 01/TK-SDDPNN", "ngày 12/10/2024", "9/11 vụ", "60 km/h", "tỷ lệ 1/2000", "http://a.vn/12/AB-C"]
)
def test_forms_dates_and_fractions_are_no_documents(text: str) -> None:
    assert documents(text) == []


def test_long_texts_take_linear_time() -> None:
    text = "thửa 1 tờ 2, xã Trà Leng. " * 4000 + "thửa đất " + " " * 50_000
    found = mentions(text, NOW)
    start = time.process_time()
    assert len(parcel_references(text, found, NOW)) == 1
    assert time.process_time() - start < 30


def test_a_range_is_bounded() -> None:
    assert len(parcels(f"thửa 1 đến {MAX_RANGE} tờ 3")) == MAX_RANGE
