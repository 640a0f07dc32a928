from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from services.core.areas import Unit, build, register
from services.core.clock import REFORM_DATE

EVE = REFORM_DATE - timedelta(days=1)
PROVINCE, DISTRICT, COMMUNE = 1, 2, 3


def unit(name: str) -> Unit:
    found = register().get(name)
    assert found is not None, name
    return found


def test_both_editions_are_complete() -> None:
    count = {(edition, level): len(register().units(edition, level)) for edition in (2004, 2025) for level in (1, 2, 3)}
    assert count == {(2025, 1): 34, (2025, 2): 0, (2025, 3): 3321, (2004, 1): 63, (2004, 2): 696, (2004, 3): 10035}
    assert len(register()) == sum(count.values())


def test_a_code_means_another_unit_after_the_reform() -> None:
    before, after = register().by_code("20938", EVE), register().by_code("20938", REFORM_DATE)
    assert before is not None
    assert after is not None
    assert (before.title, before.name, before.valid_until) == ("Xã Trà Dơn", "areas/2004-20938", REFORM_DATE)
    assert (after.title, after.name, after.valid_from) == ("Xã Trà Leng", "areas/2025-20938", REFORM_DATE)
    assert before.successors == ("areas/2025-20938",)
    assert after.predecessors == ("areas/2004-20935", "areas/2004-20938")


def test_the_five_communes_of_nam_tra_my_cover_the_ten_old_ones() -> None:
    district = unit("areas/2004-516")
    assert register().current(district.name) == tuple(
        f"areas/2025-{code}" for code in (20938, 20941, 20944, 20950, 20959)
    )
    old = {child.name for child in register().units(2004, parent=district.name)}
    assert len(old) == 10
    assert {name for today in district.successors for name in unit(today).predecessors} == old


def test_every_relation_is_told_from_both_sides() -> None:
    for row in register():
        if row.edition == 2025:
            assert row.predecessors, row.name
            assert all(row.name in unit(name).successors for name in row.predecessors)
        else:
            assert row.successors, row.name
            assert {unit(name).edition for name in row.successors} == {2025}


def test_every_unit_has_a_parent_of_its_edition_and_a_province() -> None:
    for row in register():
        province = register().province_of(row.name)
        assert province is not None
        assert province.level == PROVINCE
        assert province.edition == row.edition
        assert (row.parent == "") == (row.level == PROVINCE)


def test_points_of_communes_are_rounded_and_in_the_country() -> None:
    for row in register().units(2025, COMMUNE):
        assert row.lon is not None
        assert row.lat is not None
        assert 102 < row.lon < 115
        assert 7 < row.lat < 24
        assert round(row.lon, 2) == row.lon
    assert all(row.lon is None for row in register().units(2004))


def test_island_districts_without_communes_are_covered_by_special_zones() -> None:
    for district, today in (("318", "11948"), ("471", "19742"), ("498", "20333"), ("536", "21548"), ("755", "26732")):
        assert register().units(2004, parent=f"areas/2004-{district}") == []
        assert register().current(f"areas/2004-{district}") == (f"areas/2025-{today}",)


def test_a_code_that_changed_within_the_edition_finds_its_unit() -> None:
    assert unit("areas/2025-06970").name == "areas/2025-06978"
    assert unit("areas/2004-06970").title == "Thị trấn Ba Chẽ"
    assert register().current("areas/2004-06970") == ("areas/2025-06978",)


def test_provinces_are_covered_by_provinces() -> None:
    assert register().current("areas/2004-49") == ("areas/2025-48",)
    assert unit("areas/2025-48").predecessors == ("areas/2004-48", "areas/2004-49")
    assert unit("areas/2025-75").title == "Thành phố Đồng Nai"
    assert unit("areas/2025-75").aliases == ("Tỉnh Đồng Nai",)


def test_pairs_that_the_official_table_does_not_hold_are_left_out_where_another_remains() -> None:
    assert register().current("areas/2004-25462") == ("areas/2025-25459",)  # not Long An, far away
    assert register().current("areas/2004-31379") == ("areas/2025-31378",)
    assert register().current("areas/2004-02482") == ("areas/2025-02494",)  # the only one


def test_names_of_nothing() -> None:
    assert register().get("areas/2025-99999") is None
    assert register().get("nonsense") is None
    assert register().by_code("516", REFORM_DATE) is None
    assert register().current("areas/2025-99999") == ()
    assert register().province_of("areas/2025-99999") is None


@pytest.mark.parametrize(
    ("query", "edition", "expected"),
    [
        ("tra leng", 2025, {"areas/2025-20938"}),
        ("TRÀ DƠN", 2004, {"areas/2004-20938"}),
        ("Trà Don", 2004, {"areas/2004-20956"}),
        ("nam tra my", 2004, {"areas/2004-516"}),
        ("thừa thiên huế", 2004, {"areas/2004-46"}),
        ("zzz", 2025, set()),
    ],
)
def test_search_folds_a_query_without_marks_only(query: str, edition: int, expected: set[str]) -> None:
    assert {row.name for row in register().search(query, edition)} == expected


def test_search_reads_both_styles_of_tone_marks() -> None:
    assert register().search("Hòa Vang", 2025) == register().search("Hoà Vang", 2025) != []


def test_search_within_a_parent_and_level() -> None:
    found = register().search("trà", 2025, COMMUNE, "areas/2025-48")
    assert found
    assert all(row.parent == "areas/2025-48" and row.level == COMMUNE for row in found)


def test_the_tables_are_what_the_published_lists_give(shared: Path) -> None:
    for name, text in build.tables(shared / "data" / "land" / "areas").items():
        assert (build.DATA / name).read_text(encoding="utf-8") == text, f"{name} is stale: run the build again"


def test_the_licence_texts_lie_beside_the_tables() -> None:
    licences = sorted(path.name for path in build.DATA.glob("LICENSE-*.txt"))
    assert licences == ["LICENSE-vietnamadminunits.txt", "LICENSE-vietnamese-provinces-database.txt"]
    assert all("MIT License" in (build.DATA / name).read_text(encoding="utf-8") for name in licences)


def test_building_writes_the_tables_and_licences(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "DATA", tmp_path / "data")
    build.main(shared / "data" / "land" / "areas")
    assert {path.name for path in (tmp_path / "data").iterdir()} == {
        "units.csv",
        "changes.csv",
        "LICENSE-vietnamadminunits.txt",
        "LICENSE-vietnamese-provinces-database.txt",
    }


def test_validity_is_the_edition() -> None:
    assert {row.valid_from for row in register().units(2025)} == {REFORM_DATE}
    assert {row.valid_until for row in register().units(2004)} == {REFORM_DATE}
