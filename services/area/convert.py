"""Units and candidates as messages."""

from __future__ import annotations

from collections.abc import Iterable

from ngoclinh.area.v1.area_service_pb2 import Area, AreaMatch, PlaceCandidate
from ngoclinh.type.v1.type_pb2 import LonLat

from services.core.areas import Candidate, Match, Unit, register


def area(unit: Unit) -> Area:
    """A unit as a message."""
    has_point = unit.lon is not None and unit.lat is not None
    return Area(
        name=unit.name,
        code=unit.code,
        edition=unit.edition,
        level=unit.level,  # type: ignore[arg-type]  # the register keeps the numbers of AreaLevel
        title=unit.title,
        parent=unit.parent,
        valid_from_date=unit.valid_from.isoformat() if unit.valid_from else "",
        valid_until_date=unit.valid_until.isoformat() if unit.valid_until else "",
        predecessors=unit.predecessors,
        successors=unit.successors,
        centroid=LonLat(longitude_deg=unit.lon or 0, latitude_deg=unit.lat or 0) if has_point else None,
        area_km2=unit.area_km2,
    )


def candidate(found: Candidate) -> PlaceCandidate:
    """A candidate as a message."""
    return PlaceCandidate(
        area=area(found.unit), current_areas=found.current, score=found.score, matched_text=found.matched_text
    )


def match(found: Match) -> AreaMatch:
    """A unit that a search found as a message."""
    former = found.former
    return AreaMatch(
        area=area(found.unit),
        above=_titles(register().above(found.unit.name)),
        former=_titles([former, *register().above(former.name)]) if former else "",
    )


def _titles(units: Iterable[Unit]) -> str:
    return ", ".join(unit.title for unit in units)
