"""A report as GeoJSON (RFC 7946): parcels and findings in WGS 84, told apart by the property `layer`."""

from __future__ import annotations

import json
from typing import Any

import shapely

from gis.crs import to_wgs84
from services.core import protojson
from services.gateway.reports.model import Geometries, Report

DIGITS = 8
"""Decimals of a degree: about 1 mm."""

_GEOMETRIES = ("source_wkb", "wgs84_wkb", "location_wkb", "location")


def write(report: Report) -> bytes:
    """A feature for each parcel and each finding; a finding without a place has no geometry."""
    features = [
        _feature("parcels", parcel, shape)
        for parcel, shape in zip(report.parcels, _degrees(report.shapes, report.epsg), strict=True)
    ]
    features += [
        _feature("findings", finding, place)
        for finding, place in zip(report.findings, _degrees(_places(report), report.epsg), strict=True)
    ]
    body = {"type": "FeatureCollection", "features": features}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _places(report: Report) -> Geometries:
    places = report.faces.copy()
    missing = shapely.is_missing(places)
    places[missing] = report.points[missing]
    return places


def _degrees(shapes: Geometries, epsg: int) -> Geometries:
    if not epsg or not len(shapes):
        return shapes
    placed: Geometries = to_wgs84(shapes, epsg)
    return placed


def _feature(layer: str, message: Any, shape: shapely.Geometry | None) -> dict[str, Any]:
    properties = {key: value for key, value in protojson.to_dict(message).items() if key not in _GEOMETRIES}
    geometry = None
    if shape is not None:
        geometry = json.loads(shapely.to_geojson(shapely.transform(shape, lambda xy: xy.round(DIGITS))))
    return {"type": "Feature", "id": message.name, "geometry": geometry, "properties": {"layer": layer, **properties}}
