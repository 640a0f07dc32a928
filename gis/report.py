"""Findings for the outside: lasting ids, and GeoJSON in WGS 84."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely

from gis.crs import to_wgs84
from gis.model import Context, Finding, ParcelTable
from gis.rules import RULES, message
from services.core.names import digest_id

LONLAT_DIGITS = 8
"""Decimals of degrees, about a millimetre."""


def finding_ids(findings: Sequence[Finding], parcels: ParcelTable) -> list[str]:
    """One id a finding: the same data and rules give the same ids, in whatever order the records come.

    An id is made of the rule, the parcels that take part (their commune, sheet and number, or their shape where they
    have none) and the place. Findings that agree in all of it are numbered.
    """
    known: dict[int, str] = {}

    def identity(record: int) -> str:
        if record not in known:
            known[record] = _identity(record, parcels)
        return known[record]

    seen: Counter[str] = Counter()
    ids = []
    for finding in findings:
        records = () if finding.record < 0 else (finding.record, *finding.related)
        case = finding.details.get("case", "")
        text = "\n".join([finding.rule, case, _place(finding.location), *sorted(map(identity, records))])
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


def _identity(record: int, parcels: ParcelTable) -> str:
    key = [str(column[record]).strip() for column in (parcels.commune, parcels.sheet, parcels.number)]
    if key[1] and key[2]:
        return "key " + "/".join(key)
    shape = parcels.geometry[record]
    if shape is None:
        return f"record {record}"
    return f"shape {shapely.to_wkb(shapely.normalize(shape), hex=True, output_dimension=2)}"


def _place(location: shapely.Geometry | None) -> str:
    if location is None or location.is_empty:
        return ""
    middle = shapely.centroid(location)
    return f"{middle.x:.2f} {middle.y:.2f}"
