"""The bill of materials of an image: every package once, with licence, version and hash, by the schema of CycloneDX."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.kubernetes

PYTHON = ROOT / ".venv-sbom/bin/python"
STATUS = """Package: libc6
Status: install ok installed
Maintainer: Somebody <somebody@example.vn>
Architecture: amd64
Version: 2.36-9
Description: GNU C Library
 with more lines

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""


def wheel(folder: Path, name: str, *said: str) -> str:
    """A wheel with some metadata; its SHA-256."""
    place = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr(
            f"{name}-1.0.dist-info/METADATA",
            "\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *said]),
        )
    return hashlib.sha256(place.read_bytes()).hexdigest()


@pytest.fixture
def bill(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """What is said of an image with three packages, by name."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    first = wheel(folder, "first_one", "License-Expression: MIT")
    wheel(folder, "made_here", "License: " + "a whole text " * 20, "Classifier: License :: OSI Approved :: BSD License")
    wheel(folder, "ngoclinh", "License: Apache-2.0")
    lock, status = tmp_path / "some.lock", tmp_path / "root/var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    lock.write_text(
        f"first-one==1.0 \\\n    --hash=sha256:{first} \\\n    --hash=sha256:{'0' * 64}\nmade-here==1.0 \\\n    --hash=sha256:{'1' * 64}\n"
    )
    status.write_text(STATUS)
    command = [PYTHON, ROOT / "k8s/sbom.py", "ngoclinh/base", "1.0", "--packages", *sorted(folder.iterdir())]
    command += ["--wheels", folder, "--locks", lock, "--root", tmp_path / "root"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert told["metadata"]["component"]["name"] == "ngoclinh/base"
    assert {each["hashes"][0]["content"] for each in told["components"] if each["name"] == "first-one"} == {first}
    return {each["name"]: each for each in told["components"]}


def test_every_package_is_there_once_and_what_was_removed_is_not(bill: dict[str, dict[str, Any]]) -> None:
    assert set(bill) == {"first-one", "made-here", "ngoclinh", "libc6"}
    assert bill["libc6"]["purl"] == "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12"
    assert bill["ngoclinh"]["type"] == "application"


def test_a_licence_is_named_and_never_a_whole_text(bill: dict[str, dict[str, Any]]) -> None:
    said = {name: each["licenses"][0]["license"] for name, each in bill.items() if name != "libc6"}
    assert said == {"first-one": {"id": "MIT"}, "made-here": {"name": "BSD License"}, "ngoclinh": {"id": "Apache-2.0"}}


def test_what_was_made_from_source_says_which_source_the_lock_names(bill: dict[str, dict[str, Any]]) -> None:
    assert bill["made-here"]["properties"] == [{"name": "ngoclinh:source:sha256", "value": "1" * 64}]
    assert "properties" not in bill["first-one"]
