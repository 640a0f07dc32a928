"""Run the rules over a sheet in their order, and put the findings into theirs."""

from __future__ import annotations

from collections.abc import Callable

from gis.model import Context, Finding, ParcelTable, Severity
from gis.rules import RULES, Rule

Progress = Callable[[float], None]
"""Is told the share of the work that is done, 0 to 1."""

ORDER = "CGTAK"
"""Groups of rules as they run: a wrong coordinate system makes everything later noise, a broken geometry what compares."""

ANYWHERE = frozenset({"K10", "K12"})
"""Rules about records that hold for sheets of every country."""


def validate(table: ParcelTable, ctx: Context, progress: Progress | None = None) -> list[Finding]:
    """Everything that the rules find in a sheet: most serious first, then by code of the rule and by record.

    Stops after the rules of the coordinate system where one of them found an ERROR. Rules about codes of Vietnam do not
    run on foreign sheets, which is said once.

    Args:
        table: the sheet, in metres.
        ctx: what is known about it.
        progress: called after every rule.
    """
    found: list[Finding] = []
    rules = sorted(RULES.values(), key=lambda one: (ORDER.index(one.code[0]), one.code))
    stopped = False
    for number, rule in enumerate(rules, start=1):
        if stopped and rule.code[0] != ORDER[0]:
            break
        mine = _checked(rule, table, ctx)
        stopped |= rule.code[0] == ORDER[0] and any(one.severity == Severity.ERROR for one in mine)
        found += mine
        if progress:
            progress(number / len(rules))
    return sorted(found, key=_place)


def _checked(rule: Rule, table: ParcelTable, ctx: Context) -> list[Finding]:
    if rule.code[0] == "K" and ctx.foreign and rule.code not in ANYWHERE:
        if rule.code != "K01":
            return []
        return [rule.finding(-1, severity=Severity.INFO, case="foreign", count=len(table))]
    return list(rule(table, ctx))


def _code(finding: Finding) -> str:
    return RULES[finding.rule].code


def _place(finding: Finding) -> tuple[int, str, int, tuple[int, ...], str]:
    return -finding.severity, _code(finding), finding.record, finding.related, finding.details.get("case", "")
