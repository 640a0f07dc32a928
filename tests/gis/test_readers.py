"""Files are read as what they are; everything else is refused with a message that says what and where."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import sqlite3
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import shapely

from gis import readers
from gis.crs import identify
from gis.kinds import Kind
from services.core.errors import NgocLinhError, RefusedFile, TooLarge, UnreadableFile
from tests.gis import files

ERRORS = {kind.__name__: kind for kind in (RefusedFile, UnreadableFile, TooLarge)}


def _read(path: str, limits: readers.Limits | None) -> readers.Sheet | tuple[str, str, str]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return readers.read(Path(path), Path(folder), limits)
        except NgocLinhError as error:
            return type(error).__name__, error.vi, error.en


@pytest.fixture(scope="module")
def reading() -> Iterator[ProcessPoolExecutor]:
    """A process of its own: GDAL's drivers are switched off before it is imported there, and only there."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


class Reader:
    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def __call__(self, path: Path, limits: readers.Limits | None = None) -> readers.Sheet:
        answer = self._pool.submit(_read, str(path), limits).result(60)
        if isinstance(answer, tuple):
            raise ERRORS[answer[0]](answer[1], answer[2])
        return answer


@pytest.fixture
def read(reading: ProcessPoolExecutor) -> Reader:
    return Reader(reading)


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".geojson", ".gml"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_kind_gives_the_same_sheet(read: Reader, tmp_path: Path, suffix: str, packed: bool) -> None:
    path = files.write(tmp_path / f"to3{suffix}", files.squares(3), files.cadastral_columns(3))
    if packed:
        path = files.pack(tmp_path / "to3.zip", {f"du lieu/{k}": v for k, v in files.shapefile_parts(path).items()})
    sheet = read(path)
    assert len(sheet) == 3
    assert sheet.crs.endswith("5899")
    assert list(sheet.known["commune"]) == ["20944"] * 3
    assert list(sheet.known["number"]) == ["1", "2", "3"]
    assert list(sheet.known["declared_area_m2"]) == ["400"] * 3
    assert list(sheet.known["scale"]) == ["1000"] * 3
    assert [shape.equals(other) for shape, other in zip(sheet.geometry, files.squares(3), strict=True)] == [True] * 3
    assert not sheet.z_dropped


def test_the_name_of_a_file_decides_nothing(read: Reader, tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(2))
    assert read(path.rename(tmp_path / "a.shp")).kind is Kind.GEOPACKAGE


def test_wkb_of_a_geopackage_is_kept_bit_for_bit(read: Reader, tmp_path: Path) -> None:
    big_endian = [shapely.to_wkb(shape, byte_order=0) for shape in files.squares(3)]
    sheet = read(files.geopackage_by_hand(tmp_path / "a.gpkg", big_endian))
    assert list(sheet.source_wkb) == big_endian


def test_heights_are_dropped_and_said(read: Reader, tmp_path: Path) -> None:
    flat = files.squares(2)
    path = files.write(tmp_path / "a.gpkg", shapely.force_3d(flat, 12.5), geometry_type="Polygon Z")
    sheet = read(path)
    assert sheet.z_dropped
    assert list(sheet.source_wkb) == list(shapely.to_wkb(np.array(flat)))


def test_an_open_ring_comes_as_lines_and_a_curve_as_what_is_no_parcel(read: Reader, tmp_path: Path) -> None:
    curve = bytes.fromhex("010a00000001000000010800000003000000") + np.array([1.0, 2, 3, 4, 1, 2]).tobytes()
    blobs = [files.open_polygon([(0, 0), (5, 0), (5, 5)]), curve, files.open_polygon([(0, 0), (5, 0), (0, 0)])]
    sheet = read(files.geopackage_by_hand(tmp_path / "a.gpkg", blobs))
    assert [shape.geom_type for shape in sheet.geometry] == ["MultiLineString", "GeometryCollection", "Polygon"]
    assert list(sheet.source_wkb) == blobs


def test_columns_about_persons_are_left_out(read: Reader, tmp_path: Path) -> None:
    columns = {
        "SHBANDO": ["3"],
        "SHTHUA": ["25-1"],
        "TENCHU": ["Người Bịa Ra"],
        "DIACHI": ["thôn X"],
        "SOGCN": ["AB 1"],
    }
    sheet = read(files.write(tmp_path / "a.shp", files.squares(1), columns))
    assert (sheet.known["sheet"][0], sheet.known["number"][0]) == ("3", "25-1")
    assert sheet.personal == ("TENCHU", "DIACHI")
    assert list(sheet.attributes) == ["SOGCN"]
    assert sheet.owners == {}, "not asked for"


def test_owners_are_read_apart_where_they_are_asked_for_and_their_repair_is_told_nowhere(tmp_path: Path) -> None:
    columns = {"so_thua": ["1"], "TENCHU": ["NguyÔn V¨n BÞa"], "ghi_chu": ["®Êt v­ên"]}
    path = files.write(tmp_path / "a.gpkg", files.squares(1), columns)
    (tmp_path / "work").mkdir()
    sheet = readers.read(path, tmp_path / "work", keep_owners=True)
    assert {name: list(values) for name, values in sheet.owners.items()} == {"TENCHU": ["Nguyễn Văn Bịa"]}
    assert [note.details["column"] for note in sheet.notes] == ["ghi_chu"]
    assert not {"TENCHU"} & {*sheet.attributes, *sheet.known}


def test_a_shapefile_without_code_page_and_projection(read: Reader, tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.shp", files.squares(1), {"so_to": ["3"], "ghi_chu": ["đất ở"]}, encoding="UTF-8")
    for suffix in (".cpg", ".prj"):
        path.with_suffix(suffix).unlink()
    sheet = read(path)
    assert sheet.crs == ""
    assert sheet.attributes["ghi_chu"][0] == "đất ở"


def test_reading_changes_nothing_of_the_users_files(read: Reader, tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.shp", files.squares(3), {"so_to": ["3"] * 3})
    index = path.with_suffix(".shx")
    index.write_bytes(b"broken" * 30)
    before = {part: (part.stat().st_mtime_ns, part.read_bytes()) for part in tmp_path.iterdir()}
    assert len(read(path)) == 3
    assert {part: (part.stat().st_mtime_ns, part.read_bytes()) for part in before} == before


def test_a_dbf_in_a_legacy_code_page_is_repaired_and_the_repair_is_told(read: Reader, tmp_path: Path) -> None:
    columns = {"ten_xa": ["Tr\xb5 Mai"] * 2, "ghi_chu": ["\xae\xcat \xeb", "VN-2000"]}
    path = files.write(tmp_path / "a.shp", files.squares(2), columns, encoding="ISO-8859-1")
    for cpg in (None, "UTF-8"):
        path.with_suffix(".cpg").unlink(missing_ok=True)
        if cpg:
            path.with_suffix(".cpg").write_text(cpg)
        sheet = read(path)
        assert sheet.attributes["ten_xa"].tolist() == ["Trà Mai"] * 2
        assert sheet.attributes["ghi_chu"].tolist() == ["đất ở", "VN-2000"]
        assert [(note.rule, note.record, note.related, note.details["before"]) for note in sheet.notes] == [
            ("text_not_unicode", 0, (1,), "Tr\xb5 Mai"),
            ("text_not_unicode", 0, (), "\xae\xcat \xeb"),
        ]


def test_geojson_without_crs_is_degrees_and_a_name_that_means_nothing_is_told(read: Reader, tmp_path: Path) -> None:
    shapes, rows = [shapely.box(108.1, 15.1, 108.2, 15.2)], [{"so_to": 3}]
    plain = read(files.write_geojson(tmp_path / "a.geojson", shapes, rows))
    assert (plain.crs, plain.crs_assumed) == ("EPSG:4326", True)
    null = read(files.write_geojson(tmp_path / "b.geojson", shapes, rows, crs=None))
    assert (null.crs, null.crs_assumed) == ("EPSG:4326", True)
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::5899"}}
    named = read(files.write_geojson(tmp_path / "c.geojson", files.squares(1), rows, crs=crs))
    assert (named.crs, named.crs_assumed) == ("EPSG:5899", False)
    crs = {"type": "name", "properties": {"name": "VN2000 nội bộ"}}
    unknown = read(files.write_geojson(tmp_path / "d.geojson", files.squares(1), rows, crs=crs))
    assert (unknown.crs, unknown.crs_assumed) == ("VN2000 nội bộ", False)


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".geojson", ".gml"])
def test_a_deprecated_code_comes_as_it_stands(read: Reader, tmp_path: Path, suffix: str) -> None:
    path = files.write(tmp_path / f"a{suffix}", files.squares(1), crs="EPSG:5899")
    if suffix == ".gpkg":
        with sqlite3.connect(path) as db:
            db.execute("UPDATE gpkg_spatial_ref_sys SET organization_coordsys_id = 6959 WHERE srs_id = 5899")
        db.close()
    elif suffix == ".shp":
        from pyproj import CRS

        path.with_suffix(".prj").write_text(CRS.from_epsg(6959).to_wkt("WKT1_ESRI"))
    else:
        path.write_text(path.read_text().replace("5899", "6959"))
    assert identify(read(path).crs) == 6959


def test_the_layer_of_parcels_is_found_among_others(read: Reader, tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(2), {"ten": ["a", "b"]}, layer="nha")
    files.write(path, files.squares(3), files.cadastral_columns(3), layer="thua", append=True)
    files.write(path, [shapely.Point(0, 0)], layer="moc", append=True, geometry_type="Point")
    assert read(path).layer == "thua"
    files.write(path, files.squares(1), files.cadastral_columns(1), layer="thua2", append=True)
    with pytest.raises(UnreadableFile, match=r"several layers of areas \(thua, thua2\)"):
        read(path)


def test_real_samples_are_read_as_counted(read: Reader, shared: Path) -> None:
    facts = json.loads((shared / "data/land/parcels/facts.json").read_text())
    for fact in facts:
        sheet = read(shared / "data/land/parcels" / fact["file"])
        assert len(sheet) == fact["features"]
        assert sheet.crs == fact["crs"]
        assert shapely.total_bounds(sheet.geometry) == pytest.approx(fact["bounds"], abs=1e-3)
        assert shapely.get_num_coordinates(sheet.geometry).min() == fact["vertices"][0]


# ---------------------------------------------------------------- damaged


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".geojson", ".gml", ".zip"])
def test_a_file_cut_short_is_told_and_never_read_in_part(
    read: Reader, tmp_path: Path, suffix: str, share: float
) -> None:
    kind = ".shp" if suffix == ".zip" else suffix
    path = files.write(tmp_path / f"a{kind}", files.squares(40), files.cadastral_columns(40))
    if suffix == ".zip":
        path = files.pack(tmp_path / "a.zip", files.shapefile_parts(path))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UnreadableFile) as caught:
        read(path)
    assert "cut short" in caught.value.en or "damaged" in caught.value.en
    assert "bị cụt" in caught.value.vi or "bị hỏng" in caught.value.vi


def test_a_cut_table_of_a_shapefile_is_told(read: Reader, tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.shp", files.squares(40), files.cadastral_columns(40))
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes()[:500])
    with pytest.raises(UnreadableFile, match=r"\.dbf says \d+ bytes, the file has 500"):
        read(path)


def test_a_missing_index_of_a_shapefile_is_made_again(read: Reader, tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.shp", files.squares(4))
    path.with_suffix(".shx").unlink()
    assert len(read(path)) == 4
    assert not path.with_suffix(".shx").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"AC1027 drawing", "DWG"),
        (b"%PDF-1.7", "PDF"),
        (b"STT;To;Thua", "cannot be told"),
        (b"<?xml version='1.0'?><kml xmlns='http://www.opengis.net/kml/2.2'/>", "root element <kml>"),
        (b'{"hello": "world"}', "cannot be read"),
        (b"SQLite format 3\0" + bytes(4080), "damaged|missing"),
    ],
)
def test_other_kinds_are_told_by_name(read: Reader, tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "thua.gpkg"
    path.write_bytes(content)
    with pytest.raises((UnreadableFile, RefusedFile), match=told):
        read(path)


def test_a_sheet_without_parcels_is_told(read: Reader, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="has no parcel"):
        read(files.geopackage_by_hand(tmp_path / "a.gpkg", []))
    with pytest.raises(UnreadableFile, match=r"no layer of areas \(it has: sheet \(Point\)\)"):
        read(files.write(tmp_path / "a.shp", [shapely.Point(1, 1)], geometry_type="Point"))


# ---------------------------------------------------------------- hostile


VRT = """<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>{target}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"""


@pytest.mark.parametrize("name", ["thua.gml", "thua.gpkg", "thua.shp", "thua.geojson", "thua.vrt", "thua.zip"])
@pytest.mark.parametrize("before", ["", "<?xml version='1.0'?>\n<!-- gml http://www.opengis.net/gml -->\n", "\ufeff  "])
def test_ogr_vrt_is_refused_under_every_name(read: Reader, tmp_path: Path, name: str, before: str) -> None:
    target = files.write(tmp_path / "secret.gpkg", files.squares(1))
    path = tmp_path / name
    path.write_text(before + VRT.format(target=target))
    with pytest.raises(RefusedFile, match="OGR-VRT"):
        read(path)
    path = files.pack(tmp_path / "packed.zip", {name: path})
    with pytest.raises(RefusedFile, match="OGR-VRT"):
        read(path)


def test_gdal_has_no_driver_but_the_three(reading: ProcessPoolExecutor, tmp_path: Path, read: Reader) -> None:
    read(files.write(tmp_path / "a.geojson", files.squares(1), crs="EPSG:4326"))
    assert reading.submit(_drivers).result(60) == {"ESRI Shapefile", "GeoJSON", "GML", "DXF"}
    vrt = tmp_path / "a.gml"
    vrt.write_text(VRT.format(target=tmp_path / "a.geojson"))
    assert "not recognized" in reading.submit(_open_past_the_checks, str(vrt)).result(60)


def _drivers() -> set[str]:
    import pyogrio

    return set(pyogrio.list_drivers())


def _open_past_the_checks(path: str) -> str:
    import pyogrio

    try:
        return str(pyogrio.raw.read(path))
    except Exception as error:
        return str(error)


def test_gml_with_a_document_type_is_refused(read: Reader, tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "cc">]><a xmlns:gml="http://www.opengis.net/gml">&b;</a>'
    path = tmp_path / "a.gml"
    path.write_text(bomb)
    with pytest.raises(RefusedFile, match="DOCTYPE"):
        read(path)
    path.write_text("<?xml version='1.0'?><!-- " + "x" * 70_000 + " -->" + bomb)
    with pytest.raises((RefusedFile, UnreadableFile)):
        read(path)


@pytest.mark.parametrize("name", ["../../etc/x.shp", "/etc/x.shp", "a/../../x.shp", "..\\x.shp", "C:\\x.shp"])
def test_names_that_leave_the_folder_are_refused(read: Reader, tmp_path: Path, name: str) -> None:
    good = files.write(tmp_path / "a.gpkg", files.squares(1))
    with pytest.raises(RefusedFile, match="leaves the folder"):
        read(files.pack(tmp_path / "a.zip", {"a.gpkg": good, name: b"x"}))


def test_links_passwords_and_nested_archives_are_refused(read: Reader, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.gpkg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(RefusedFile, match="symbolic link"):
        read(tmp_path / "link.zip")
    inner = files.pack(tmp_path / "inner.zip", {"a.gpkg": files.write(tmp_path / "a.gpkg", files.squares(1))})
    with pytest.raises(RefusedFile, match="ZIP file inside"):
        read(files.pack(tmp_path / "outer.zip", {"readme.txt": inner}))
    locked = bytearray(inner.read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        locked[locked.index(mark) + (6 if mark[2] == 3 else 8)] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    with pytest.raises(RefusedFile, match="password"):
        read(tmp_path / "locked.zip")


def test_bombs_are_refused_before_they_are_unpacked(read: Reader, tmp_path: Path) -> None:
    bomb = files.pack(tmp_path / "bomb.zip", {"a.gpkg": b"SQLite format 3\0" + bytes(300 << 20)})
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(RefusedFile, match="more than 200 times"):
        read(bomb)
    with pytest.raises(TooLarge, match="1001 entries"):
        read(files.pack(tmp_path / "many.zip", {f"{i}.txt": b"" for i in range(1001)}))
    with pytest.raises(TooLarge, match="limit of 1 MB"):
        read(
            files.pack(tmp_path / "big.zip", {"a.gpkg": b"SQLite format 3\0" + bytes(2 << 20)}),
            readers.Limits(9, 1 << 20),
        )


def test_an_archive_needs_exactly_one_data_set(read: Reader, tmp_path: Path) -> None:
    one = files.write(tmp_path / "a.gpkg", files.squares(1))
    with pytest.raises(UnreadableFile, match="2 data sets"):
        read(files.pack(tmp_path / "two.zip", {"a.gpkg": one, "b.gpkg": one}))
    with pytest.raises(UnreadableFile, match="no data set"):
        read(files.pack(tmp_path / "none.zip", {"a.txt": b"hello"}))
    assert (
        len(read(files.pack(tmp_path / "mac.zip", {"a.gpkg": one, "__MACOSX/._a.gpkg": one, "doc.pdf": b"%PDF"}))) == 1
    )


def test_more_parcels_than_allowed_are_told(read: Reader, tmp_path: Path) -> None:
    for suffix in (".gpkg", ".shp"):
        path = files.write(tmp_path / f"a{suffix}", files.squares(5))
        with pytest.raises(TooLarge, match="limit"):
            read(path, readers.Limits(max_parcels=4))


@pytest.mark.parametrize(
    "statements",
    [
        ["DROP TABLE thua", "CREATE VIEW thua AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS fid, x'' AS geom FROM n"],
        ["ALTER TABLE gpkg_contents RENAME TO t", "CREATE VIEW gpkg_contents AS SELECT * FROM t"],
        ["DROP TABLE thua", "CREATE VIRTUAL TABLE thua USING fts5(geom)"],
        ["UPDATE gpkg_geometry_columns SET table_name = 'x'; --"],
        ["UPDATE gpkg_contents SET table_name = 'sqlite_master'", "UPDATE gpkg_geometry_columns SET table_name = 'sqlite_master'"],
        ["ALTER TABLE thua ADD COLUMN g GENERATED ALWAYS AS (hex(zeroblob(400000000))) VIRTUAL"],
    ],
)  # fmt: skip
def test_sql_in_a_geopackage_is_never_run(read: Reader, tmp_path: Path, statements: list[str]) -> None:
    path = files.geopackage_by_hand(tmp_path / "a.gpkg", [shapely.to_wkb(shapely.box(0, 0, 1, 1))], statements)
    with pytest.raises((RefusedFile, UnreadableFile)):
        read(path)


def test_triggers_do_not_fire_and_quoted_names_are_read(read: Reader, tmp_path: Path) -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON thua BEGIN DELETE FROM thua; END"
    name = """ALTER TABLE thua RENAME TO "thửa "" ; DROP TABLE x" """
    update = """UPDATE {} SET table_name = 'thửa " ; DROP TABLE x'"""
    path = files.geopackage_by_hand(
        tmp_path / "a.gpkg",
        [shapely.to_wkb(shapely.box(0, 0, 1, 1))],
        [trigger, name, update.format("gpkg_contents"), update.format("gpkg_geometry_columns")],
    )
    assert read(path).layer == 'thửa " ; DROP TABLE x'


def test_a_geopackage_with_too_many_columns_is_refused(read: Reader, tmp_path: Path) -> None:
    columns = ", ".join(f"c{i} TEXT" for i in range(1500))
    path = files.geopackage_by_hand(tmp_path / "a.gpkg", [shapely.to_wkb(shapely.box(0, 0, 1, 1))], columns=columns)
    with pytest.raises(TooLarge, match="1502 columns"):
        read(path)


def test_damaged_pages_are_told(read: Reader, tmp_path: Path) -> None:
    path = files.write(tmp_path / "a.gpkg", files.squares(500), files.cadastral_columns(500))
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 20_000] = bytes([0xAB]) * 20_000
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match="damaged"):
        read(path)


def test_nothing_is_written_beside_the_file(read: Reader, tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    folder.mkdir()
    for suffix in (".gml", ".geojson", ".gpkg"):
        shutil.copy(files.write(tmp_path / f"a{suffix}", files.squares(2)), folder / f"a{suffix}")
        read(folder / f"a{suffix}")
    assert sorted(path.name for path in folder.iterdir()) == ["a.geojson", "a.gml", "a.gpkg"]
