"""The rows of a report: findings and parcels as tables, in Vietnamese, for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from services.core.vietnamese import strip_controls
from services.gateway.reports.model import SEVERITIES, Report

Value = str | float | int | None
"""A text is written as text, whatever it looks like; a number as a number."""

MOST_ATTRIBUTES = 60
MOST_TEXT = 32_000
"""Characters of a cell; a spreadsheet program takes 32 767."""


class Sheet(NamedTuple):
    """A table.

    Attributes:
        title: its name.
        headings: names of the columns.
        widths: width of each column in characters.
        rows: the rows.
    """

    title: str
    headings: list[str]
    widths: list[int]
    rows: Iterator[list[Value]]


_FINDINGS = {
    "Mức độ": 11, "Mã quy tắc": 8, "Quy tắc": 26, "Tờ": 8, "Thửa": 10, "Nội dung": 80, "Giá trị đo": 12,
    "Hạn sai": 12, "Đơn vị": 8, "X (Bắc, m)": 15, "Y (Đông, m)": 15, "Thửa liên quan": 26, "Bản ghi": 8,
    "Mã phát hiện": 30,
}  # fmt: skip
_PARCELS = {
    "Mã xã": 10, "Tờ": 8, "Thửa": 10, "Loại đất": 10, "Diện tích pháp lý (m²)": 14, "Diện tích tính toán (m²)": 14,
    "Tỷ lệ 1:": 8, "Số lỗi": 8, "Bản ghi": 8, "Tên thửa": 34,
}  # fmt: skip


def summary(report: Report) -> Sheet:
    """The report in a few lines."""
    done = report.done
    facts: list[list[Value]] = [
        ["Tệp", done.file_name],
        ["Đợt nhập", done.name or "chỉ kiểm tra, không nhập"],
        ["Hệ toạ độ", _system(report)],
        ["Số thửa", done.parcel_count],
        ["Lỗi", done.error_count],
        ["Cảnh báo", done.warning_count],
        ["Thông tin", done.info_count],
        ["Lập lúc", f"{report.made:%d/%m/%Y %H:%M}"],
    ]
    if done.HasField("problem"):
        facts.append(["Vì sao dừng", clean(done.problem.vi)])
    if done.owner_columns:
        fate = "lưu riêng, không ghi ra báo cáo" if done.owners_kept else "không lưu"
        facts.append(["Cột về cá nhân", f"{clean(', '.join(done.owner_columns))} ({fate})"])
    if report.left_out:
        facts.append(["Không ghi ra", f"{report.left_out} mục vượt giới hạn của báo cáo"])
    return Sheet("Tóm tắt", ["Mục", "Giá trị"], [18, 70], iter(facts))


def _system(report: Report) -> str:
    origin = "hệ gợi ý" if report.assumed else ORIGINS.get(report.done.coordinate_system_origin, "")
    return f"{report.done.coordinate_system} ({origin})"


ORIGINS = {"file": "theo tệp", "user": "theo người dùng", "detected": "tự xác định"}
"""How a coordinate system was known, in Vietnamese."""


def findings(report: Report) -> Sheet:
    """One row a finding; places in VN-2000, X to the north."""
    return Sheet("Phát hiện", list(_FINDINGS), list(_FINDINGS.values()), _finding_rows(report))


def parcels(report: Report) -> Sheet:
    """One row a parcel, with the attributes of the file."""
    names = sorted({name for parcel in report.parcels for name in parcel.attributes})[:MOST_ATTRIBUTES]
    headings = [*_PARCELS, *map(clean, names)]
    return Sheet("Thửa đất", headings, [*_PARCELS.values(), *[16] * len(names)], _parcel_rows(report, names))


def _finding_rows(report: Report) -> Iterator[list[Value]]:
    for finding, point in zip(report.findings, report.points, strict=True):
        parcel = report.by_record.get(finding.record)
        yield [
            SEVERITIES.get(finding.severity, ""),
            finding.rule_code,
            report.rules.get(finding.rule, ""),
            clean(parcel.sheet) if parcel else "",
            clean(parcel.number) if parcel else "",
            clean(finding.message.vi),
            finding.measured_value if finding.HasField("measured_value") else None,
            finding.threshold_value if finding.HasField("threshold_value") else None,
            finding.unit_code,
            None if point is None else round(point.y, 3),
            None if point is None else round(point.x, 3),
            clean(", ".join(report.label(record) for record in finding.related_records)),
            finding.record + 1 if finding.record >= 0 else None,
            finding.name.removeprefix("findings/"),
        ]


def _parcel_rows(report: Report, names: list[str]) -> Iterator[list[Value]]:
    for parcel in report.parcels:
        yield [
            parcel.commune.rpartition("-")[2],
            clean(parcel.sheet),
            clean(parcel.number),
            clean(parcel.land_use_code),
            parcel.declared_area_m2 if parcel.HasField("declared_area_m2") else None,
            round(parcel.computed_area_m2, 2),
            parcel.scale or None,
            parcel.error_count,
            parcel.record + 1,
            clean(parcel.name),
            *(clean(parcel.attributes.get(name, "")) for name in names),
        ]


def clean(text: str) -> str:
    """A text without control characters, of the length that a cell takes."""
    return strip_controls(text)[:MOST_TEXT]
