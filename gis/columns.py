"""Which column of a file means what: aliases of the names that cadastral programs write, and how values are read.

Names are compared without case, Vietnamese marks and punctuation: ``Số tờ``, ``SO_TO`` and ``soTo`` are one name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from services.core.vietnamese import fold

ALIASES: Mapping[str, tuple[str, ...]] = {
    "commune": ("ma_xa", "maDVHCXa", "maDVHC", "maXaPhuong", "maPhuongXa", "commune"),
    "sheet": ("so_to", "SHBANDO", "soHieuToBanDo", "soToBanDo", "toBanDo", "soHieuTo", "sheet"),
    "number": ("so_thua", "SHTHUA", "soThuTuThua", "soHieuThua", "soThuaDat", "thuaDat", "number"),
    "land_use_code": (
        "loai_dat",
        "MLOAIDAT",
        "maLoaiDat",
        "maMucDichSuDung",
        "mucDichSuDung",
        "mucDichSuDungDat",
        "land_use_code",
    ),
    "declared_area_m2": ("dt_phap_ly", "dienTichPhapLy", "DIENTICH", "declared_area_m2"),
    "scale": ("ty_le", "tyLeBanDo", "mauSoTyLe", "scale"),
    "old_sheet": ("soHieuToBanDoCu", "so_to_cu", "soToCu"),
    "old_number": ("soThuTuThuaCu", "so_thua_cu", "soThuaCu"),
    "identifier": ("gml_id", "localId", "inspire_id", "objectid", "fid", "id"),
}
"""Names in files for each column of `gis.model.ParcelTable`, the most telling first.

Sources: Famis and ViLIS exports (SHBANDO …), the VBDLIS exchange format (soHieuToBanDo …), plain names (ma_xa …).
``old_*`` is the number before a renumbering; ``identifier`` names a record that has no sheet and parcel number.
"""

PERSON_WORDS: Mapping[str, tuple[str, ...]] = {
    "identity": (
        "cccd", "cmnd", "socmt", "cancuoc", "chungminh", "hochieu", "sodinhdanh", "giayto", "soddcn",
    ),
    "contact": ("dienthoai", "didong", "sodt", "sosdt", "email", "phone"),
    "other": ("ngaysinh", "namsinh", "gioitinh", "dantoc", "quoctich", "masothue"),
    "address": ("diachi", "thuongtru", "hokhau", "noicutru", "noio"),
    "name": (
        "tenchu", "chusudung", "chusd", "chusohuu", "chuho", "nguoisud", "nguoisd", "tennguoi", "hoten", "hovaten",
        "vochong", "tenvo", "tenchong", "dongsudung", "owner",
    ),
}  # fmt: skip
"""Parts of folded names of columns about a person, by what they hold; the first kind that fits counts.

Sources: Famis and ViLIS exports (TENCHU, DIACHI, SOCMND …), the VBDLIS exchange format (hoTen, soGiayTo …), forms of the
offices (Chủ sử dụng, Số CCCD …). ``giayto`` takes papers of parcels too: rather one column too many than a person.
"""

MOST_PERSON_COLUMNS = 50
"""Columns about persons that are told and kept of a file."""

_PERSON_NAMES = {
    "csd": "name", "tencsd": "name", "chu": "name", "cmt": "identity", "dcchu": "address",
    "dchi": "address", "dchichu": "address", "sdt": "contact", "mst": "other",
}  # fmt: skip
"""Whole folded names that are too short to be looked for within others."""
_PLACE_OF_PARCEL = ("diachithua", "diachidat", "diachikhudat")
_NOT_ALNUM = re.compile(r"[^0-9a-z]+")
_SHAPEFILE_NAME = 10


def folded(name: str) -> str:
    """A column name as it is compared. Example: ``Số tờ`` becomes ``soto``."""
    return _NOT_ALNUM.sub("", fold(name))


_BY_NAME = {folded(alias): (key, rank) for key, names in ALIASES.items() for rank, alias in enumerate(names)}
_BY_SHORT_NAME: dict[str, tuple[str, int]] = {}
for _names in ALIASES.items():
    for _rank, _alias in enumerate(_names[1]):
        if len(_alias) > _SHAPEFILE_NAME:
            _BY_SHORT_NAME.setdefault(folded(_alias[:_SHAPEFILE_NAME]), (_names[0], _rank))


def person_kind(name: str) -> str:
    """What a column tells of a person: a key of `PERSON_WORDS`; "" where it is about no person."""
    plain = folded(name)
    if plain.startswith(_PLACE_OF_PARCEL):
        return ""
    within = (kind for kind, words in PERSON_WORDS.items() if any(word in plain for word in words))
    return _PERSON_NAMES.get(plain) or next(within, "")


def is_personal(name: str) -> bool:
    """Whether a column is about a person (owner, identity paper, address, telephone)."""
    return bool(person_kind(name))


def recognise(names: Iterable[str]) -> dict[str, str]:
    """The columns of a file by their meaning: key of `ALIASES` → name in the file.

    Where several names mean the same, the one that stands first in `ALIASES` wins. Names that a Shapefile cut at ten
    characters are known too.
    """
    best: dict[str, tuple[int, str]] = {}
    for name in names:
        plain = folded(name)
        found = _BY_NAME.get(plain) or (_BY_SHORT_NAME.get(plain) if len(name) == _SHAPEFILE_NAME else None)
        if found and (found[0] not in best or found[1] < best[found[0]][0]):
            best[found[0]] = (found[1], name)
    return {key: name for key, (_, name) in best.items()}


def to_text(value: Any) -> str:
    """A value of any type as it reads in the file: 117.0 of a number column is ``117``; nothing is empty.

    Halves of surrogate pairs, which JSON can hold and no text can, become ``?``.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bytes):
        return ""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        return repr(value)
    return str(value)


def to_area(text: str) -> float:
    """An area in square metres, with decimal point or comma; NaN where the text is no number.

    Examples: ``1234.5``, ``1234,5``, ``1.234,5``.
    """
    plain = text.replace(" ", "").replace("\u00a0", "")
    if "," in plain:
        plain = (
            plain.replace(".", "").replace(",", ".") if plain.rfind(",") > plain.rfind(".") else plain.replace(",", "")
        )
    try:
        return float(plain)
    except ValueError:
        return math.nan


def to_scale(text: str) -> int:
    """Denominator of a map scale written as ``1000``, ``1:1000`` or ``1/1000``; 0 where it is none."""
    digits = text.replace(" ", "").replace(".", "")
    for prefix in ("1:", "1/"):
        digits = digits.removeprefix(prefix)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 6 else 0


def to_commune_code(text: str) -> str:
    """A commune code of five digits; a number column's lost leading zeros come back. Example: 6978 is ``06978``."""
    code = text.strip()
    return code.zfill(5) if code.isascii() and code.isdigit() and 3 <= len(code) <= 5 else code
