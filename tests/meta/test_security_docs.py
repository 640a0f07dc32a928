"""Tests, settings and commands that the security guide and the dossier name exist; both languages say the same."""

from __future__ import annotations

import ast
import re

import pytest

from services.core import config
from tests.conftest import ROOT

SUFFIXES = {"en": ".md", "vi": ".vi.md"}
PAGES = {
    page: {lang: (ROOT / "docs" / f"{page}{suffix}").read_text("utf-8") for lang, suffix in SUFFIXES.items()}
    for page in ("security", "dossier")
}
GUIDES = PAGES["security"]
SETTING = re.compile(r"`([a-z]+(?:\.[a-z_]+)+)(?: = \w+)?`")
COMMAND = re.compile(r"`(ngoclinh [a-z]+(?: [a-z]+(?:-[a-z]+)*)*)[^`]*`")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", GUIDES["en"])


def test_the_guide_names_tests() -> None:
    assert len(NAMED) >= 10


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_have_the_same_tables(page: str) -> None:
    """Rows, and all that they name in code: settings, parts, tests."""
    tables = {
        lang: [re.findall(r"`([^`]+)`", line) for line in guide.splitlines() if line.startswith("|")]
        for lang, guide in PAGES[page].items()
    }
    assert tables["vi"] == tables["en"]


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_name_the_same_in_their_text(page: str) -> None:
    """Settings and commands, those in the blanks of the dossier too, and each as often."""
    named = {lang: sorted(SETTING.findall(text) + COMMAND.findall(text)) for lang, text in PAGES[page].items()}
    assert named["vi"] == named["en"]


@pytest.mark.parametrize("page", PAGES)
def test_a_named_setting_exists(page: str) -> None:
    keys = config.known_keys()
    sections = {key.split(".")[0] for key in keys if "." in key}
    named = {name for name in SETTING.findall(PAGES[page]["en"]) if name.split(".")[0] in sections}
    assert len(named) >= 10
    assert not {name for name in named if not any(key == name or key.startswith(f"{name}.") for key in keys)}


@pytest.mark.parametrize("page", PAGES)
def test_a_named_command_exists(page: str) -> None:
    commands = set(
        re.findall(r"^## `(ngoclinh [a-z -]+)`", (ROOT / "docs/reference/cli.md").read_text("utf-8"), re.MULTILINE)
    )
    named = set(COMMAND.findall(PAGES[page]["en"]))
    assert len(named) >= 4
    assert named <= commands


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_named_test_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name in found
