"""Units that a running text names, each resolved to one unit of the edition that the text means.

Precision comes first: a bare name counts only where the text or the context makes it a place. How a name is judged is
told in docs/places.md; offsets are code points of the text in NFC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from services.core.areas.editions import mark_editions
from services.core.areas.gazetteer import gazetteer
from services.core.areas.judge import Judge
from services.core.areas.register import Unit
from services.core.areas.scan import Scan
from services.core.vietnamese import nfc

THRESHOLD = 0.5
"""Least score of a mention that is reported."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A unit as a text names it."""

    unit: Unit
    current: tuple[str, ...]
    """Names of the communes (for a province: the province) that cover it today."""
    text: str
    """The words as they stand in the text, the kind included."""
    offset: int
    """First code point in the text in NFC."""
    score: float
    """Confidence, 0 to 1."""


def mentions(text: str, day: date, context: Iterable[str] = ()) -> list[Mention]:
    """The units that a text of a day names, every occurrence, in the order of the text.

    Args:
        text: running text; offsets refer to its NFC form.
        day: when it was published: it decides which edition a name means.
        context: names of areas that make ambiguous names certain, such as the province of the source.
    """
    text = nfc(text)
    names = gazetteer()
    scan = Scan(text, names)
    if not scan.spans:
        return []
    mark_editions(scan)
    judge = Judge(names, day, context, folded=scan.words.folded)
    judge.learn(scan.spans)
    found = []
    for span in scan.spans:
        unit, score = judge.best(span)
        if unit is not None and score >= THRESHOLD:
            found.append(
                Mention(unit, names.areas.current(unit.name), text[span.start : span.end], span.start, round(score, 2))
            )
    return found
