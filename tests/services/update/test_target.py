"""Which machine a bundle is made for: its version of Python and its kind of processor, and no other."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from services.core.errors import Conflict, UnreadableFile
from services.update.bundle import examine, interpreter
from services.update.places import Places
from tests.services.test_signature import TARGET, made

HERE = platform.machine()


def folder(root: Path, target: str | None) -> Path:
    """What is looked at of an unpacked bundle."""
    if target is not None:
        (root / "TARGET").write_text(target)
    return root


def put(path: Path) -> str:
    """A program of this name that can be started."""
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_a_bundle_for_the_python_that_runs_is_installed_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert interpreter(folder(tmp_path, TARGET)) == str(Path(sys.executable).resolve())


def test_a_bundle_for_another_python_is_installed_by_that_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    other = put(tmp_path / "python3.99")
    assert interpreter(folder(tmp_path, f"python3.99-{HERE}\n")) == other


@pytest.mark.parametrize("target", [f"python3.98-{HERE}", TARGET.strip().replace(HERE, "riscv64")])
def test_a_bundle_for_another_machine_is_refused_and_the_right_one_is_named(tmp_path: Path, target: str) -> None:
    with pytest.raises(Conflict) as caught:
        interpreter(folder(tmp_path, target))
    assert f"dành cho {target}, máy này không chạy được; hãy lấy bộ cài dành cho {TARGET.strip()}" in caught.value.vi
    assert f"is for {target}, which this machine does not have; take the bundle for {TARGET.strip()}" in caught.value.en


def test_a_bundle_that_says_nothing_is_for_python_311(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    put(tmp_path / "python3.11")
    monkeypatch.setattr(sys, "version_info", (3, 98))
    assert interpreter(tmp_path) == str(tmp_path / "python3.11")


@pytest.mark.parametrize("target", ["", "python3.11", "python2.7-x86_64", "python3.11-x86_64; reboot", "\udcff"])
def test_junk_is_no_target(tmp_path: Path, target: str) -> None:
    (tmp_path / "TARGET").write_bytes(target.encode("utf-8", "surrogateescape"))
    with pytest.raises(UnreadableFile):
        interpreter(tmp_path)


def test_the_page_refuses_it_as_the_command_does(tmp_path: Path) -> None:
    bundle = made(tmp_path / "a", None, TARGET=f"python3.98-{HERE}")
    with pytest.raises(Conflict, match=r"python3\.98"):
        examine(bundle, Places(key=tmp_path / "none"))
