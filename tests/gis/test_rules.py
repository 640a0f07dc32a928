"""Every rule: its cases say exactly what it finds; its words are complete."""

from __future__ import annotations

import re
import string
from typing import Any

import pytest

from gis.engine import validate
from gis.limits import limit, table
from gis.model import Severity
from gis.rules import DETAIL_KEYS, RULES, message
from tests.gis.cases import FOLDER, Case, all_cases, outline

CASES = all_cases()
WANTED = [
    "G01",
    "G02",
    "G03",
    "G04",
    "G05",
    "G07",
    "G09",
    "T01",
    "T02",
    "T03",
    "C01",
    "C02",
    "C03",
    "C06",
    "A01",
    "K01",
    "K02",
    "K03",
    "K04",
    "K05",
]


def close(given: Any, found: Any) -> bool:
    if isinstance(given, list):
        return isinstance(found, list) and len(given) == len(found) and all(map(close, given, found))
    if isinstance(given, float):
        return found is not None and float(found) == pytest.approx(given, abs=1e-3)
    return bool(given == found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.name}")
def test_case_gives_exactly_what_it_says(case: Case) -> None:
    found = validate(case.table, case.context)
    mine = [finding for finding in found if finding.rule == case.rule]
    others = [finding for finding in found if finding.rule != case.rule and finding.severity > Severity.INFO]
    assert others == [], "one fault is one finding: another rule speaks of it too"
    stated = [outline(finding, set(want)) for finding, want in zip(mine, case.finds, strict=False)]
    assert len(mine) == len(case.finds), mine
    for want, got in zip(case.finds, stated, strict=True):
        assert all(close(want[key], got[key]) for key in want), f"wanted {want}, found {got}"


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_has_a_passing_and_a_failing_case(rule: Any) -> None:
    mine = [case for case in CASES if case.rule == rule.id]
    failing = [case for case in mine if any(find.get("case") != "not_checked" for find in case.finds)]
    passing = [case for case in mine if not case.finds]
    assert passing, f"{FOLDER}/{rule.id}.toml has no case without `finds`"
    assert failing, f"{FOLDER}/{rule.id}.toml has no case with `finds`"


def test_every_case_file_belongs_to_a_rule() -> None:
    assert {file.stem for file in FOLDER.glob("*.toml")} == set(RULES)


def test_the_catalogue_holds_the_rules_of_this_release() -> None:
    codes = [rule.code for rule in RULES.values()]
    assert codes == sorted(codes)
    assert set(WANTED) <= set(codes)
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_is_documented(rule: Any) -> None:
    assert re.fullmatch(r"[A-Z][^.]*\.", rule.summary), f"the summary of {rule.id} is one sentence: {rule.summary!r}"
    assert "Repair" in rule.description, f"{rule.id} tells how to repair the fault"
    assert all(rule.title)
    assert rule.title[0] != rule.title[1]
    assert rule.basis
    for key in rule.tolerance:
        assert limit(key).meaning


@pytest.mark.parametrize("case", [case for case in CASES if case.finds], ids=lambda case: f"{case.rule}: {case.name}")
def test_details_use_the_vocabulary_and_both_languages_are_filled(case: Case) -> None:
    for finding in validate(case.table, case.context):
        unknown = finding.details.keys() - DETAIL_KEYS.keys()
        assert not unknown, (
            f"{finding.rule} states {sorted(unknown)}, which DETAIL_KEYS does not know: you probably gave a new name to a "
            "fact; if a key of the vocabulary fits, use it, else add the new one there with its meaning"
        )
        vi, en = message(finding)
        assert vi != en
        for text in (vi, en):
            assert "{" not in text
            assert "  " not in text
            assert "“”" not in text or "empty" in finding.details.get("case", "")
            assert text.endswith(".")


def test_messages_belong_to_rules_and_name_known_facts() -> None:
    messages = table("messages.toml")
    assert set(messages) - {"missing", "not_checked"} == set(RULES)
    facts = {*DETAIL_KEYS, "record", "related", "measured", "threshold", "title", "missing"}
    for entry in [*messages.values(), *(case for one in messages.values() for case in one.get("case", {}).values())]:
        for lang in ("vi", "en"):
            fields = {field for _, field, _, _ in string.Formatter().parse(entry.get(lang, "")) if field}
            assert fields <= facts


def test_every_limit_is_used() -> None:
    used = {key for rule in RULES.values() for key in rule.tolerance}
    assert {f"rules.{name}" for name in table("limits.toml")["rules"]} - used <= {"rules.repair_vertices"}


def test_numbers_read_naturally_in_both_languages() -> None:
    finding = RULES["parcels_overlap"].finding(0, related=[3], measured=12.3456, threshold=0.01, width_m="0.0512")
    vi, en = message(finding, label=lambda record: f"1/{record}")
    assert {"12,35", "0,051", "(1/3)"} <= set(re.split(r" m²?|: | ", vi))
    assert "12.35 m²" in en
    assert "(1/0)" in en


def test_days_read_naturally_in_vietnamese() -> None:
    rule = RULES["land_use_code_unknown"]
    finding = rule.finding(0, case="expired", land_use_code="BHK", valid_until="2024-08-01", date="2026-01-02")
    vi, en = message(finding)
    assert "01/08/2024" in vi
    assert "2024-08-01" in en
