"""The locked versions of the images are those that the project asks for."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT


def locked(name: str) -> dict[str, str]:
    """Version by name."""
    found = re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", (ROOT / f"k8s/{name}.lock").read_text(), re.MULTILINE)
    return {canonicalize_name(package): version for package, version in found}


@pytest.mark.parametrize(
    ("lock", "extras"), [("base", ["cluster", "otel"]), ("phobert", ["cluster", "otel", "phobert"])]
)
def test_a_lock_answers_every_requirement(lock: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [line for extra in extras for line in project["optional-dependencies"][extra]]
    versions = locked(lock)
    for requirement in map(Requirement, wanted):
        version = versions.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not in k8s/{lock}.lock: make lock"
        assert requirement.specifier.contains(version), f"{requirement} but {version}: make lock"


@pytest.mark.parametrize("lock", ["base", "phobert"])
def test_every_locked_package_has_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / f"k8s/{lock}.lock").read_text()
    assert "://" not in text
    for block in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]
