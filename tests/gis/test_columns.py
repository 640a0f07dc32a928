"""Columns get their meaning from many spellings; values keep what the file says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis import columns

FAMIS = ["SHBANDO", "SHTHUA", "DIENTICH", "MLOAIDAT", "TENCHU", "DIACHI", "SOGCN"]
VBDLIS = ["soHieuToBanDo", "soThuTuThua", "dienTich", "dienTichPhapLy", "soHieuToBanDoCu", "soThuTuThuaCu"]
PLAIN = ["ma_xa", "so_to", "so_thua", "loai_dat", "dt_phap_ly", "ty_le"]
WORDS = ["Mã xã", "Số tờ", "Số thửa", "Loại đất", "Diện tích pháp lý", "Tỷ lệ"]


def test_the_names_of_cadastral_programs_are_known() -> None:
    famis = columns.recognise(FAMIS)
    assert famis == {
        "sheet": "SHBANDO",
        "number": "SHTHUA",
        "declared_area_m2": "DIENTICH",
        "land_use_code": "MLOAIDAT",
    }
    vbdlis = columns.recognise(VBDLIS)
    assert vbdlis["declared_area_m2"] == "dienTichPhapLy", "the map area must not stand for the legal one"
    assert (vbdlis["old_sheet"], vbdlis["old_number"]) == ("soHieuToBanDoCu", "soThuTuThuaCu")
    keys = ["commune", "sheet", "number", "land_use_code", "declared_area_m2", "scale"]
    assert columns.recognise(PLAIN) == dict(zip(keys, PLAIN, strict=True))
    assert columns.recognise(WORDS) == dict(zip(keys, WORDS, strict=True))


def test_names_that_a_shapefile_cut_are_known() -> None:
    assert columns.recognise(["soHieuToBa", "soThuTuThu", "dienTichPh"]) == {
        "sheet": "soHieuToBa",
        "number": "soThuTuThu",
        "declared_area_m2": "dienTichPh",
    }


@given(st.sampled_from(FAMIS + VBDLIS + PLAIN), st.data())
def test_case_and_punctuation_do_not_matter(name: str, data: st.DataObject) -> None:
    respelt = "".join(data.draw(st.sampled_from([c.lower(), c.upper(), c + "_", " " + c])) for c in name)
    assert len(respelt) == 10 or set(columns.recognise([respelt])) == set(columns.recognise([name]))
    assert columns.is_personal(respelt) == columns.is_personal(name)


@pytest.mark.parametrize(
    "name", ["TENCHU", "Tên chủ sử dụng", "DIACHI", "dia_chi_chu", "CCCD", "so_cmnd", "Điện thoại", "owner_name", "NAMSINH"]
)  # fmt: skip
def test_columns_about_persons_are_known(name: str) -> None:
    assert columns.is_personal(name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("TENCHU", "name"), ("Chủ sử dụng", "name"), ("NguoiSuDun", "name"), ("CSD", "name"), ("hoTen", "name"),
        ("Số CCCD của chủ", "identity"), ("SoCMT", "identity"), ("soGiayTo", "identity"), ("CMND_CHU_SD", "identity"),
        ("Địa chỉ chủ sử dụng", "address"), ("DCCHU", "address"), ("HoKhauTT", "address"),
        ("SĐT", "contact"), ("dien_thoai_chu", "contact"), ("Năm sinh", "other"), ("MST", "other"),
        ("Địa chỉ thửa đất", ""), ("DT", ""), ("ngay_cap", ""), ("maDinhDanhThua", ""), ("xu_dong", ""),
    ],
)  # fmt: skip
def test_columns_about_persons_say_what_they_hold(name: str, kind: str) -> None:
    assert columns.person_kind(name) == kind


@pytest.mark.parametrize("name", ["dia_chi_thua_dat", "SOGCN", "ghi_chu", "so_thua", "ten_xa", "chu_vi"])
def test_other_columns_are_kept(name: str) -> None:
    assert not columns.is_personal(name)


@pytest.mark.parametrize(
    ("text", "area"),
    [("1234.5", 1234.5), ("1234,5", 1234.5), ("1.234,5", 1234.5), ("1,234.5", 1234.5), (" 400 ", 400), ("1 234,5", 1234.5)],
)  # fmt: skip
def test_areas_are_read_with_point_or_comma(text: str, area: float) -> None:
    assert columns.to_area(text) == area


@pytest.mark.parametrize("text", ["", "khoảng 400", "400 m2", "-", "4.0.0"])
def test_what_is_no_area_is_not_guessed(text: str) -> None:
    assert math.isnan(columns.to_area(text))


@given(st.floats(-1e12, 1e12))
def test_every_number_reads_back_as_itself(value: float) -> None:
    assert columns.to_area(columns.to_text(value)) == value


def test_values_become_text_as_the_file_says() -> None:
    assert [columns.to_text(value) for value in (117.0, 117, "025", None, math.nan, 0.5, b"\x00", True)] == [
        "117", "117", "025", "", "", "0.5", "", "True",
    ]  # fmt: skip


def test_scales_and_codes() -> None:
    assert [columns.to_scale(text) for text in ("1000", "1:1000", "1/500", "1:2.000", "x", "", "-5")] == [
        1000, 1000, 500, 2000, 0, 0, 0,
    ]  # fmt: skip
    assert [columns.to_commune_code(text) for text in ("20944", "6978", " 06978 ", "Trà Mai", "")] == [
        "20944", "06978", "06978", "Trà Mai", "",
    ]  # fmt: skip
