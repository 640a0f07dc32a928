"""Which archives of Debian an image is made of: those of this machine's apt, with their security updates."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.skipif(not shutil.which("apt-get"), reason="this machine has no apt"),
]

SOURCES = """
deb https://mirror.example.vn/debian bookworm main contrib
deb https://mirror.example.vn/debian bookworm-updates main
deb https://mirror.example.vn/debian-security bookworm-security main
deb https://mirror.example.vn/debian bookworm-backports main
deb https://mirror.example.vn/debian trixie main
deb https://packages.example.vn/vendor bookworm main
"""


def archives(folder: Path, sources: str) -> subprocess.CompletedProcess[str]:
    """What `debian_archives` says where apt has these sources and has not been updated yet."""
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "sources.list").write_text(sources)
    (folder / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{folder}/sources.list";\nDir::Etc::SourceParts "/dev/null";\n'
        f'Dir::State::lists "{folder}/lists";\n'
    )
    return subprocess.run(
        ["bash", "-ceuo", "pipefail", ". k8s/wheels.sh; . k8s/image-base.sh; debian_archives"],
        cwd=ROOT, env={**os.environ, "APT_CONFIG": str(folder / "apt.conf")}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_images_are_made_of_debian_12_with_its_updates_and_of_nothing_else(tmp_path: Path) -> None:
    found = archives(tmp_path, SOURCES).stdout.splitlines()
    assert {each.rpartition("] ")[2].removeprefix("deb ") for each in found} == {
        "https://mirror.example.vn/debian/ bookworm main",
        "https://mirror.example.vn/debian/ bookworm-updates main",
        "https://mirror.example.vn/debian-security/ bookworm-security main",
    }
    assert len(found) == 3


def test_without_debian_12_nothing_is_made(tmp_path: Path) -> None:
    done = archives(tmp_path, "deb https://mirror.example.vn/debian trixie main\n")
    assert (done.returncode != 0, done.stdout) == (True, "")
