"""Files that offices have, through the fenced child: read whole, or refused within ten seconds whatever is in them."""

from __future__ import annotations

import random
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ngoclinh.land.v1.parcel_pb2 import ImportState

from services.core.errors import NgocLinhError, RefusedFile, TooLarge, UnreadableFile
from services.core.sections.work import LandSettings
from tests.gis import drawings, files, legacy, lists
from tests.services.land.sheets import OPTIONS, Answer, read

BOUND_CPU_S, BOUND_S = 10, 60
"""CPU seconds that a hostile file may cost, and wall seconds on a machine that is busy with other tests."""

LAND = LandSettings(reader_timeout_s=BOUND_S)


def variant(path: Path, **parts: bytes) -> Path:
    """A workbook with some of its parts replaced."""
    lists.workbook(path, [lists.HEADER, *lists.corners()])
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return files.pack(path, entries | {f"xl/{name.replace('__', '/')}.xml": part for name, part in parts.items()})


def sheet_with(path: Path, rows: str) -> Path:
    """A workbook with further rows in its sheet."""
    lists.workbook(path, [lists.HEADER, *lists.corners()])
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    return variant(path, worksheets__sheet1=sheet.replace("</sheetData>", f"{rows}</sheetData>").encode())


async def refused(path: Path) -> NgocLinhError:
    """The error of a file; it cost no more than `BOUND_CPU_S`."""
    began, cpu = time.monotonic(), _cpu_of_children()
    with pytest.raises(NgocLinhError) as caught:
        await read(path, land=LAND)
    assert time.monotonic() - began < BOUND_S
    assert _cpu_of_children() - cpu < BOUND_CPU_S
    return caught.value


def _cpu_of_children() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def names(answer: Answer) -> list[str]:
    return [parcel.name for parcel in answer.parcels]


# ---------------------------------------------------------------- files in order


@pytest.mark.parametrize("suffix", [".xlsx", ".csv", ".dgn", ".dxf"])
@pytest.mark.parametrize("packed", [False, True])
async def test_every_kind_gives_the_same_parcels(tmp_path: Path, suffix: str, packed: bool) -> None:
    path = tmp_path / f"to3{suffix}"
    if suffix == ".xlsx":
        lists.workbook(path, [lists.HEADER, *lists.corners(3)])
    elif suffix == ".csv":
        lists.table(path, [lists.HEADER, *lists.corners(3)])
    else:
        (drawings.dgn if suffix == ".dgn" else drawings.dxf)(path, *drawings.sheet())
    if packed and suffix == ".xlsx":
        pytest.skip("a workbook is an archive itself; archives in archives are refused")
    answer = await read(files.pack(tmp_path / "to3.zip", {path.name: path}) if packed else path, **OPTIONS)
    assert answer.done.state == ImportState.IMPORT_STATE_COMMITTED
    assert (answer.done.coordinate_system, answer.done.coordinate_system_origin) == ("EPSG:5899", "detected")
    assert sorted(names(answer)) == [f"parcels/2004-20944-3-{number}" for number in (1, 2, 3)]
    assert {parcel.computed_area_m2 for parcel in answer.parcels} == {400}
    assert answer.codes(severity=3) == []
    assert answer.codes(severity=2) == ["C06"]


async def test_text_of_an_old_code_page_is_repaired_and_told(tmp_path: Path) -> None:
    columns = files.cadastral_columns(2) | {"ten_xa": [legacy.tcvn3("Xã Trà Mai")] * 2}
    path = files.write(tmp_path / "a.shp", files.squares(2), columns, crs=None, encoding="ISO-8859-1")
    path.with_suffix(".cpg").unlink(missing_ok=True)
    answer = await read(path, **OPTIONS)
    assert [parcel.attributes["ten_xa"] for parcel in answer.parcels] == ["Xã Trà Mai"] * 2
    (repair,) = [finding for finding in answer.findings if finding.rule_code == "K10"]
    assert "2 bản ghi" in repair.message.vi
    assert repair.details["before"] == "X· Trµ Mai"
    assert repair.details["after"] == "Xã Trà Mai"
    assert "K03" not in answer.codes(), "the repaired name is that of the code"


async def test_damaged_codes_keep_their_parcel_and_are_told_once(tmp_path: Path) -> None:
    rows = [[20944, *row[1:5]] for row in lists.corners(2)]
    for row in rows[:4]:
        row[2] = "25-Jan"
    path = lists.workbook(tmp_path / "a.xlsx", [("Mã xã", "Tờ", "Thửa", "X", "Y"), *rows])
    answer = await read(path, as_of_date="2024-06-30")
    assert answer.codes().count("K12") == 1
    assert "K04" not in answer.codes(severity=2)
    told = next(finding for finding in answer.findings if finding.rule_code == "K12")
    assert "C2" in told.message.vi
    assert "25-1" in told.message.vi


async def test_labels_of_a_drawing_are_checked(tmp_path: Path) -> None:
    lines, texts = drawings.sheet()
    texts = [text for text in texts if text[2] != "2"] + [(13, (files.EAST + 900, files.NORTH), "9")]
    texts = [(level, point, "419.3" if text == "400.0" else text) for level, point, text in texts]
    answer = await read(drawings.dgn(tmp_path / "a.dgn", lines, texts), **OPTIONS)
    assert answer.codes().count("T08") == 2
    assert answer.codes(severity=3) == ["A02"] * 3
    outside = next(finding for finding in answer.findings if "“9”" in finding.message.vi)
    assert outside.HasField("location")


# ---------------------------------------------------------------- hostile files


async def test_a_million_empty_rows_cost_little(tmp_path: Path) -> None:
    path = sheet_with(tmp_path / "a.xlsx", "".join(f'<row r="{number}"/>' for number in range(20, 1_048_576)))
    cpu = _cpu_of_children()
    answer = await read(path, land=LAND, **OPTIONS)
    assert len(answer.parcels) == 2
    assert _cpu_of_children() - cpu < BOUND_CPU_S


async def test_millions_of_empty_cells_are_refused(tmp_path: Path) -> None:
    cells = '<c r="A{0}"/><c r="B{0}" s="1"/><c r="XFD{0}"/>'
    rows = "".join(f'<row r="{number}">{cells.format(number)}</row>' for number in range(20, 700_000))
    assert isinstance(await refused(sheet_with(tmp_path / "a.xlsx", rows)), TooLarge)


async def test_a_formula_is_told_and_never_evaluated(tmp_path: Path) -> None:
    rows = [list(row) for row in lists.corners()]
    rows[2][3] = '=WEBSERVICE("http://127.0.0.1:9/")'
    answer = await read(lists.workbook(tmp_path / "a.xlsx", [lists.HEADER, *rows]), **OPTIONS)
    told = [finding for finding in answer.findings if finding.rule_code == "K12"]
    assert [(finding.details["case"], finding.details["cell"], finding.severity) for finding in told] == [
        ("formula", "D4", 3)
    ]


@pytest.mark.parametrize("part", ["worksheets/sheet1", "sharedStrings", "styles", "workbook"])
async def test_a_document_type_in_a_workbook_is_refused(tmp_path: Path, part: str) -> None:
    path = lists.with_shared_strings(tmp_path / "a.xlsx", [lists.HEADER, *lists.corners()])
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    body = entries[f"xl/{part}.xml"].rpartition(b"?>")[2]
    entity = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    files.pack(path, entries | {f"xl/{part}.xml": entity + body})
    assert isinstance(await refused(path), RefusedFile)


async def test_a_workbook_that_grows_is_refused(tmp_path: Path) -> None:
    huge = '<row r="9"><c r="A9" t="inlineStr"><is><t>' + "A" * 200_000_000 + "</t></is></c></row>"
    assert isinstance(await refused(sheet_with(tmp_path / "a.xlsx", huge)), RefusedFile)


async def test_names_that_leave_the_folder_are_refused_in_a_workbook_too(tmp_path: Path) -> None:
    path = lists.workbook(tmp_path / "a.xlsx", [lists.HEADER, *lists.corners()])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../outside.txt", "x")
    assert isinstance(await refused(path), RefusedFile)
    assert not (tmp_path.parent.parent / "outside.txt").exists()


async def test_garbage_under_the_head_of_a_drawing_is_refused(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(8_000_000)
    for name, content in {
        "a.dgn": b"\x08\x09\xfe\x02" + noise,
        "b.dgn": b"\xc8\x09\xfe\x02" + noise,
        "c.dgn": b"\x08\x09\xfe\x02" + bytes(8_000_000),
        "d.dgn": drawings.dgn(tmp_path / "e.dgn", *drawings.sheet()).read_bytes()[:-2] + b"\x0a\x03\0\0" * 2_000_000,
        "a.dxf": b"  0\nSECTION\n  2\nENTITIES\n" + noise + b"\n  0\nEOF\n",
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert isinstance(await refused(path), (UnreadableFile, TooLarge)), name


async def test_bits_that_flip_in_a_drawing_break_nothing(tmp_path: Path) -> None:
    chance = random.Random(7)
    whole = drawings.dgn(tmp_path / "a.dgn", *drawings.sheet()).read_bytes()
    for number in range(6):
        content = bytearray(whole)
        for _ in range(5 * number + 1):
            content[chance.randrange(4, len(content))] = chance.randrange(256)
        path = tmp_path / f"{number}.dgn"
        path.write_bytes(content)
        told = ""
        try:
            assert (await read(path, land=LAND, **OPTIONS)).done.parcel_count > 0
        except NgocLinhError as error:
            told = error.en
        assert "broke down" not in told, number


async def test_blocks_in_blocks_are_counted_before_they_are_put_in_their_places(tmp_path: Path) -> None:
    codes: list[tuple[int, object]] = [(0, "SECTION"), (2, "HEADER"), (9, "$ACADVER"), (1, "AC1021"), (0, "ENDSEC")]
    codes += [(0, "SECTION"), (2, "BLOCKS")]
    for level in range(20):
        codes += [(0, "BLOCK"), (8, "0"), (2, f"B{level}"), (10, 0), (20, 0)]
        codes += [(0, "LINE"), (8, "10"), (10, 0), (20, 0), (11, 1), (21, 1)] if level == 0 else []
        codes += [(0, "INSERT"), (8, "10"), (2, f"B{level - 1}"), (10, 1), (20, 1)] * (10 if level else 0)
        codes += [(0, "ENDBLK")]
    codes += [(0, "ENDSEC"), (0, "SECTION"), (2, "ENTITIES"), (0, "INSERT"), (8, "10"), (2, "B19"), (10, 0), (20, 0)]
    path = tmp_path / "a.dxf"
    path.write_text("".join(f"{code}\n{value}\n" for code, value in [*codes, (0, "ENDSEC"), (0, "EOF")]))
    assert isinstance(await refused(path), TooLarge)


async def test_lines_without_order_are_refused(tmp_path: Path) -> None:
    ends = np.random.default_rng(1).random((3000, 2, 2)) * 1000
    path = drawings.dxf(tmp_path / "a.dxf", [(10, [tuple(a), tuple(b)]) for a, b in ends.tolist()], [])
    assert isinstance(await refused(path), TooLarge)


@pytest.mark.parametrize(
    "content", ['"' + "1677300;537600\n" * 500_000, "x" * 20_000_000, "1;1677300;537600\n" * 900_000]
)
async def test_tables_without_end_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("STT;X;Y\n" + "1;1677300;537600\n" * 5 + content)
    assert isinstance(await refused(path), (UnreadableFile, TooLarge))
