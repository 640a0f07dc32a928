"""Bundles that are signed: by the key of this installation, by another, by nobody."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from services.core.errors import NgocLinhError, RefusedFile
from services.update import installing
from services.update.bundle import Examined, examine
from services.update.places import DOOR, Places

TARGET = "python{}.{}-{}\n".format(*sys.version_info[:2], platform.machine())
"""The machine that runs the tests, as a bundle names it."""
SIGN = Path(__file__).parents[2] / "bundle" / "sign.py"


def sign(command: str, place: Path, key: Path) -> None:
    subprocess.run([sys.executable, SIGN, command, place], check=True, env=os.environ | {"BUNDLE_KEY": str(key)})


def made(folder: Path, key: Path | None, version: str = "9.0.0", **files: str) -> Path:
    """A bundle as `bundle/build` makes it, of few files."""
    root = folder / f"ngoclinh-{version}"
    root.mkdir(parents=True)
    for name, text in {"VERSION": f"{version}\n", "TARGET": TARGET, "install": "exit 3\n", **files}.items():
        (root / name).write_text(text)
    if key:
        sign("pub", root, key)
    sums = [f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in sorted(root.iterdir())]
    (root / "SHA256SUMS").write_text("".join(sums))
    if key:
        sign("sign", root, key)
    return packed(root)


def packed(root: Path) -> Path:
    file = root.parent / "bundle.tar"
    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(root, root.name)
    return file


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """A private key, and the public one where an installation has it."""
    private, etc = tmp_path / "key.pem", tmp_path / "etc"
    etc.mkdir()
    sign("key", private, private)
    sign("pub", etc, private)
    assert private.stat().st_mode & 0o777 == 0o600
    return private, etc / "release.pub"


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of root's is touched: the script of the bundle ends the update."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def told(bundle: Path, key: Path, sha256: str = "") -> str:
    """How an update ends; "code 3" is the script of the bundle, which runs only where the bundle was accepted."""
    places = Places(opt=key.parent / "opt", key=key, state=key.parent / "state")
    with pytest.raises(NgocLinhError) as caught:
        installing.update(bundle, lambda vi, en: None, places, sha256)
    return caught.value.en


def test_a_bundle_signed_by_the_key_of_the_installation_needs_no_hash(keys: tuple[Path, Path], tmp_path: Path) -> None:
    bundle = made(tmp_path / "a", keys[0])
    assert "code 3" in told(bundle, keys[1])
    assert examine(bundle, Places(key=keys[1])) == Examined("9.0.0", signed=True)


def test_the_key_that_a_bundle_brings_proves_nothing_even_with_its_hash(
    keys: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    sign("key", other, other)
    bundle = made(tmp_path / "a", other)
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
    for sha256 in ("", digest):
        assert "not signed by the key" in told(bundle, keys[1], sha256)
    with pytest.raises(RefusedFile):
        examine(bundle, Places(key=keys[1]))


def test_a_changed_list_of_hashes_is_refused(keys: tuple[Path, Path], tmp_path: Path) -> None:
    made(tmp_path / "a", keys[0])
    root = tmp_path / "a" / "ngoclinh-9.0.0"
    (root / "install").write_text("exit 4\n")
    names = ("VERSION", "TARGET", "install", "release.pub")
    sums = (f"{hashlib.sha256((root / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (root / "SHA256SUMS").write_text("".join(sums))
    assert "not signed by the key" in told(packed(root), keys[1])


def test_an_unsigned_bundle_needs_its_hash_where_a_key_is_known(keys: tuple[Path, Path], tmp_path: Path) -> None:
    bundle = made(tmp_path / "a", None)
    assert "--sha256" in told(bundle, keys[1])
    assert "code 3" in told(bundle, keys[1], hashlib.sha256(bundle.read_bytes()).hexdigest())
    assert "code 3" in told(bundle, tmp_path / "none.pub")
    assert not examine(bundle, Places(key=keys[1])).signed
    assert not examine(made(tmp_path / "b", keys[0]), Places(key=tmp_path / "none.pub")).signed


def test_a_damaged_key_of_the_installation_lets_nothing_in(keys: tuple[Path, Path], tmp_path: Path) -> None:
    bundle = made(tmp_path / "a", keys[0])
    keys[1].write_text("no key")
    assert "no public Ed25519 key" in told(bundle, keys[1])


def test_an_accepted_bundle_brings_the_key_of_the_next_ones(keys: tuple[Path, Path], tmp_path: Path) -> None:
    private, public = keys
    following = tmp_path / "next.pem"
    sign("key", following, following)
    folder, opt = tmp_path / "new", tmp_path / "opt"
    folder.mkdir()
    opt.mkdir()
    sign("pub", folder, following)
    for name in ("ngoclinh.service", "ngoclinh"):
        (folder / name).write_text("")
    places = Places(opt=opt, units=opt / "units", command=opt / "command", key=public)
    assert not installing.switch(places, folder, opt / "releases/9.0.0")
    assert (public.read_bytes(), public.stat().st_mode & 0o777) == ((folder / "release.pub").read_bytes(), 0o644)
    assert "code 3" in told(made(tmp_path / "b", following), public)
    assert "not signed by the key" in told(made(tmp_path / "c", private), public)


def test_the_door_comes_with_a_release_and_stays_closed_where_it_was_closed(
    keys: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, opt, units = tmp_path / "new", tmp_path / "opt", tmp_path / "units"
    folder.mkdir()
    opt.mkdir()
    for name in ("ngoclinh.service", "ngoclinh-update.service", DOOR, "ngoclinh", "install", "x.service"):
        (folder / name).write_text("new")
    places = Places(opt=opt, units=units, command=opt / "command", key=keys[1])
    unsigned = Places(opt=opt, units=tmp_path / "others", command=opt / "command", key=tmp_path / "none")
    assert installing.switch(places, folder, opt / "releases/9.0.0"), "it was not there before"
    assert not installing.switch(places, folder, opt / "releases/9.0.0")
    assert not installing.switch(unsigned, folder, opt / "releases/9.0.0")
    assert sorted(path.name for path in units.iterdir()) == [DOOR, "ngoclinh-update.service", "ngoclinh.service"]
    (units / DOOR).unlink()
    (units / DOOR).symlink_to("/dev/null")
    assert not installing.switch(places, folder, opt / "releases/9.0.0")
    assert (units / DOOR).is_symlink(), "what systemd calls masked"
