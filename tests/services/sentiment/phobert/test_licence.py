"""The licence gate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.core.errors import LicenceRefused
from services.sentiment.phobert.licence import gate, stated

CARD = "---\nlanguage: vi\nlicense: {}\ntags:\n- sentiment\n---\n# A model\n\nlicense: made up below the head\n"


@pytest.mark.parametrize("licence", ["mit", "MIT", "apache-2.0", "cc-by-4.0"])
def test_free_licences_pass(tmp_path: Path, licence: str) -> None:
    tmp_path.joinpath("README.md").write_text(CARD.format(licence))
    assert gate(tmp_path, "") == licence.lower()


@pytest.mark.parametrize(
    "licence",
    ["agpl-3.0", "gpl-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "research-only", "other", "openrail", "lgpl-3.0"],
)
def test_others_are_refused_until_they_are_accepted_by_name(tmp_path: Path, licence: str) -> None:
    tmp_path.joinpath("README.md").write_text(CARD.format(licence))
    for accepted in ("", "none", "gpl", licence[:-1]):
        with pytest.raises(LicenceRefused) as refused:
            gate(tmp_path, accepted)
        assert refused.value.details["licence"] == licence
        for text in (refused.value.vi, refused.value.en):
            assert f'sentiment.accept_licence = "{licence}"' in text
    assert gate(tmp_path, licence) == licence


def test_no_licence_is_refused_until_none_is_accepted(tmp_path: Path) -> None:
    tmp_path.joinpath("README.md").write_text("# A model\n\nIt is under the MIT license, somewhere.\n")
    with pytest.raises(LicenceRefused, match="names no licence"):
        gate(tmp_path, "mit")
    assert gate(tmp_path, "none") == "none"


def test_a_folder_that_is_not_there_names_no_licence(tmp_path: Path) -> None:
    with pytest.raises(LicenceRefused):
        gate(tmp_path / "nothing", "")


def test_one_licence_that_is_refused_is_enough(tmp_path: Path) -> None:
    tmp_path.joinpath("card.json").write_text(json.dumps({"licence": "MIT"}))
    tmp_path.joinpath("README.md").write_text(CARD.format("\n- agpl-3.0\n- mit"))
    assert stated(tmp_path) == ["mit", "agpl-3.0"]
    with pytest.raises(LicenceRefused, match=r"agpl-3\.0"):
        gate(tmp_path, "")


def test_the_text_of_a_licence_tells_which_it_is(tmp_path: Path) -> None:
    tmp_path.joinpath("LICENSE").write_text("                    GNU AFFERO GENERAL\n   PUBLIC LICENSE\n Version 3\n")
    assert stated(tmp_path) == ["agpl-3.0"]
    tmp_path.joinpath("LICENSE").write_text("MIT License\n\nCopyright\n")
    assert gate(tmp_path, "") == "mit"


def test_a_damaged_card_names_nothing(tmp_path: Path) -> None:
    tmp_path.joinpath("card.json").write_text("{")
    assert stated(tmp_path) == []
