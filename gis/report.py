"""Lasting ids of findings."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import shapely

from gis.model import Finding, Geometries, ParcelTable
from services.core.names import digest_id


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
