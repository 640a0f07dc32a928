"""Lists of corner points become parcels, whatever their columns are called and however their numbers are written."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gis import columns, corner_list
from gis.kinds import HEAD, Kind, sniff
from gis.layer import Layer
from gis.model import Severity
from gis.numbers import Axes, axes, decimal_sign, to_number
from gis.readers import to_sheet
from services.core.errors import UnreadableFile
from tests.gis import files, legacy, lists


def read(path: Path) -> Layer:
    kind = Kind.XLSX if path.suffix == ".xlsx" else sniff(path.read_bytes()[:HEAD])
    return corner_list.read(path, kind, 100_000)


def same_squares(layer: Layer, count: int = 2) -> bool:
    shapes = shapely.from_wkb(list(layer.wkb))
    return bool(shapely.equals(shapes, np.array(files.squares(count))).all()) and len(shapes) == count


@pytest.mark.parametrize("closed", [False, True])
def test_a_workbook(tmp_path: Path, closed: bool) -> None:
    layer = read(lists.workbook(tmp_path / "a.xlsx", [lists.HEADER, *lists.corners(closed=closed)]))
    assert same_squares(layer)
    sheet = to_sheet(Kind.XLSX, layer)
    assert {key: values.tolist() for key, values in sheet.known.items()} == {
        "sheet": ["3", "3"],
        "number": ["1", "2"],
        "land_use_code": ["ONT", "ONT"],
    }
    assert (sheet.crs, sheet.notes) == ("", ())


def test_a_workbook_with_shared_strings(tmp_path: Path) -> None:
    layer = read(lists.with_shared_strings(tmp_path / "a.xlsx", [lists.HEADER, *lists.corners()]))
    assert same_squares(layer)
    assert to_sheet(Kind.XLSX, layer).known["land_use_code"].tolist() == ["ONT", "ONT"]


@pytest.mark.parametrize(
    "names",
    [
        ("STT", "Số tờ bản đồ", "Số thửa", "Toạ độ X", "Toạ độ Y", "Loại đất"),
        ("stt", "so to", "so thua", "x", "y", "loai dat"),
        ("Điểm", "SHBANDO", "SHTHUA", "X(m)", "Y(m)", "MLOAIDAT"),
        ("TT", "TỜ BĐ", "THỬA", "BẮC", "ĐÔNG", "loại đất"),
        ("Số hiệu đỉnh", "Tờ số", "Thửa số", "Northing", "Easting", "Mục đích sử dụng đất"),
    ],
)
def test_headers_as_offices_write_them(tmp_path: Path, names: tuple[str, ...]) -> None:
    layer = read(lists.workbook(tmp_path / "a.xlsx", [("DANH SÁCH TOẠ ĐỘ",), (), names, *lists.corners()]))
    assert same_squares(layer)
    assert set(to_sheet(Kind.XLSX, layer).known) == {"sheet", "number", "land_use_code"}


def test_a_header_of_two_rows_with_merged_cells(tmp_path: Path) -> None:
    header = [("STT", "Tờ", "Thửa", "Toạ độ VN-2000", "", "Loại đất"), ("", "", "", "X", "Y", "")]
    layer = read(lists.workbook(tmp_path / "a.xlsx", [*header, *lists.corners()]))
    assert same_squares(layer)
    assert set(to_sheet(Kind.XLSX, layer).known) == {"sheet", "number", "land_use_code"}


@given(order=st.permutations(range(6)), swapped=st.booleans())
def test_columns_in_any_order_and_either_axis(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], swapped: bool
) -> None:
    rows = [(*row[:3], row[4], row[3], row[5]) if swapped else row for row in lists.corners()]
    shown = [[row[place] for place in order] for row in [lists.HEADER, *rows]]
    assert same_squares(read(lists.table(tmp_path_factory.mktemp("c") / "a.csv", shown)))


@pytest.mark.parametrize("delimiter", [";", "\t", ",", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1258", "tcvn3", "vni"])
def test_csv_of_every_delimiter_and_encoding(tmp_path: Path, delimiter: str, encoding: str) -> None:
    rows = [[str(cell) for cell in row] for row in [("STT", "Tờ", "Thửa", "X", "Y", "Ghi chú"), *lists.corners()]]
    for row in rows[1:]:
        row[3], row[4], row[5] = lists.vietnamese(float(row[3])), lists.vietnamese(float(row[4])), "đất trồng lúa"
    if write := {"cp1258": legacy.cp1258, "tcvn3": legacy.tcvn3, "vni": legacy.vni}.get(encoding):
        rows = [[write(cell) for cell in row] for row in rows]
        encoding = "latin-1"
    layer = read(lists.table(tmp_path / "a.csv", rows, delimiter, encoding))
    assert same_squares(layer)
    assert to_sheet(Kind.CSV, layer).known["number"].tolist() == ["1", "2"]


def test_sheet_and_parcel_named_in_the_first_row_only(tmp_path: Path) -> None:
    rows = [row if row[0] == 1 else (row[0], None, None, *row[3:]) for row in lists.corners()]
    layer = read(lists.workbook(tmp_path / "a.xlsx", [lists.HEADER, *rows, ("Tổng", None, None, None, 8, None)]))
    shapes = shapely.from_wkb(list(layer.wkb))
    assert shapely.equals(shapes, np.array(files.squares(2))).all()
    assert to_sheet(Kind.XLSX, layer).known["number"].tolist() == ["1", "2"]


@pytest.mark.parametrize("closed", [False, True])
def test_a_list_without_numbers_of_parcels(tmp_path: Path, closed: bool) -> None:
    rows = [(row[0], row[3], row[4]) for row in lists.corners(3, closed=closed)]
    assert same_squares(read(lists.workbook(tmp_path / "a.xlsx", [("STT", "X", "Y"), *rows])), 3)
    bare = [row[1:] for row in rows]
    apart = [*bare[: len(bare) // 3], (), *bare[len(bare) // 3 : 2 * len(bare) // 3], (), *bare[2 * len(bare) // 3 :]]
    assert same_squares(read(lists.workbook(tmp_path / "b.xlsx", [("X", "Y"), *apart])), 3)


def test_rows_of_a_parcel_need_not_stand_together(tmp_path: Path) -> None:
    rows = lists.corners()
    mixed = sorted(rows, key=lambda row: row[0])
    assert same_squares(read(lists.workbook(tmp_path / "a.xlsx", [lists.HEADER, *mixed])))


def test_a_parcel_of_two_rings_and_one_with_a_hole(tmp_path: Path) -> None:
    big, inner, far = (shapely.box(0, 0, 90, 90), shapely.box(30, 30, 60, 60), shapely.box(200, 0, 230, 30))
    rows = []
    for number, rings in (("1", (big, inner)), ("2", (big, far))):
        for ring in rings:
            rows += [("3", number, y + files.NORTH, x + files.EAST) for x, y in ring.exterior.coords]
    layer = read(lists.workbook(tmp_path / "a.xlsx", [("Tờ", "Thửa", "X", "Y"), *rows]))
    hole, multi = shapely.from_wkb(list(layer.wkb))
    assert (hole.area, multi.area) == (90 * 90 - 30 * 30, 90 * 90 + 30 * 30)
    assert (hole.geom_type, multi.geom_type) == ("Polygon", "MultiPolygon")


def test_damaged_cells_are_named(tmp_path: Path) -> None:
    header = ("Mã xã", "Tờ", "Thửa", "X", "Y")
    rows: list[list[object]] = [[6978, row[1], row[2], row[3], row[4]] for row in lists.corners()]
    for row in rows[4:]:
        row[2] = datetime(2026, 1, 25)
    rows[2][4] = "chưa đo"
    layer = read(lists.workbook(tmp_path / "a.xlsx", [header, *rows]))
    told = {note.details["case"]: note for note in layer.notes}
    assert {case: note.details["cell"] for case, note in told.items()} == {
        "zero": "A2",
        "date": "C6",
        "coordinate": "E4",
    }
    assert (told["zero"].details["before"], told["zero"].details["after"]) == ("6978", "06978")
    assert (told["zero"].details["count"], told["zero"].record, told["zero"].related) == ("8", 0, (1,))
    assert (told["date"].details["before"], told["date"].details["after"]) == ("2026-01-25", "25-1")
    assert (told["coordinate"].record, told["coordinate"].severity) == (0, Severity.ERROR)
    assert shapely.from_wkb(layer.wkb[0]).exterior.coords[:-1] == shapely.from_wkb(layer.wkb[0]).exterior.coords[:3]


@pytest.mark.parametrize("shown", ["25-Jan", "Jan-25", "25-Thg1", "25/01/2026", "2026-01-25 00:00"])
def test_dates_in_a_csv_are_named(tmp_path: Path, shown: str) -> None:
    rows = [[str(cell) for cell in row] for row in [lists.HEADER, *lists.corners(1)]]
    for row in rows[1:]:
        row[2] = shown
    (note,) = read(lists.table(tmp_path / "a.csv", rows)).notes
    assert (note.details["case"], note.details["after"]) == ("date", "25-1")


def test_a_column_about_a_person_keeps_its_title_and_its_words(tmp_path: Path) -> None:
    header = (*lists.HEADER, "Tên chủ", "Số CCCD")
    rows = [(*row, "Tố Thị Bịa", "001000000000") for row in lists.corners(1)]
    layer = read(lists.workbook(tmp_path / "a.xlsx", [header, *rows]))
    assert (layer.fields["Tên chủ"], layer.fields["Số CCCD"]) == (["Tố Thị Bịa"], ["001000000000"])


def test_only_numbers_lose_the_word_before_them(tmp_path: Path) -> None:
    rows = [(order, "Tờ số 3", "Thửa 7", x, y, "TON") for order, _, _, x, y, _ in lists.corners(1)]
    layer = read(lists.workbook(tmp_path / "a.xlsx", [lists.HEADER, *rows]))
    assert [layer.fields[name] for name in ("so_to", "so_thua", "loai_dat")] == [["3"], ["7"], ["TON"]]


def test_a_table_without_coordinates_names_no_person(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as refused:
        read(lists.workbook(tmp_path / "a.xlsx", [("Danh sách",), ("Tên chủ", "Địa chỉ"), ("Bịa", "thôn X")]))
    assert "Tên chủ" in refused.value.vi
    assert "Bịa" not in refused.value.vi + refused.value.en


def test_a_formula_is_never_evaluated(tmp_path: Path) -> None:
    rows = [list(row) for row in lists.corners(1)]
    rows[1][3] = "=1677300+20"
    layer = read(lists.workbook(tmp_path / "a.xlsx", [lists.HEADER, *rows]))
    assert [(note.details["case"], note.details["cell"]) for note in layer.notes] == [("formula", "D3")]


def test_a_table_without_coordinates_says_what_it_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="Tên chủ, Diện tích"):
        read(lists.workbook(tmp_path / "a.xlsx", [("Tên chủ", "Diện tích"), ("A", 12)]))


def test_the_sheet_with_coordinates_is_found(tmp_path: Path) -> None:
    import openpyxl

    path = lists.workbook(tmp_path / "a.xlsx", [lists.HEADER, *lists.corners()])
    book = openpyxl.load_workbook(path)
    book.create_sheet("Bìa", 0)["A1"] = "Báo cáo"
    book.save(path)
    layer = read(path)
    assert (layer.name, same_squares(layer)) == ("Toạ độ", True)


@pytest.mark.parametrize(
    ("text", "sign", "number"),
    [
        ("1.677.297,17", ",", 1677297.17),
        ("537,609.79", ".", 537609.79),
        ("537609.79", ",", 537609.79),
        ("537 609,79", ",", 537609.79),
        ("537609,79 m", ",", 537609.79),
        ("590.943", ",", 590943.0),
        ("590.943", ".", 590.943),
        ("1e5", ".", None),
        ("nan", ".", None),
        ("", ".", None),
        ("12.34.56", ",", None),
    ],
)
def test_numbers(text: str, sign: str, number: float | None) -> None:
    assert to_number(text, sign) == number


@given(st.floats(200_000, 2_580_000), st.booleans())
def test_every_way_to_write_a_coordinate_is_read_back(number: float, vietnamese: bool) -> None:
    text = lists.vietnamese(number) if vietnamese else f"{number:,.2f}"
    assert to_number(text, decimal_sign([text])) == pytest.approx(number, abs=0.006)


@given(st.floats(335_000, 665_000), st.floats(921_057, 2_588_577))
def test_numbers_decide_the_axes(east: float, north: float) -> None:
    for named in Axes:
        assert axes(np.array([[east, north]]), named) is Axes.EAST_FIRST
        assert axes(np.array([[north, east]]), named) is Axes.NORTH_FIRST


@given(st.integers(0, 2**32))
def test_garbage_between_delimiters_ends_in_an_error_of_the_file(seed: int) -> None:
    chance = random.Random(seed)
    text = "\n".join(";".join(chance.choice(["X", "Y", "1", "", "a", "9e9", '"']) for _ in range(4)) for _ in range(9))
    path = Path(f"/tmp/{seed}.csv")
    path.write_text(text)
    try:
        layer = corner_list.read(path, Kind.CSV, 100)
        assert len(layer.wkb) >= 1
    except UnreadableFile:
        pass
    finally:
        path.unlink()


def test_every_field_has_a_name_that_columns_know() -> None:
    for key in columns.ALIASES:
        assert columns.recognise([corner_list._field(key)]) == {key: corner_list._field(key)}
