"""Findings for the outside: lasting ids, and GeoJSON in WGS 84."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely

from gis.crs import to_wgs84
from gis.model import Context, Finding, Geometries, ParcelTable
from gis.rules import RULES, message
from services.core.names import digest_id

LONLAT_DIGITS = 8
"""Decimals of degrees, about a millimetre."""


def finding_ids(findings: Sequence[Finding], parcels: ParcelTable) -> list[str]:
    """One id a finding: the same data and rules give the same ids, in whatever order the records come.

    An id is made of the rule, the parcels that take part (their commune, sheet and number, or their shape where they
    have none) and the place. Findings that agree in all of it are numbered.
    """
    taking_part = sorted({one for finding in findings for one in (finding.record, *finding.related) if one >= 0})
    identity = dict(zip(taking_part, _identities(taking_part, parcels), strict=True))
    seen: Counter[str] = Counter()
    ids = []
    for finding, place in zip(findings, _places(findings), strict=True):
        records = (finding.record, *finding.related) if finding.record >= 0 else ()
        case = finding.details.get("case", "")
        text = "\n".join([finding.rule, case, place, *sorted(identity[one] for one in records)])
        ids.append(digest_id(f"{text}\n{seen[text]}" if seen[text] else text))
        seen[text] += 1
    return ids


def feature_collection(
    findings: Sequence[Finding], parcels: ParcelTable, ctx: Context, label: Callable[[int], str] | None = None
) -> dict[str, Any]:
    """The findings as a GeoJSON FeatureCollection (RFC 7946): places in WGS 84, null where there is none.

    Args:
        findings: what was found in the sheet.
        parcels: the sheet.
        ctx: its context; in a plane without a code (`epsg` 0) all places are null.
        label: names a record in the messages.
    """
    places = np.empty(len(findings), dtype=object)
    places[:] = [_shown(finding, parcels) if ctx.epsg else None for finding in findings]
    places = to_wgs84(places, ctx.epsg) if ctx.epsg else places
    ids = finding_ids(findings, parcels)
    features = [_feature(*row, label) for row in zip(findings, ids, places, strict=True)]
    return {"type": "FeatureCollection", "features": features}


def _feature(
    finding: Finding, name: str, place: shapely.Geometry | None, label: Callable[[int], str] | None
) -> dict[str, Any]:
    vi, en = message(finding, label)
    rule = RULES[finding.rule]
    return {
        "type": "Feature",
        "id": name,
        "geometry": None if place is None else _geojson(place),
        "properties": {
            "rule": finding.rule,
            "rule_code": rule.code,
            "severity": finding.severity.name,
            "record": finding.record,
            "related_records": list(finding.related),
            "message_vi": vi,
            "message_en": en,
            "measured_value": finding.measured,
            "threshold_value": finding.threshold,
            "unit_code": rule.unit,
            **{f"detail_{key}": value for key, value in finding.details.items()},
        },
    }


def _shown(finding: Finding, parcels: ParcelTable) -> shapely.Geometry | None:
    """The place of a finding, else the shape that it is about, where it has finite coordinates."""
    place = finding.location
    if place is None and finding.record >= 0:
        place = parcels.geometry[finding.record]
    if place is None or place.is_empty or not np.isfinite(shapely.get_coordinates(place)).all():
        return None
    return place


def _geojson(place: shapely.Geometry) -> dict[str, Any] | None:
    if not np.isfinite(shapely.get_coordinates(place)).all():
        return None
    rounded = shapely.transform(place, lambda xy: np.round(xy, LONLAT_DIGITS))
    mapping: dict[str, Any] = shapely.geometry.mapping(rounded)
    return mapping


def _identities(records: list[int], parcels: ParcelTable) -> list[str]:
    """What a record is known by: its key, else its shape, else its number in the file."""
    shapes = parcels.geometry[records]
    blobs = shapely.to_wkb(_normalized(shapes), output_dimension=2)
    found = []
    for record, blob in zip(records, blobs.tolist(), strict=True):
        key = [str(column[record]).strip() for column in (parcels.commune, parcels.sheet, parcels.number)]
        by_shape = f"record {record}" if blob is None else f"shape {hashlib.blake2b(blob, digest_size=16).hexdigest()}"
        found.append("key " + "/".join(key) if key[1] and key[2] else by_shape)
    return found


def _normalized(shapes: Geometries) -> Geometries:
    """Shapes with their rings in one order, where their coordinates are finite."""
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    finite = np.ones(len(shapes), dtype=bool)
    finite[owner[~np.isfinite(xy).all(axis=1)]] = False
    normalized = shapes.copy()
    normalized[finite] = shapely.normalize(shapes[finite])
    return normalized


def _places(findings: Sequence[Finding]) -> list[str]:
    """The middle of each finding's place, to a centimetre; empty where it has none."""
    locations = np.empty(len(findings), dtype=object)
    locations[:] = [finding.location for finding in findings]
    middle = shapely.centroid(locations)
    xy = zip(shapely.get_x(middle).tolist(), shapely.get_y(middle).tolist(), strict=True)
    return [f"{x:.2f} {y:.2f}" if math.isfinite(x) else "" for x, y in xy]
