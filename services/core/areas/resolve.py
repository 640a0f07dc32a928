"""What a short text means: a code, a name, an address; all candidates, best first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from services.core.areas.editions import mark_editions
from services.core.areas.gazetteer import gazetteer
from services.core.areas.judge import Judge
from services.core.areas.register import Unit
from services.core.areas.scan import Scan, Span
from services.core.clock import edition_on
from services.core.names import EDITIONS, area_name
from services.core.vietnamese import nfc

_CODE = re.compile(r"(?:areas/)?(?:(\d{4})-)?(\d{2}|\d{3}|\d{5})")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that a text may mean."""

    unit: Unit
    """The unit; its edition says whether it was valid on the day."""
    current: tuple[str, ...]
    """Names of the communes (for a province: the province) that cover it today."""
    score: float
    """Confidence, 0 to 1; the scores of several candidates need not sum to 1."""
    matched_text: str
    """The part of the text that was matched."""


def resolve(text: str, day: date, limit: int = 20) -> list[Candidate]:
    """The units that a code, a name or an address may mean on a day, best first.

    A name without any mark is compared without marks, a name with marks exactly: Trà Don is not Trà Dơn. A name that
    no unit carries on the day is looked for in the other edition.
    """
    text = nfc(text).strip()
    code = _CODE.fullmatch(text)
    if code:
        return _by_code(code[1], code[2], day, text)[:limit]
    scan = Scan(text, gazetteer(), lenient=True)
    if not scan.spans:
        return []
    mark_editions(scan)
    judge = Judge(gazetteer(), day, folded=scan.words.folded, lenient=True)
    judge.learn(scan.spans)
    span, ranked = max(((span, judge.rank(span)) for span in scan.spans), key=lambda row: _detail(*row))
    areas = gazetteer().areas
    matched = text[span.start : span.end]
    found = []
    for score, unit in ranked[:limit]:
        rivals = sum(1 for other, _ in ranked if other > score - 0.1)
        found.append(
            Candidate(unit, areas.current(unit.name), round(max(0.01, min(1.0, score) / rivals**0.5), 2), matched)
        )
    return found


def _detail(span: Span, ranked: list[tuple[float, Unit]]) -> tuple[int, bool, int]:
    """What an address is about: the smallest unit, one with its kind, the first one."""
    return (ranked[0][1].level if ranked else 0, span.explicit, -span.first)


def _by_code(edition: str | None, code: str, day: date, matched: str) -> list[Candidate]:
    areas = gazetteer().areas
    valid = int(edition) if edition else edition_on(day)
    unit = areas.get(area_name(valid, code))
    score = 1.0
    if unit is None and not edition:
        score = 0.5
        unit = next((other for year in EDITIONS if (other := areas.get(area_name(year, code)))), None)
    return [Candidate(unit, areas.current(unit.name), score, matched)] if unit else []
