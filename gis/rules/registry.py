"""How a rule is declared, the catalogue of all rules, and what a finding says in words.

A rule is one function over columns, declared with `@rule`; its name is the rule's id. It yields findings, never raises for
bad data, and never logs. What it needs and is not given it says once, with `Rule.not_checked`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import getdoc
from typing import Any

import shapely

from gis.limits import limit, table
from gis.model import Context, Finding, ParcelTable, Scope, Severity

Check = Callable[[ParcelTable, Context], Iterable[Finding]]

DETAIL_KEYS: Mapping[str, str] = {
    "after": "value as it reads after a repair",
    "angle_deg": "angle at a vertex in degrees",
    "area_m2": "area of the place in square metres",
    "before": "value as it stood before a repair",
    "case": "which of a rule's messages applies; `not_checked` where something is missing",
    "cell": "cell of a spreadsheet, such as C5",
    "column": "name of a column",
    "commune": "code of a commune, or name of the unit",
    "computed_area_m2": "area of the geometry in square metres",
    "count": "how many records, vertices or places it is about",
    "crs": "coordinate system as the file or the user names it",
    "date": "date as of which codes are looked up",
    "declared_area_m2": "declared area in square metres",
    "distance_km": "distance in kilometres",
    "encoding": "how text was written",
    "geometry_type": "kind of geometry",
    "land_use_code": "land use code as written",
    "length_m": "length in metres",
    "missing": "what was not given, names separated by commas",
    "name": "name as written",
    "number": "parcel number as written",
    "numbers": "parcel numbers, separated by commas",
    "official_name": "name in the register",
    "reason": "reason of GEOS",
    "scale": "denominator of the map scale",
    "sheet": "map sheet number as written",
    "suggested_crs": "coordinate system that fits",
    "valid_from": "first day of validity",
    "valid_until": "first day on which it is no longer valid",
    "width_m": "width of a thin place in metres: 2 · area / perimeter",
}
"""The vocabulary of `Finding.details`: a fact has one key, whichever rule states it."""


@dataclass(frozen=True, eq=False)
class Rule:
    """A rule of the catalogue; calling it checks a sheet.

    Attributes:
        id: name of the function. Example: ``parcels_overlap``.
        code: code in the catalogue. Example: ``T01``.
        severity: severity of its findings where nothing else is said.
        scope: what it looks at.
        unit: UCUM unit of `measured` and `threshold`; "" where nothing is measured.
        tolerance: keys of the limits that it uses, in `gis/data/limits.toml`.
        basis: legal or technical source of the limit.
        since: first release with the rule.
        check: the function.
    """

    id: str
    code: str
    severity: Severity
    scope: Scope
    unit: str
    tolerance: tuple[str, ...]
    basis: str
    since: str
    check: Check

    def __call__(self, parcels: ParcelTable, ctx: Context) -> Iterable[Finding]:
        """Checks a sheet."""
        return self.check(parcels, ctx)

    @property
    def summary(self) -> str:
        """What the rule demands: the first sentence of its documentation."""
        return (getdoc(self.check) or "").partition("\n")[0]

    @property
    def description(self) -> str:
        """Why it matters, what causes it, how to repair it; Markdown."""
        return (getdoc(self.check) or "").partition("\n")[2].strip()

    @property
    def title(self) -> tuple[str, str]:
        """Short name in Vietnamese and English."""
        title = _messages()[self.id]["title"]
        return title["vi"], title["en"]

    @property
    def limit(self) -> str:
        """The default limits in words. Example: "0.01 m2: least area of an overlap"."""
        return "; ".join(f"{one.value:g} {one.unit}: {one.meaning}" for one in map(limit, self.tolerance))

    def finding(
        self,
        record: int,
        *,
        severity: Severity | None = None,
        related: Iterable[int] = (),
        location: shapely.Geometry | None = None,
        measured: float | None = None,
        threshold: float | None = None,
        **details: object,
    ) -> Finding:
        """A finding of this rule; keyword arguments beyond the fields of a finding are its details."""
        return Finding(
            rule=self.id,
            severity=self.severity if severity is None else severity,
            record=int(record),
            related=tuple(int(other) for other in related),
            location=location,
            measured=None if measured is None else float(measured),
            threshold=None if threshold is None else float(threshold),
            details={key: str(value) for key, value in details.items()},
        )

    def not_checked(self, *missing: str, count: int) -> Finding:
        """The one finding that says what the rule would need, and for how many records it could not be checked."""
        return self.finding(
            -1, severity=Severity.INFO, case="not_checked", missing=",".join(sorted(missing)), count=count
        )


RULES: dict[str, Rule] = {}
"""All rules by id, in the order of their codes once `gis.rules` is imported."""


def rule(
    *, code: str, severity: Severity, scope: Scope, unit: str = "", tolerance: str = "", basis: str, since: str
) -> Callable[[Check], Rule]:
    """Declares a function as a rule; see `Rule` for the arguments. `tolerance` may hold several keys, by spaces."""

    def declare(check: Check) -> Rule:
        name = getattr(check, "__name__", "")
        declared = Rule(name, code, severity, scope, unit, tuple(tolerance.split()), basis, since, check)
        assert name not in RULES, f"two rules are called {name}"
        RULES[name] = declared
        ordered = sorted(RULES.values(), key=lambda one: one.code)
        RULES.clear()
        RULES.update({one.id: one for one in ordered})
        return declared

    return declare


def message(finding: Finding, label: Callable[[int], str] | None = None) -> tuple[str, str]:
    """What a finding says, in Vietnamese and English.

    Args:
        finding: the finding.
        label: names a record for both languages, such as "1/117"; by default its number in the file, from 0.
    """
    spoken = _messages()[finding.rule]
    case = finding.details.get("case", "")
    chosen = _messages()["not_checked"] if case == "not_checked" else spoken["case"][case] if case else spoken
    return _filled(chosen, "vi", finding, label), _filled(chosen, "en", finding, label)


def _filled(templates: Mapping[str, str], lang: str, finding: Finding, label: Callable[[int], str] | None) -> str:
    name = label or {"vi": "bản ghi {}", "en": "record {}"}[lang].format
    missing = [_messages()["missing"][key][lang] for key in finding.details.get("missing", "").split(",") if key]
    facts: dict[str, Any] = {
        **finding.details,
        "record": name(finding.record),
        "related": ", ".join(name(other) for other in finding.related[:5]),
        "measured": _number(finding.measured, lang),
        "threshold": _number(finding.threshold, lang),
        "missing": ", ".join(missing),
        "title": _messages()[finding.rule]["title"][lang],
    }
    for key in ("area_m2", "width_m", "length_m", "distance_km", "declared_area_m2", "computed_area_m2", "angle_deg"):
        if key in facts:
            facts[key] = _number(float(facts[key]), lang)
    for key in ("date", "valid_from", "valid_until"):
        if lang == "vi" and facts.get(key, "").count("-") == 2:
            facts[key] = "/".join(reversed(facts[key].split("-")))
    return templates[lang].format_map(facts)


def _number(value: float | None, lang: str) -> str:
    """At least two digits that mean something; a decimal comma in Vietnamese."""
    if value is None:
        return ""
    text = f"{value:.0f}" if abs(value) >= 10_000 else f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"
    if value and abs(value) < 0.1:
        text = f"{value:.2g}" if abs(value) >= 1e-4 else f"{value:.1e}"
    return text.replace(".", ",") if lang == "vi" else text


def _messages() -> dict[str, Any]:
    return table("messages.toml")
