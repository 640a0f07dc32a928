"""Drawings become parcels: boundaries of every level, labels by the polygon they lie in, files cut short."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import shapely

from gis import dgn, dxf
from gis.drawing import Label, Stroke, assemble
from gis.kinds import HEAD, Kind, sniff
from gis.layer import Layer
from services.core.errors import TooLarge, UnreadableFile
from tests.gis import drawings, files

Reader = Callable[[Path], Layer]


def _read_dxf(path: Path) -> Layer | tuple[str, str]:
    try:
        return dxf.read(path, 100_000)
    except UnreadableFile as error:
        return error.vi, error.en


@pytest.fixture(scope="module")
def reading() -> Iterator[ProcessPoolExecutor]:
    """A process of its own: GDAL's drivers are switched off before it is imported there, and only there."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture
def read(reading: ProcessPoolExecutor) -> Reader:
    def run(path: Path) -> Layer:
        kind = sniff(path.read_bytes()[:HEAD])
        if kind is Kind.DGN:
            return dgn.read(path)
        assert kind is Kind.DXF
        answer = reading.submit(_read_dxf, path).result(60)
        if isinstance(answer, tuple):
            raise UnreadableFile(*answer)
        return answer

    return run


def strokes(*shapes: shapely.Geometry, level: int = 10) -> list[Stroke]:
    return [Stroke(level, list(shape.coords)) for shape in shapes]


def told(layer: Layer) -> list[tuple[str, str]]:
    return [(note.rule, note.details.get("case", "")) for note in layer.notes]


def write(path: Path, lines: list[drawings.Line], texts: list[drawings.Text]) -> Path:
    return (drawings.dgn if path.suffix == ".dgn" else drawings.dxf)(path, lines, texts)


@pytest.mark.parametrize("suffix", [".dgn", ".dxf"])
def test_a_sheet_with_shared_boundaries_and_labels(read: Reader, tmp_path: Path, suffix: str) -> None:
    layer = read(write(tmp_path / f"to3{suffix}", *drawings.sheet()))
    shapes = shapely.from_wkb(list(layer.wkb))
    assert shapely.equals(shapes, np.array(files.squares(3))).all()
    assert layer.fields == {
        "so_to": ["3"] * 3,
        "so_thua": ["1", "2", "3"],
        "loai_dat": ["ONT"] * 3,
        "dien_tich_nhan": ["400.0"] * 3,
    }
    assert layer.notes == ()


@pytest.mark.parametrize("names", ["{}", "LEVEL {}", "Lv_{}", "{:02d}", "Lop {} ranh"])
def test_levels_are_told_from_names_of_layers(read: Reader, tmp_path: Path, names: str) -> None:
    layer = read(drawings.dxf(tmp_path / "a.dxf", *drawings.sheet(), layer=names))
    assert (len(layer.wkb), layer.fields["so_thua"]) == (3, ["1", "2", "3"])


def test_a_dxf_of_an_older_version_in_tcvn3(read: Reader, tmp_path: Path) -> None:
    lines, texts = drawings.sheet()
    layer = read(drawings.dxf(tmp_path / "a.dxf", lines, texts, version="AC1015"))
    assert layer.fields["so_to"] == ["3"] * 3


def test_lines_of_other_levels_bound_nothing(read: Reader, tmp_path: Path) -> None:
    lines, texts = drawings.sheet()
    house = shapely.box(files.EAST + 2, files.NORTH + 2, files.EAST + 6, files.NORTH + 6)
    layer = read(drawings.dgn(tmp_path / "a.dgn", [*lines, (14, list(house.exterior.coords))], texts))
    assert len(layer.wkb) == 3


@pytest.mark.parametrize("level", [10, 21, 23, 31, 32, 38, 61])
def test_every_boundary_level_closes_parcels(level: int) -> None:
    east, rest = shapely.LineString([(10, 0), (10, 10)]), shapely.LineString([(10, 10), (0, 10), (0, 0), (10, 0)])
    layer = assemble("a", [*strokes(rest), *strokes(east, level=level)], [])
    assert shapely.area(shapely.from_wkb(list(layer.wkb))).tolist() == [100]


@pytest.mark.parametrize(
    ("text", "number", "land", "area"),
    [
        ("1L654/119.3", "654", "1L", "119.3"),
        ("ONT+CLN 25-1/119,3", "25-1", "ONT+CLN", "119,3"),
        ("LUC\n654a/119.3", "654a", "", "119.3"),
        ("654/120", "654", "", "120"),
    ],
)
def test_joined_labels(text: str, number: str, land: str, area: str) -> None:
    ring = shapely.LineString([(0, 0), (10, 0), (10, 12), (0, 12), (0, 0)])
    layer = assemble("a", strokes(ring), [Label(19, (5, 5), text)])
    assert layer.fields["so_thua"] == [number]
    assert layer.fields.get("loai_dat", [""]) == [land]
    assert layer.fields["dien_tich_nhan"] == [area]


def test_a_parcel_with_a_hole_and_a_label_in_the_smaller_one() -> None:
    outer = shapely.LineString([(0, 0), (30, 0), (30, 30), (0, 30), (0, 0)])
    inner = shapely.LineString([(10, 10), (20, 10), (20, 20), (10, 20), (10, 10)])
    open_line = shapely.LineString([(-9, -9), (-9, -5)])
    layer = assemble("a", strokes(outer, inner, open_line), [Label(13, (15, 15), "7"), Label(13, (2, 2), "8")])
    areas = dict(zip(layer.fields["so_thua"], shapely.area(shapely.from_wkb(list(layer.wkb))), strict=True))
    assert areas == {"7": 100, "8": 800}


def test_labels_that_are_missing_doubled_or_outside_are_told() -> None:
    rings = [shapely.box(x, 0, x + 10, 10).exterior for x in (0, 20, 40)]
    labels = [Label(13, (5, 5), "1"), Label(13, (6, 6), "2"), Label(13, (25, 5), "3"), Label(13, (70, 5), "4")]
    layer = assemble("a", strokes(*(shapely.LineString(ring) for ring in rings)), labels)
    assert [(note.record, note.details.get("case"), note.location is not None) for note in layer.notes] == [
        (0, "several", True),
        (2, None, True),
        (-1, "outside", True),
    ]
    assert (layer.notes[0].details["numbers"], layer.notes[2].details["number"]) == ("1, 2", "4")


@pytest.mark.parametrize(("label", "differs"), [("100.0", False), ("100.1", False), ("100.2", True), ("119.3", True)])
def test_an_area_label_is_held_against_its_polygon(label: str, differs: bool) -> None:
    ring = shapely.LineString([(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)])
    layer = assemble("a", strokes(ring), [Label(13, (5, 5), "1"), Label(4, (5, 4), label)])
    assert told(layer) == [("area_label_differs", "")] * differs
    if differs:
        assert layer.notes[0].measured == pytest.approx(float(label) - 100)
        assert layer.notes[0].threshold == pytest.approx(0.1)


def test_closed_shapes_alone_stay_as_they_are_drawn() -> None:
    rings = [shapely.LineString(shapely.box(x, 0, x + 12, 10).exterior) for x in (0, 10)]
    layer = assemble("a", strokes(*rings), [])
    assert shapely.area(shapely.from_wkb(list(layer.wkb))).tolist() == [120, 120], "their overlap is for a rule to find"


def test_a_drawing_without_a_closed_boundary_is_told() -> None:
    with pytest.raises(UnreadableFile, match="no closed boundary"):
        assemble("a", strokes(shapely.LineString([(0, 0), (1, 1)])), [])


def test_lines_that_all_cross_each_other_are_refused() -> None:
    chance = np.random.default_rng(7)
    ends = chance.random((4000, 2, 2)) * 1e6
    with pytest.raises(TooLarge, match="cross"):
        assemble("a", [Stroke(10, [tuple(a), tuple(b)]) for a, b in ends], [])


@pytest.mark.parametrize("share", [0.6, 0.8, 0.95])
def test_a_dgn_cut_short_is_read_as_far_as_it_goes_and_told(tmp_path: Path, share: float) -> None:
    rows = [shapely.box(x, 0, x + 9, 9) for x in range(0, 400, 10)]
    path = drawings.dgn(tmp_path / "a.dgn", [(10, list(row.exterior.coords)) for row in rows], [])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    layer = dgn.read(path)
    assert 0 < len(layer.wkb) < 40
    assert told(layer) == [("label_missing", "cut")]
    assert int(layer.notes[0].details["number"]) <= len(content) * share


def test_data_behind_the_end_of_a_dgn_are_told(tmp_path: Path) -> None:
    path = drawings.dgn(tmp_path / "a.dgn", *drawings.sheet())
    content = path.read_bytes()
    path.write_bytes(content + b"\0" * 5000)
    assert dgn.read(path).notes == (), "programs fill files up"
    path.write_bytes(content + content[1500:] * 3)
    assert told(dgn.read(path)) == [("label_missing", "cut")]


def test_a_dxf_cut_short_is_refused(read: Reader, tmp_path: Path) -> None:
    path = drawings.dxf(tmp_path / "a.dxf", *drawings.sheet())
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UnreadableFile, match="EOF"):
        read(path)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"AC1032\0\0\0\0", "DXF"),
        (b"AutoCAD Binary DXF\r\n\x1a\0", "ASCII"),
        (b"\0\1\0\0Standard Jet DB\0", "Shapefile"),
        (b"\0\1\0\0Standard ACE DB\0", "XLSX"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500 + "Dgn~H".encode("utf-16-le"), "DGN V7"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500 + "Workbook".encode("utf-16-le"), "XLSX"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "DGN V7"),
    ],
)
def test_closed_formats_say_what_to_save_instead_and_where_it_is_explained(head: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        sniff(head)
    assert words in caught.value.vi
    assert "#/help/dwg" in caught.value.vi
    assert caught.value.details["help"] == "dwg"
