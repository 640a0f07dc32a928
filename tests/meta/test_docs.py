"""Generated pages cannot go stale, and what they say works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services import reference
from services.core import config
from services.core.config import Settings
from tests.conftest import ROOT

PAGES = reference.pages()


@pytest.mark.parametrize("path", PAGES)
def test_a_generated_page_says_what_the_code_says(path: str) -> None:
    file = ROOT / path
    assert file.is_file(), f"{path} is missing: run `make docs`"
    assert file.read_text(encoding="utf-8") == PAGES[path], f"{path} is stale: run `make docs`"


def test_the_example_settings_are_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "ngoclinh.toml"
    file.write_text(PAGES["ngoclinh.example.toml"], encoding="utf-8")
    assert config.load(file, environ={}) == Settings()


def test_every_setting_stands_in_the_example_and_on_the_page() -> None:
    for key in config.known_keys():
        name = key.rsplit(".", 1)[-1]
        assert f"`{key}" in PAGES["docs/reference/settings.md"]
        assert name == "watch_areas" or re.search(rf"^(# )?{name} = ", PAGES["ngoclinh.example.toml"], re.MULTILINE)


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert not broken
