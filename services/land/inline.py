"""The parcels that a request carries, as a sheet. Runs in the reader child."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import shapely
from ngoclinh.land.v1.land_service_pb2 import ParcelInput, ValidateParcelsRequest

from gis import crs, wkb
from gis.columns import to_text
from gis.layer import Layer
from gis.readers import Sheet, to_sheet
from services.core.errors import InvalidField

_DEGREES = "EPSG:4326"


def sheet_of(request: ValidateParcelsRequest) -> Sheet:
    """A sheet of the parcels, in their order.

    The coordinate system that the request names is its own word, as a file's would be. Parcels that all come as GeoJSON
    are in EPSG:4326 where nothing is said (RFC 7946).

    Raises:
        InvalidField: a geometry that is none, by its place in the request.
    """
    parcels = request.parcels
    blobs = [_binary(parcel, f"parcels[{number}]") for number, parcel in enumerate(parcels)]
    fields: dict[str, list[Any]] = {
        "commune": [parcel.commune for parcel in parcels],
        "sheet": [parcel.sheet for parcel in parcels],
        "number": [parcel.number for parcel in parcels],
        "land_use_code": [parcel.land_use_code for parcel in parcels],
        "scale": [to_text(parcel.scale or None) for parcel in parcels],
        "declared_area_m2": [
            to_text(parcel.declared_area_m2 if parcel.HasField("declared_area_m2") else None) for parcel in parcels
        ],
    }
    given = {name: values for name, values in fields.items() if any(values)}
    said = request.options.coordinate_system.strip()
    if said.lower() not in {"", "auto"}:
        return to_sheet(None, Layer("", blobs, given, f"EPSG:{crs.parse(said)}"))
    degrees = all(parcel.WhichOneof("geometry") == "geojson" for parcel in parcels)
    return to_sheet(None, Layer("", blobs, given, _DEGREES if degrees else "", crs_assumed=degrees))


def _binary(parcel: ParcelInput, place: str) -> bytes | None:
    """Well-known binary of a parcel's geometry; None where it has none."""
    kind = parcel.WhichOneof("geometry")
    if kind is None:
        return None
    if kind == "wkb":
        if parcel.wkb and shapely.is_missing(wkb.shapes([parcel.wkb]))[0]:
            raise _no_geometry(f"{place}.wkb", "WKB")
        return parcel.wkb
    try:
        shape = shapely.from_wkt(parcel.wkt) if kind == "wkt" else shapely.from_geojson(parcel.geojson)
    except (shapely.errors.GEOSException, NotImplementedError):
        return _open(parcel, kind, place)
    return None if shape is None else bytes(shapely.to_wkb(shape, flavor="iso"))


def _open(parcel: ParcelInput, kind: str, place: str) -> bytes:
    """WKB of a polygon whose rings are not closed, exactly as it was written."""
    try:
        if kind == "wkt":
            closed = shapely.from_wkt(parcel.wkt, on_invalid="fix")
        else:
            written = json.loads(parcel.geojson)
            closed = shapely.geometry.shape(written.get("geometry", written))
        rings = [np.asarray(ring.coords) for part in shapely.get_parts([closed]) for ring in _rings(part)]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError, shapely.errors.ShapelyError) as error:
        raise _no_geometry(f"{place}.{kind}", "WKT" if kind == "wkt" else "GeoJSON") from error
    if not rings:
        raise _no_geometry(f"{place}.{kind}", "WKT" if kind == "wkt" else "GeoJSON")
    return bytes(shapely.to_wkb(shapely.MultiLineString([ring[:-1] for ring in rings if len(ring) > 2])))


def _rings(part: shapely.Polygon) -> list[shapely.LinearRing]:
    return [part.exterior, *part.interiors]


def _no_geometry(field: str, kind: str) -> InvalidField:
    return InvalidField(field, f"không phải hình học {kind} đọc được", f"is no {kind} geometry that can be read")
