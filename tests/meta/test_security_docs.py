"""Every test that the security guide names for a requirement exists; both languages say the same."""

from __future__ import annotations

import ast
import re

import pytest

from tests.conftest import ROOT

GUIDES = {
    lang: (ROOT / "docs" / name).read_text("utf-8") for lang, name in (("en", "security.md"), ("vi", "security.vi.md"))
}
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", GUIDES["en"])


def test_the_guide_names_tests() -> None:
    assert len(NAMED) >= 10


def test_both_languages_have_the_same_tables() -> None:
    """Rows, and all that they name in code: settings, parts, tests."""
    tables = {
        lang: [re.findall(r"`([^`]+)`", line) for line in guide.splitlines() if line.startswith("|")]
        for lang, guide in GUIDES.items()
    }
    assert tables["vi"] == tables["en"]


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_named_test_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name in found
