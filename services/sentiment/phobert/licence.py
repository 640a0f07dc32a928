"""The gate in front of a model directory: what its card says about the licence, and whether that permits the use."""

from __future__ import annotations

import json
import re
from pathlib import Path

from services.core.errors import LicenceRefused
from services.sentiment.phobert.checkpoint import MATTER

NONE = "none"
PERMITTED = frozenset(
    [
        *("mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "mpl-2.0"),
        *("cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0"),
    ]
)
"""SPDX identifiers, in lower case, under which an office may run and change a model. All others are refused."""
_CARDS = ("README.md", "card.md")
_LICENCES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "COPYING")
_FIRST_WORDS = (
    ("gnu affero general public", "agpl-3.0"),
    ("gnu lesser general public", "lgpl-3.0"),
    ("gnu general public", "gpl-3.0"),
    ("apache license", "apache-2.0"),
    ("mit license", "mit"),
    ("attribution-noncommercial", "cc-by-nc-4.0"),
)
"""How the text of a licence begins → its identifier."""
_FIELD = re.compile(r"^licen[sc]e:[ \t]*(.*(?:\n[ \t]*-.*)*)", re.MULTILINE)


def stated(folder: Path) -> list[str]:
    """The licences that a directory names, each once: in `card.json`, in the head of its card, in a licence file."""
    found = [_card_json(folder / "card.json")]
    for name in _CARDS:
        matter = MATTER.match(_text(folder / name))
        field = _FIELD.search(matter[1]) if matter else None
        found += re.findall(r"[\w.+-]*[A-Za-z][\w.+-]*", field[1]) if field else []
    for name in _LICENCES:
        opening = " ".join(_text(folder / name)[:2000].lower().split())
        found.append(next((licence for words, licence in _FIRST_WORDS if words in opening), ""))
    named = dict.fromkeys(licence.strip().lower() for licence in found)
    return [licence for licence in named if licence and licence != NONE]


def gate(folder: Path, accepted: str) -> str:
    """The licence of a directory that may be used.

    Args:
        folder: of the model.
        accepted: a licence that is let pass although it is not `PERMITTED`, exactly as the card names it;
            "none" lets a directory without a licence pass.

    Raises:
        LicenceRefused: a licence that it names, or the lack of one, is neither permitted nor accepted.
    """
    named = stated(folder) or [NONE]
    for licence in named:
        if licence not in PERMITTED and licence != accepted.strip().lower():
            raise _refused(folder, licence)
    return ", ".join(named)


def _refused(folder: Path, licence: str) -> LicenceRefused:
    if licence == NONE:
        vi, en = "không ghi giấy phép", "names no licence"
    else:
        vi, en = f"có giấy phép “{licence}”", f"has the licence '{licence}'"
    return LicenceRefused(
        f"Mô hình trong {folder} {vi}, nên không được dùng. Nếu cơ quan đã được phép sử dụng, hãy đặt "
        f'sentiment.accept_licence = "{licence}" (hoặc --accept-licence {licence}).',
        f"The model in {folder} {en} and is therefore not used. If your office has the right to use it, set "
        f'sentiment.accept_licence = "{licence}" (or --accept-licence {licence}).',
        {"licence": licence, "folder": str(folder)},
    )


def _card_json(path: Path) -> str:
    try:
        card = json.loads(_text(path) or "{}")
    except ValueError:
        return ""
    licence = card.get("licence") if isinstance(card, dict) else None
    return licence if isinstance(licence, str) else ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
