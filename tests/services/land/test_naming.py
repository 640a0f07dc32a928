"""Every record gets one name, whatever the file says."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from ngoclinh.land.v1.parcel_pb2 import ImportOptions, Parcel

from gis.layer import Layer
from gis.readers import to_sheet
from services.core.vietnamese import strip_controls
from services.land import convert, naming, options

TEXT = st.text(max_size=40) | st.sampled_from(["", "0", "7", "07", "25-1", "7/2", "a b", "\u202e7", "\x00", "7" * 300])


@given(
    st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=8), st.sampled_from(["to3.gpkg", "", "a/b c.shp.zip"])
)
def test_names_are_distinct_short_and_fit_for_messages(rows: list[tuple[str, str, str]], file_name: str) -> None:
    point = shapely.to_wkb(shapely.Point(0, 0))
    fields = dict(zip(("ma_xa", "so_to", "so_thua"), zip(*rows, strict=True), strict=True))
    sheet = to_sheet(None, Layer("thua", [point] * len(rows), fields, ""))
    known = options.read(ImportOptions(as_of_date="2024-06-30"))
    names = naming.names_of(sheet, convert.table_of(sheet, known), known, file_name)
    assert len(set(names.parcels)) == len(rows)
    for name in names.parcels:
        assert name.startswith("parcels/")
        assert len(name) <= 200
        assert "/" not in name.removeprefix("parcels/")
        assert name == strip_controls(name)
        Parcel(name=name)


def test_an_identifier_of_the_file_names_records_without_numbers() -> None:
    point = shapely.to_wkb(shapely.Point(0, 0))

    def names(*identifiers: str) -> list[str]:
        sheet = to_sheet(None, Layer("x", [point] * len(identifiers), {"gml_id": list(identifiers)}, ""))
        known = options.read(ImportOptions())
        found = naming.names_of(sheet, convert.table_of(sheet, known), known, "ie.gml.zip").parcels
        return [name.removeprefix("parcels/unknown-unknown-ie-") for name in found]

    assert names("a7", "a9") == ["a7", "a9"]
    assert names("a7", "a7") == ["0", "1"], "identifiers that do not tell records apart are of no use"
    assert names("a7", "") == ["0", "1"]


def test_an_area_that_cannot_be_read_is_kept_as_text() -> None:
    square = shapely.to_wkb(shapely.box(0, 0, 1, 1))
    sheet = to_sheet(None, Layer("x", [square] * 2, {"DIENTICH": ["khoảng 400", "1.234,5"]}, ""))
    table = convert.table_of(sheet, options.read(ImportOptions()))
    assert np.isnan(table.declared_area_m2[0])
    assert table.declared_area_m2[1] == 1234.5
    assert list(table.attributes["declared_area_m2"]) == ["khoảng 400", ""]


def test_codes_stay_codes_until_an_edition_is_named() -> None:
    point = shapely.to_wkb(shapely.Point(0, 0))
    sheet = to_sheet(None, Layer("x", [point] * 2, {"ma_xa": [6978, "20944"]}, ""))
    plain = convert.table_of(sheet, options.read(ImportOptions(as_of_date="2024-06-30")))
    assert list(plain.commune) == ["06978", "20944"]
    named = convert.table_of(sheet, options.read(ImportOptions(commune="areas/2004-20944")))
    assert list(named.commune) == ["areas/2004-06978", "areas/2004-20944"]
