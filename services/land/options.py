"""What a user says about a file, checked: codes exist, dates are dates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from ngoclinh.land.v1.parcel_pb2 import ImportOptions

from gis import crs
from services.core.areas import register
from services.core.clock import edition_on
from services.core.errors import InvalidField
from services.core.names import EDITIONS, area_name, parse_area_name

_COMMUNE = 3
_SCALES = range(200, 10_001)


@dataclass(frozen=True)
class Known:
    """What is known about a file besides its content.

    Attributes:
        coordinate_system: "" or as the user wrote it, in a form that `gis.crs.parse` takes.
        commune: area name, or a code alone where no edition is known; "" where nothing is known.
        as_of: date of the data; None where unknown.
        scale: denominator of the map scale; 0 where unknown.
        edition: edition of commune codes in the file, where the user names it.
    """

    coordinate_system: str = ""
    commune: str = ""
    as_of: date | None = None
    scale: int = 0
    edition: int | None = None

    def area(self, code: str) -> str:
        """Name of the unit that a code of the file means; "" where it is no code, or its edition is unknown."""
        edition = self.edition or (edition_on(self.as_of) if self.as_of else None)
        name = area_name(edition, code) if edition and not code.startswith("areas/") else code
        try:
            parse_area_name(name)
        except InvalidField:
            return ""
        return name

    def possible(self, code: str) -> list[str]:
        """Names of the units that a code of the file may mean."""
        if name := self.area(code):
            return [name]
        return [area_name(edition, code) for edition in EDITIONS] if code.isdigit() else []


def read(options: ImportOptions) -> Known:
    """The options of a request or command line.

    Raises:
        InvalidField: a field that means nothing, with the field's name.
        UnusableCoordinateSystem: a deprecated coordinate system.
    """
    if options.coordinate_system.strip().lower() not in {"", "auto"}:
        crs.parse(options.coordinate_system)
    if options.edition not in (0, *EDITIONS):
        raise InvalidField("options.edition", "phải là 2004 hoặc 2025", "must be 2004 or 2025")
    if options.scale and options.scale not in _SCALES:
        raise InvalidField("options.scale", "phải từ 200 đến 10000", "must be from 200 to 10000")
    known = Known(
        coordinate_system=options.coordinate_system,
        commune=options.commune.strip(),
        as_of=_date(options.as_of_date),
        scale=options.scale,
        edition=options.edition or None,
    )
    if known.commune.startswith("areas/"):
        known = replace(known, edition=known.edition or parse_area_name(known.commune, "options.commune")[0])
    elif known.area(known.commune):
        known = replace(known, commune=known.area(known.commune))
    _require_commune(known)
    return known


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidField(
            "options.as_of_date",
            f"“{text}” không phải ngày; ví dụ đúng: 2024-06-30",
            f"'{text}' is no date; a correct one is 2024-06-30",
        ) from error


def _require_commune(known: Known) -> None:
    if not known.commune:
        return
    units = [register().get(name) for name in known.possible(known.commune)]
    if not any(unit is not None and unit.level == _COMMUNE for unit in units):
        raise InvalidField(
            "options.commune",
            f"“{known.commune}” không phải xã, phường nào; ví dụ đúng: areas/2004-20944",
            f"'{known.commune}' is no commune; a correct one is areas/2004-20944",
        )
