"""Build the tables of the package from the published lists: ``python -m services.core.areas.build SOURCE``.

SOURCE holds communes.csv, provinces.csv, commune_changes_2025.csv and two licence texts. Only codes, names, kinds,
relations, published areas and points rounded to 0.01° are taken; no geometry.

Pairs (old commune, new commune) that the statistics office's conversion table does not hold are left out, unless the
old commune would lose its only successor: most of them come from communes that share a name across provinces.
"""

from __future__ import annotations

import csv
import io
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

DATA = Path(__file__).with_name("data")
"""Folder of the tables in the package."""

UNIT_COLUMNS = ("edition", "code", "title", "parent", "area_km2", "lon", "lat", "aliases")
CHANGE_COLUMNS = ("old", "new", "relation", "default")

CITIES_2004 = frozenset({"01", "31", "46", "48", "79", "92"})
"""Provinces that were cities under the central government on 2025-06-30 (Huế since 2025-01-01)."""

ALIASES = {
    "2004-46": ("Tỉnh Thừa Thiên Huế",),
    "2004-77": ("Tỉnh BR-VT",),
    "2004-79": ("Thành phố HCM", "TPHCM", "Sài Gòn"),
    "2025-79": ("Thành phố HCM", "TPHCM", "Sài Gòn"),
    "2004-66": ("Tỉnh Đắc Lắc", "Tỉnh Đăk Lăk"),
    "2025-66": ("Tỉnh Đắc Lắc", "Tỉnh Đăk Lăk"),
    "2004-67": ("Tỉnh Đắc Nông", "Tỉnh Đăk Nông"),
    "2004-62": ("Tỉnh Kontum",),
    "2004-06": ("Tỉnh Bắc Cạn",),
}
"""Other ways in which the press writes a province."""

Row = dict[str, str]


def tables(source: Path) -> dict[str, str]:
    """Texts of units.csv and changes.csv from the published lists in a folder."""
    communes, provinces = _read(source / "communes.csv"), _read(source / "provinces.csv")
    changes = _read(source / "commune_changes_2025.csv")
    return {
        "units.csv": _write(UNIT_COLUMNS, sorted(_units(communes, provinces, changes), key=_order)),
        "changes.csv": _write(CHANGE_COLUMNS, _changes(communes, provinces, changes)),
    }


def _units(communes: list[Row], provinces: list[Row], changes: list[Row]) -> Iterable[Row]:
    for row in provinces:
        yield _unit("2025", row["code"], row["full_name"], "", row, row["full_name_2025"])
    for row in communes:
        yield _unit("2025", row["code"], row["full_name"], row["province_code"], row, row["full_name_2025"])
    seen: set[str] = set()
    for row in changes:
        province, district = row["province_code_old"], row["district_code_old"]
        kind = "Thành phố" if province in CITIES_2004 else "Tỉnh"
        for code, title, parent in (
            (province, f"{kind} {row['province_old']}", ""),
            (district, row["district_old"], province),
            (row["code_old"], row["name_old"], district),
        ):
            if code and code not in seen:
                seen.add(code)
                yield _unit("2004", code, title, parent)


def _unit(
    edition: str, code: str, title: str, parent: str, figures: Row | None = None, former_title: str | None = None
) -> Row:
    aliases = list(ALIASES.get(f"{edition}-{code}", ()))
    title = title.replace("Thị Trấn", "Thị trấn")
    if former_title and former_title.split()[0] != title.split()[0]:
        aliases.append(former_title)
    figures = figures or {}
    return {
        "edition": edition,
        "code": code,
        "title": title,
        "parent": parent,
        "area_km2": figures.get("area_km2", ""),
        "lon": _rounded(figures.get("lon", "")),
        "lat": _rounded(figures.get("lat", "")),
        "aliases": "|".join(aliases),
    }


def _changes(communes: list[Row], provinces: list[Row], changes: list[Row]) -> Iterable[Row]:
    code_today = {row["code_2025"]: row["code"] for row in communes}
    by_old: dict[str, list[Row]] = {}
    for row in changes:
        by_old.setdefault(row["code_old"] or row["district_code_old"], []).append(row)
    for old, pairs in sorted(by_old.items()):
        kept = [row for row in pairs if row["table_check"] != "not_in_table"] or pairs
        kept.sort(key=lambda row: (row["default"] != "1", row["code_new"]))
        for rank, row in enumerate(kept):
            relation = "whole" if len(kept) == 1 else row["relation"]
            new = code_today[row["code_new"]]
            yield {"old": old, "new": new, "relation": relation, "default": str(int(rank == 0))}
    for row in provinces:
        for old in row["from_codes"].split():
            yield {"old": old, "new": row["code"], "relation": "whole", "default": "1"}


def _order(row: Row) -> tuple[str, int, str]:
    return row["edition"], len(row["code"]), row["code"]


def _rounded(number: str) -> str:
    return f"{float(number):.2f}" if number else ""


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(columns: tuple[str, ...], rows: Iterable[Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def main(source: Path) -> None:
    """Write the tables and the licence texts of `source` into the package."""
    DATA.mkdir(exist_ok=True)
    for name, text in tables(source).items():
        (DATA / name).write_text(text, encoding="utf-8")
    for licence in source.glob("LICENSE-*.txt"):
        shutil.copyfile(licence, DATA / licence.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
