"""Mask personal numbers before anything is stored (Law 91/2025/QH15: identity cards, phones, accounts, mail, plates).

What the product lives on is left alone: parcels, sheets, documents, dates, amounts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.core.references import document_spans, parcel_spans
from services.core.vietnamese import nfc

_GAP = r"[ .\-\u00a0]?"
_WORTH_LOOKING = re.compile(rf"@|\d(?:{_GAP}\d){{3}}")
_AMOUNT = re.compile(r"\s*(?:đồng|đ|vnđ|vnd|usd|m2|m²|ha|km|tỷ|triệu|nghìn)\b", re.IGNORECASE)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:[.,]\d{3})+")
_DATE = re.compile(r"(?<!\d)\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d{2}(?!\d)")


@dataclass(frozen=True, slots=True)
class _Secret:
    """A kind of personal number: the group `number` of the pattern is replaced by the label."""

    label: str
    pattern: re.Pattern[str]


def _in_context(words: str, number: str, between: str = r"[^\d\n]{0,40}?") -> re.Pattern[str]:
    return re.compile(rf"(?<![\w/])(?:{words})(?!\w){between}(?<![\w/])(?P<number>{number})(?![\d/])", re.IGNORECASE)


_SECRETS = (
    _Secret("[thư điện tử]", re.compile(r"(?<![\w.+-])(?P<number>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5})")),
    _Secret(
        "[số tài khoản]",
        _in_context(r"stk|số tk|số tài khoản|tài khoản(?: số)?|tk|so tai khoan|tai khoan", rf"\d(?:{_GAP}\d){{5,18}}"),
    ),
    _Secret(
        "[số định danh]",
        _in_context(
            r"cccd|cmnd|cmtnd|căn cước(?: công dân)?|chứng minh(?: nhân dân| thư)?|định danh(?: cá nhân)?|can cuoc|chung minh",
            rf"\d(?:{_GAP}\d){{11}}|\d(?:{_GAP}\d){{8}}",
        ),
    ),
    _Secret(
        "[số định danh]", re.compile(rf"(?<!\d[.,])(?<![\w/])(?P<number>0\d{{2}}(?:{_GAP}\d){{9}})(?![\d/]|[.,]\d)")
    ),
    _Secret(
        "[số điện thoại]",
        re.compile(
            r"(?<!\d[.,])(?<![\w/])(?P<number>"
            rf"\(?\+84\)?{_GAP}\(?0?\)?[235789](?:{_GAP}\d){{8,9}}"
            r"|84[35789]\d{8}"
            rf"|\(0[35789]\d{{1,2}}\)(?:{_GAP}\d){{6,7}}"
            rf"|0[35789]\d(?:{_GAP}\d){{7}}"
            rf"|\(02\d{{1,2}}\)(?:{_GAP}\d){{7,8}}"
            rf"|02\d(?:{_GAP}\d){{8}}"
            r")(?![\d/])"
        ),
    ),
    _Secret(
        "[biển số xe]",
        _in_context(
            r"biển số|biển kiểm soát|biển đăng ký|bks|bsx|biển|bien so|xe máy|xe ô tô|ô tô|xe tải|xe khách|xe",
            r"\d{2}[ -]?[A-ZĐ]{1,2}\d?[ .-]?(?:\d{3}[. ]?\d{2}|\d{4})",
        ),
    ),
)


def mask(text: str) -> tuple[str, bool]:
    """The text in NFC with personal numbers replaced by what they were, and whether there were any.

    Masked: identity cards (12 digits from 0; 9 or 12 digits after CCCD, CMND, căn cước), phone numbers with or without
    separators, bank accounts and number plates after words that announce them, mail addresses. Masking twice changes
    nothing.
    """
    text = nfc(text)
    if not _WORTH_LOOKING.search(text):
        return text, False
    found = False
    for secret in _SECRETS:
        spans = _spans(secret, text)
        if spans:
            starts, ends = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)]
            text = secret.label.join(text[start:end] for start, end in zip(starts, ends, strict=True))
            found = True
    return text, found


def _spans(secret: _Secret, text: str) -> list[tuple[int, int]]:
    spans = [match.span("number") for match in secret.pattern.finditer(text) if not _is_amount(match)]
    if not spans:
        return []
    kept = bytearray(len(text))
    for start, end in [*parcel_spans(text), *document_spans(text), *(match.span() for match in _DATE.finditer(text))]:
        kept[start:end] = b"\1" * (end - start)
    return [(start, end) for start, end in spans if not any(kept[start:end])]


def _is_amount(match: re.Match[str]) -> bool:
    return _THOUSANDS.fullmatch(match["number"]) is not None or _AMOUNT.match(match.string, match.end()) is not None
