"""All numbers here are invented."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.masking import mask

PHONE, CARD, ACCOUNT = "[số điện thoại]", "[số định danh]", "[số tài khoản]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gọi 0912345678 nhé", f"gọi {PHONE} nhé"),
        ("gọi 0912 345 678, 0912.345.678 hoặc 0912-345-678.", f"gọi {PHONE}, {PHONE} hoặc {PHONE}."),
        ("+84 912 345 678; (+84) 912345678; 84912345678", f"{PHONE}; {PHONE}; {PHONE}"),
        ("(0912) 345 678 và Zalo:0912345678", f"{PHONE} và Zalo:{PHONE}"),
        ("máy bàn 0235.3812.345, (0235) 3812345", f"máy bàn {PHONE}, {PHONE}"),
        ("CCCD 049085001234", f"CCCD {CARD}"),
        ("căn cước công dân số 049 085 001234", f"căn cước công dân số {CARD}"),
        ("số 049085001234 cấp năm 2021", f"số {CARD} cấp năm 2021"),
        ("CMND số 205123456", f"CMND số {CARD}"),
        ("STK: 0071000123456 Vietcombank", f"STK: {ACCOUNT} Vietcombank"),
        ("tài khoản 4200 2051 23456 tại ngân hàng", f"tài khoản {ACCOUNT} tại ngân hàng"),
        ("thư a.b-c@mail.example.vn.", "thư [thư điện tử]."),
        ("xe máy biển số 92H1-234.56", "xe máy biển số [biển số xe]"),
        ("BKS 43A-123.45 chạy", "BKS [biển số xe] chạy"),
        (unicodedata.normalize("NFD", "điện thoại 0912345678"), f"điện thoại {PHONE}"),
    ],
)
def test_personal_numbers_are_masked_and_masking_again_changes_nothing(text: str, expected: str) -> None:
    assert mask(text) == (expected, True)
    assert mask(expected) == (expected, False)


@pytest.mark.parametrize(
    "text",
    [
        "thửa đất số 123, tờ bản đồ số 5, xã Trà Leng",
        "Nghị định 101/2024/NĐ-CP, Quyết định 0912345678/QĐ-UBND",
        "hỗ trợ 1.250.000.000 đồng, 0912345678 đồng, tài khoản bị trừ 12.500.000",
        "205123456 hộ dân, diện tích 912345678 m2",
        "từ 05.10.2024 đến 09-10-2024, 7 giờ 30",
        "toạ độ 1695123.45, 545123.678; tỷ lệ 0.912345678",
        "mã hồ sơ 000.00.16.H17-241005-0012, mã xã 20944",
        "tờ khai 01/TK-SDDPNN, tổng đài 1900 1234, gọi 113",
        "năm 2012 2013 2014 2015",
        "",
    ],
)
def test_parcels_documents_amounts_and_dates_are_left_alone(text: str) -> None:
    assert mask(text) == (text, False)


@given(st.from_regex(r"0[35789][0-9]{8}", fullmatch=True), st.sampled_from(["", " ", ".", "-"]))
def test_every_mobile_number_is_masked(number: str, gap: str) -> None:
    written = gap.join((number[:4], number[4:7], number[7:]))
    assert mask(f"liên hệ {written} để biết") == (f"liên hệ {PHONE} để biết", True)


@given(st.text(alphabet=st.sampled_from("0912345678 .-@aSTK:đ/\n")))
def test_masking_never_fails_and_is_stable(text: str) -> None:
    once, _ = mask(text)
    assert mask(once) == (once, False)


def test_a_page_of_numbers_takes_linear_time() -> None:
    text = "0912345678 thửa 5 tờ 3, 12/QĐ-UBND; " * 5000
    start = time.process_time()
    masked, found = mask(text)
    assert found
    assert masked.count(PHONE) == 5000
    assert time.process_time() - start < 30
