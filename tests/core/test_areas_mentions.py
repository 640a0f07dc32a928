from __future__ import annotations

import time
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.areas import mentions

THEN, NOW = date(2024, 6, 20), date(2026, 6, 20)
DA_NANG = ("areas/2025-48",)
NAM_TRA_MY = ("areas/2025-20944", "areas/2025-20941", "areas/2025-20950", "areas/2025-20938", "areas/2025-20959")


def units(text: str, day: date, context: tuple[str, ...] = ()) -> list[str]:
    return [found.unit.name.removeprefix("areas/") for found in mentions(text, day, context)]


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        ("Công an TP Đà Nẵng và Công an xã Trà Tập phối hợp", NOW, ["2025-48", "2025-20941"]),
        ("đại diện UBND huyện Nam Trà My (tỉnh Quảng Nam) cho biết", THEN, ["2004-516", "2004-49"]),
        ("Huyện ủy Nam Trà My họp cùng Tỉnh ủy Quảng Nam", THEN, ["2004-516", "2004-49"]),
        ("huyện miền núi Nam Trà My trước đây", NOW, ["2004-516"]),
        ("TT. Trà My, H. Bắc Trà My, T. Quảng Nam", THEN, ["2004-20899", "2004-515", "2004-49"]),
        ("P.13, Q.Bình Thạnh, TP.HCM", THEN, ["2004-26905", "2004-765", "2004-79"]),
        ("Chủ tịch UBND xã Trà Leng Nguyễn Văn An nói", NOW, ["2025-20938"]),
        ("SẠT LỞ TẠI XÃ TRÀ LENG", NOW, ["2025-20938"]),
        ("TP.HCM, TPHCM, Tp Hồ Chí Minh", NOW, ["2025-79"] * 3),
        ("từ Quảng Nam ra Quảng Trị, Huế", NOW, ["2004-49", "2025-44", "2025-46"]),
        ("xã Hòa Vang và xã Hoà Vang của TP. Đà Nẵng", NOW, ["2025-20320", "2025-20320", "2025-48"]),
        ("thị xã Điện Bàn và thành phố Tam Kỳ, Hội An", THEN, ["2004-507", "2004-502", "2004-503"]),
        ("xa tra leng bi sat lo", NOW, ["2025-20938"]),
    ],
)
def test_names_with_their_kind(text: str, day: date, expected: list[str]) -> None:
    assert units(text, day) == expected
    assert units(unicodedata.normalize("NFD", text), day) == expected


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        ("xã Trà Dơn", date(2025, 6, 30), ["2004-20938"]),
        ("xã Trà Dơn cũ, nay là xã Trà Leng", NOW, ["2004-20938", "2025-20938"]),
        ("bản đồ xã Trà Leng (cũ)", NOW, ["2004-20935"]),
        ("xã Trà Don (nay là xã Nam Trà My)", NOW, ["2004-20956", "2025-20944"]),
        ("trung tâm của xã Trà Linh và xã Trà Nam trước đây", NOW, ["2004-20950", "2004-20953"]),
        ("hai xã Trà Linh, Trà Nam cũ", NOW, ["2004-20950", "2004-20953"]),
        ("xã Trà Linh, huyện Nam Trà My", NOW, ["2004-20950", "2004-516"]),
        ("xã Nam Trà My (sáp nhập từ xã Trà Mai và xã Trà Don)", NOW, ["2025-20944", "2004-20944", "2004-20956"]),
        (
            "sắp xếp xã Trà Mai và xã Trà Don thành xã mới có tên gọi là xã Nam Trà My",
            date(2025, 6, 10),
            ["2004-20944", "2004-20956", "2025-20944"],
        ),
        (
            "xã Trà Tập nhập với xã Trà Cang lấy tên Trà Tập; xã Trà Vân nhập với xã Trà Vinh lấy tên Trà Vân",
            date(2025, 5, 6),
            ["2004-20941", "2004-20947", "2025-20941", "2004-20959", "2004-20962", "2025-20959"],
        ),
        ("xã Nam Trà My", date(2020, 1, 1), []),
    ],
)
def test_the_edition_that_the_text_means(text: str, day: date, expected: list[str]) -> None:
    assert units(text, day) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Sâm Ngọc Linh, quế Trà My lên sàn",
        "Đường Trần Phú, thôn Tân Tiến, chùa Bình Minh",
        "Trường THCS Trà Leng, chợ Trà My, bệnh viện Nam Trà My",
        "ông Trà Leng Sơn và bà xã Quang Minh",
        "Bình Minh ló dạng. Tân Tiến bước lên.",
        "Thái Bình Dương, Chủ tịch Hồ Chí Minh",
        "Bà con vui mừng. Ảnh: Tiên Phước",
        "Bà con vui mừng.\nPhú Ninh",
        "Bà con vui mừng.\nTIÊN PHƯỚC - VĂN AN\n",
        "Bà con vui mừng. NÔNG SƠN thực hiện",
        "số 236 Bình Lợi, doanh thu Q3/2013",
        "việc liên quan đến xã hội, lên xã ba lần, 18h5",
        "mùa xuân ra hoa, tiên lượng",
    ],
)
def test_brands_streets_schools_and_persons_are_no_places(text: str) -> None:
    assert units(text, THEN, DA_NANG) == []


def test_a_bare_name_needs_a_reason() -> None:
    text = "Trà Vân: mặt đường đã có ổ gà"
    assert units(text, NOW) == []
    assert units(text, NOW, DA_NANG) == ["2025-20959"]
    assert units(f"Đà Nẵng mưa. {text}", NOW) == ["2025-48", "2025-20959"]
    assert units("Mặt đường lên Trà Vân đã có ổ gà", NOW) == ["2025-20959"]


def test_communes_of_one_district_vouch_for_each_other() -> None:
    assert units("Trà Tập 12 hồ sơ, Trà Leng 9.", NOW) == []
    assert units("Trà Tập 12 hồ sơ, Trà Leng 9, Trà Vân 7.", NOW) == ["2025-20941", "2025-20938", "2025-20959"]


def test_a_common_name_needs_a_narrow_reason() -> None:
    text = "Về Bình Minh hôm nay"
    assert units(text, THEN, ("areas/2004-49",)) == []
    assert units(text, THEN, ("areas/2004-513",)) == ["2004-20812"]


def test_homonyms_are_decided_by_what_stands_near() -> None:
    assert units("xã Tân Tiến", NOW) == []
    assert units("xã Tân Tiến, TP Đồng Nai", NOW) == ["2025-25318", "2025-75"]
    assert units("xã Tân Tiến", NOW, ("areas/2025-96",)) == ["2025-32188"]
    assert units("tỉnh Cà Mau: lũ về xã Tân Tiến", NOW) == ["2025-96", "2025-32188"]


def test_an_address_elsewhere_contradicts() -> None:
    assert units("xã Trà Linh, tỉnh Cao Bằng", THEN) == ["2004-04"]


def test_a_commune_that_shares_its_name_with_a_province() -> None:
    assert units("lên Trà Vinh", THEN) == ["2004-84"]
    assert units("huyện Nam Trà My: đường lên Trà Vinh lở", THEN) == ["2004-516", "2004-20962"]


def test_text_without_marks_needs_a_kind_or_a_narrow_context_and_scores_lower() -> None:
    assert units("nuoc ngap o tra cang", THEN, DA_NANG) == []
    assert units("nuoc ngap o tra cang", THEN, NAM_TRA_MY) == ["2004-20947"]
    (folded,), (marked,) = mentions("xa tra leng", NOW), mentions("xã Trà Leng", NOW)
    assert folded.score < marked.score


def test_lists_hand_their_kind_on() -> None:
    expected = ["2004-20944", "2004-20956", "2004-20959", "2004-20962"]
    assert units("các xã Trà Mai, Trà Don, Trà Vân và Trà Vinh", THEN, DA_NANG) == expected


def test_every_occurrence_is_given_with_its_words_and_offset() -> None:
    text = "Lũ về xã Trà Leng. Người dân xã Trà Leng chạy lũ."
    found = mentions(unicodedata.normalize("NFD", text), NOW)
    assert [(row.text, row.offset) for row in found] == [("xã Trà Leng", 6), ("xã Trà Leng", 29)]
    assert all(text[row.offset :].startswith(row.text) for row in found)
    assert found[0].current == ("areas/2025-20938",)
    assert mentions("huyện Nam Trà My", THEN)[0].current == tuple(sorted(NAM_TRA_MY))


@given(st.text(alphabet=st.sampled_from("xã TràLengDơnP.Q1,;()\nhuyệnNamMycũ-")))
def test_any_text_is_read(text: str) -> None:
    found = mentions(text, NOW, DA_NANG)
    assert [row.offset for row in found] == sorted(row.offset for row in found)
    assert all(0.5 <= row.score <= 1 for row in found)


def test_a_long_text_takes_linear_time() -> None:
    start = time.process_time()
    assert len(mentions("xã Trà Leng nhập với xã Trà Dơn; " * 5000, NOW)) == 10_000
    assert time.process_time() - start < 30
