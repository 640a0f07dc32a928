"""The units of systemd that a bundle brings: understood as a whole by Debian's systemd, and closed up."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from services.update.places import DOOR, INSTALLED
from tests.conftest import ROOT

BUNDLE = ROOT / "bundle"
SERVICES = ("ngoclinh.service", "ngoclinh-update.service")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here to ask")


def unit(name: str) -> configparser.ConfigParser:
    """A unit, as sections of keys."""
    read = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(BUNDLE / name)
    return read


@needs_systemd
@pytest.mark.parametrize("name", [*SERVICES, DOOR])
def test_every_line_is_understood(name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", BUNDLE / name], capture_output=True, text=True, check=False
    )
    said = [line for line in done.stderr.splitlines() if "is not executable: No such file" not in line]
    assert not [line for line in said if "ngoclinh" in line]


@needs_systemd
@pytest.mark.parametrize(("name", "most"), [("ngoclinh.service", 20), ("ngoclinh-update.service", 25)])
def test_they_are_closed_up(name: str, most: int) -> None:
    asked = ["systemd-analyze", "security", "--offline=true", f"--threshold={most}", BUNDLE / name]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]


def test_the_door_waits_for_the_very_file_that_the_program_writes() -> None:
    assert unit(DOOR)["Path"]["PathExists"] == str(INSTALLED.wish)
    assert unit(DOOR)["Install"]["WantedBy"] == INSTALLED.enabled.parent.name.removesuffix(".wants")
    assert Path(DOOR).stem == "ngoclinh-update", "a path unit starts the service of its own name"


def test_roots_part_cannot_look_into_the_data_folder_by_itself_and_writes_where_it_must() -> None:
    service = unit("ngoclinh-update.service")["Service"]
    assert service["ExecStart"] == f"{INSTALLED.opt}/current/bin/ngoclinh update --asked"
    assert set(service["CapabilityBoundingSet"].split()) == {"CAP_SETUID", "CAP_SETGID", "CAP_KILL"}
    needed = {INSTALLED.opt, INSTALLED.key.parent, INSTALLED.units, INSTALLED.command.parent, INSTALLED.data}
    assert {Path(each) for each in service["ReadWritePaths"].split()} == needed
    assert service["StateDirectory"] == INSTALLED.state.name


def test_the_new_release_is_tried_under_the_rules_that_it_will_run_by() -> None:
    runs, tries = (unit(name)["Service"] for name in SERVICES)
    for key in ("RestrictAddressFamilies", "ProtectSystem", "ProtectHome", "PrivateDevices", "RestrictNamespaces"):
        assert tries[key] == runs[key]
    assert "MemoryDenyWriteExecute" not in tries
