"""Sheets and findings of `gis` → messages of `ngoclinh.land.v1`. Runs in the reader child."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from ngoclinh.land.v1.parcel_pb2 import Finding, OwnerField, OwnerFieldKind, Parcel, ParcelOwners
from numpy.typing import NDArray

from gis import columns
from gis.crs import Resolved, project, to_wgs84
from gis.model import Finding as Found
from gis.model import Geometries, ParcelTable, Severity, Strings
from gis.readers import Sheet
from gis.report import finding_ids
from gis.rules import RULES, message
from services.core.areas import register
from services.core.vietnamese import strip_controls
from services.land.naming import Names
from services.land.options import Known

BATCH = 5000

MOST_OWNER_TEXT = 2000
"""Characters of a value about an owner that are kept."""

_KINDS = {kind.removeprefix("OWNER_FIELD_KIND_").lower(): number for kind, number in OwnerFieldKind.items()}


def table_of(sheet: Sheet, known: Known) -> ParcelTable:
    """The columns that rules see, with the geometry as in the file.

    Args:
        sheet: the sheet as read.
        known: what the user said; a commune for the whole sheet stands in the context, not here.
    """
    texts = {key: _stripped(values) for key, values in sheet.known.items()}
    blank = _stripped(np.array([""] * len(sheet), dtype=object))
    codes = texts.get("commune", blank)
    areas = np.array([columns.to_area(text) for text in texts.get("declared_area_m2", blank)], dtype=np.float64)
    unread = np.isnan(areas) & (texts.get("declared_area_m2", blank) != "")
    attributes = dict(sheet.attributes)
    if unread.any():
        attributes["declared_area_m2"] = np.where(unread, sheet.known["declared_area_m2"], "")
    return ParcelTable(
        geometry=sheet.geometry,
        commune=_filled([_code(code, known) for code in codes]),
        sheet=texts.get("sheet", blank),
        number=texts.get("number", blank),
        land_use_code=texts.get("land_use_code", blank),
        declared_area_m2=areas,
        scale=np.array([columns.to_scale(text) for text in texts.get("scale", blank)], dtype=np.int64),
        attributes=attributes,
        present=frozenset(sheet.known) & _COLUMNS,
    )


_COLUMNS = frozenset({"commune", "sheet", "number", "land_use_code", "declared_area_m2", "scale"})


def parcels_of(
    sheet: Sheet,
    table: ParcelTable,
    names: Names,
    crs: Resolved,
    import_name: str,
    errors: Counter[int],
    warnings: Counter[int],
) -> Iterator[Parcel | ParcelOwners]:
    """The records as messages, in their order, each with its owners before it where the sheet has them.

    Args:
        sheet: the sheet as read.
        table: its columns.
        names: what they are called.
        crs: the coordinate system of the sheet.
        import_name: the import that brings them.
        errors: findings of severity ERROR by record.
        warnings: findings of severity WARNING by record.
    """
    current = {area: (register().current(area) or ("",))[0] for area in set(names.communes)}
    for start in range(0, len(sheet), BATCH):
        rows = slice(start, min(start + BATCH, len(sheet)))
        placed = to_wgs84(sheet.geometry[rows], crs.epsg)
        bounds = shapely.bounds(placed)
        wkb = shapely.to_wkb(placed)
        measured = shapely.area(table.geometry[rows])
        for offset, record in enumerate(range(rows.start, rows.stop)):
            parcel = Parcel(
                name=names.parcels[record],
                commune=names.communes[record],
                current_area=current[names.communes[record]],
                sheet=table.sheet[record],
                number=table.number[record],
                land_use_code=table.land_use_code[record],
                computed_area_m2=float(np.nan_to_num(measured[offset], posinf=0.0)),
                scale=int(table.scale[record]),
                coordinate_system=f"EPSG:{crs.epsg}",
                source_wkb=sheet.source_wkb[record] or b"",
                wgs84_wkb=wkb[offset] or b"",
                record=record,
                attributes={key: values[record] for key, values in table.attributes.items() if values[record]},
                aliases=[names.aliases[record]] if names.aliases[record] else [],
                error_count=errors[record],
                warning_count=warnings[record],
            )
            setattr(parcel, "import", import_name)
            if not np.isnan(table.declared_area_m2[record]):
                parcel.declared_area_m2 = float(table.declared_area_m2[record])
            _set_bounds(parcel, bounds[offset])
            if owners := owners_of(sheet, record, parcel):
                parcel.has_owners = True
                yield owners
            yield parcel


def owner_columns(sheet: Sheet) -> list[str]:
    """Names of the columns about persons, as a report tells them."""
    return [name[:64] for name in sheet.personal[: columns.MOST_PERSON_COLUMNS]]


def owners_of(sheet: Sheet, record: int, parcel: Parcel) -> ParcelOwners | None:
    """What a record says of the owners of its parcel; None where it says nothing, or they are not kept."""
    fields = [
        OwnerField(column=name[:64], kind=_KINDS[columns.person_kind(name)], value=text)
        for name, values in list(sheet.owners.items())[: columns.MOST_PERSON_COLUMNS]
        if (text := strip_controls(values[record]).strip()[:MOST_OWNER_TEXT])
    ]
    if not fields:
        return None
    owners = ParcelOwners(parcel=parcel.name, current_area=parcel.current_area, fields=fields)
    setattr(owners, "import", getattr(parcel, "import"))
    return owners


def findings_of(
    found: Sequence[Found], table: ParcelTable, names: Names, crs: Resolved, import_name: str
) -> Iterator[Finding]:
    """The findings as messages, in their order.

    Args:
        found: what the rules found.
        table: the sheet that they were found in.
        names: what its records are called.
        crs: the coordinate system of the sheet.
        import_name: the import; "" for a validation alone.
    """
    places = np.array([one.location for one in found], dtype=object)
    in_file = shapely.to_wkb(project(places, crs.plane, crs.epsg)) if len(places) else places
    centres = _centres(places, crs)
    ids = finding_ids(found, table)
    for one, name, location, centre in zip(found, ids, in_file, centres, strict=True):
        rule = RULES[one.rule]
        finding = Finding(
            name=f"findings/{name}",
            rule=f"rules/{one.rule}",
            rule_code=rule.code,
            severity=int(one.severity),  # type: ignore[arg-type]
            parcel=names.parcels[one.record] if one.record >= 0 else "",
            related_parcels=[names.parcels[other] for other in one.related],
            location_wkb=location or b"",
            unit_code=rule.unit,
            details=dict(one.details),
            record=one.record,
            related_records=one.related,
        )
        setattr(finding, "import", import_name)
        finding.message.vi = message(one, lambda record: _label(table, record, "tờ {} thửa {}", "bản ghi {}"))[0]
        finding.message.en = message(one, lambda record: _label(table, record, "sheet {} parcel {}", "record {}"))[1]
        if one.measured is not None:
            finding.measured_value = one.measured
        if one.threshold is not None:
            finding.threshold_value = one.threshold
        if np.isfinite(centre).all():
            finding.location.longitude_deg, finding.location.latitude_deg = centre.tolist()
        yield finding


def count_by_record(found: Sequence[Found], severity: Severity) -> Counter[int]:
    """How many findings of a severity each record takes part in."""
    counts = Counter[int]()
    for one in found:
        if one.severity == severity:
            counts.update({one.record, *one.related} - {-1})
    return counts


def _label(table: ParcelTable, record: int, key: str, number: str) -> str:
    sheet, parcel = table.sheet[record], table.number[record]
    return key.format(sheet, parcel) if sheet and parcel else number.format(record + 1)


def _centres(places: Geometries, crs: Resolved) -> NDArray[np.float64]:
    """Shape (n, 2), longitude and latitude of the middle of each place; NaN where there is none."""
    middle = to_wgs84(shapely.centroid(places), crs.plane)
    return np.column_stack([shapely.get_x(middle), shapely.get_y(middle)])


def _set_bounds(parcel: Parcel, bounds: NDArray[np.float64]) -> None:
    west, south, east, north = bounds.tolist()
    if -180 <= west <= east <= 180 and -90 <= south <= north <= 90:
        parcel.bounds.west_deg, parcel.bounds.south_deg = west, south
        parcel.bounds.east_deg, parcel.bounds.north_deg = east, north


def _code(text: str, known: Known) -> str:
    """A commune of the file as rules take it: an area name where the user named the edition, else the code."""
    code = columns.to_commune_code(text)
    return (known.area(code) or code) if known.edition else code


def _stripped(values: Strings) -> Strings:
    return _filled([text.strip() for text in values])


def _filled(texts: Sequence[str]) -> Strings:
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column
