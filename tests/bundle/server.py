"""A bare Debian or Ubuntu without any network, and commands in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "bundle"
MIRROR = re.compile(r"(?:https?|file)://\S+/debian/?(?=\s|$)")


def mirror() -> str | None:
    """The archive of Debian that this machine uses."""
    lists = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    for path in lists:
        if path.is_file() and (match := MIRROR.search(path.read_text())):
            return match[0]
    return None


NEEDED = [
    pytest.mark.bundle,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(os.geteuid() != 0, reason="a root folder and namespaces need root"),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="mmdebstrap makes the bare Debian"),
    pytest.mark.skipif(mirror() is None, reason="no archive of Debian among the sources of apt"),
]
"""Marks of every test over a bare Debian."""


@dataclass(frozen=True)
class System:
    """A distribution.

    Attributes:
        release: its name in the archive.
        python: the command of the Python that it has.
        archive: where its packages are, as mmdebstrap takes it; None where that is not known.
    """

    release: str
    python: str
    archive: str | None

    def made(self, *packages: str) -> Path:
        """A root folder as an archive: the smallest one, with apt, python3, python3-venv and more; kept for later runs."""
        made = BUILD / f"{'-'.join((self.release, *packages))}.tar"
        if not made.exists():
            if self.archive is None:
                pytest.skip(f"no archive of {self.release} is known")
            BUILD.mkdir(parents=True, exist_ok=True)
            part = BUILD / f"part-{made.name}"
            wanted = ",".join(("apt", "python3", "python3-venv", *packages))
            command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={wanted}"]
            subprocess.run([*command, self.release, str(part), self.archive], check=True)
            part.rename(made)
        return made

    def interpreter(self) -> str:
        """A Python of this machine of the same version, which builds bundles for it."""
        if self.python == "python{}.{}".format(*sys.version_info[:2]):
            return sys.executable
        found = shutil.which(self.python)
        if (
            found is None
            or subprocess.run([found, "-m", "pip", "--version"], capture_output=True, check=False).returncode
        ):
            pytest.skip(f"no {self.python} with pip on this machine, which builds the bundle for {self.release}")
        return found


BROKEN = """
import pathlib, sqlite3, time
data = pathlib.Path("/var/lib/ngoclinh")
if pathlib.Path("/srv/slow").exists():  # it changes the data as a newer release does, and then takes its time
    file = sqlite3.connect(data / "ledger.sqlite", isolation_level=None)
    file.executescript("PRAGMA user_version=99; DROP TABLE article;")
    file.close()
    (data / "tried").touch()
    time.sleep(3600)
raise SystemExit("this release is broken")
"""
"""In the place of `services/cli/up.py`."""
DEBIAN_12 = System("bookworm", "python3.11", mirror())
DEBIAN_13 = System("trixie", "python3.13", mirror())
UBUNTU_24 = System("noble", "python3.12", os.environ.get("NGOCLINH_UBUNTU"))
"""NGOCLINH_UBUNTU names its archive, such as "deb http://MIRROR/ubuntu noble main universe"."""


class Server:
    """A root folder; every command gets namespaces of its own, in which nothing but loopback is reached."""

    def __init__(self, root: Path, *packages: str, system: System = DEBIAN_12) -> None:
        self.root = root
        archive = system.made(*packages)
        root.mkdir()
        subprocess.run(["tar", "-xf", archive, "-C", root, "--exclude=./dev/*"], check=True)
        (root / "dev/shm").mkdir(parents=True, exist_ok=True)
        for name in ("null", "zero", "random", "urandom"):
            (root / "dev").mkdir(exist_ok=True)
            subprocess.run(["cp", "-a", f"/dev/{name}", root / "dev" / name], check=True)

    def run(self, script: str, timeout_s: float = 1200) -> subprocess.CompletedProcess[str]:
        """Run a script of the shell as root."""
        inside = 'mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/dev/shm" && ip link set lo up && exec chroot "$1" /bin/sh -eu -c "$2"'
        return subprocess.run(
            [
                "unshare",
                "--net",
                "--mount",
                "--pid",
                "--ipc",
                "--fork",
                "--kill-child",
                "sh",
                "-c",
                inside,
                "sh",
                self.root,
                script,
            ],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
        )

    def sound(self, script: str) -> str:
        """Run a script that has to succeed; what it printed."""
        done = self.run(script)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def bring(self, file: Path) -> str:
        """Copy a file onto the server; its path there."""
        shutil.copy(file, self.root / "srv" / file.name)
        return f"/srv/{file.name}"


def sign(command: str, place: Path, key: Path) -> None:
    """Do what `bundle/sign.py` does, with a private key."""
    script = ROOT / "bundle" / "sign.py"
    subprocess.run([sys.executable, script, command, place], check=True, env=os.environ | {"BUNDLE_KEY": str(key)})


def signed_again(made: Path, folder: Path, key: Path | None) -> Path:
    """The same bundle with the signature of another key, or with none."""
    subprocess.run(["tar", "-xf", made, "-C", folder], check=True)
    root = folder / made.stem
    if key:
        sign("sign", root, key)
    else:
        (root / "SHA256SUMS.sig").unlink()
    other = folder / f"{'forged' if key else 'unsigned'}.tar"
    subprocess.run(["tar", "-cf", other, "-C", folder, root.name], check=True)
    shutil.rmtree(root)
    return other


def bundle(version: str, folder: Path, key: Path, broken: bool = False, system: System = DEBIAN_12) -> Path:
    """A signed bundle of this source with another version, for the Python of a system; a broken one does not start."""
    python = system.interpreter()
    source = folder / f"source-{version}"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for name in [*listed, *(str(path.relative_to(ROOT)) for path in (ROOT / "services/gateway/web/dist").rglob("*"))]:
        if (ROOT / name).is_file() and not name.startswith(("tests/", "bench/", "docs/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    set_version(source, version)
    if broken:
        (source / "services/cli/up.py").write_text(BROKEN)
    environment = {"SOURCE": str(source), "BUNDLE_PYTHON": python}
    return build(ROOT, key, environment).rename(folder / f"ngoclinh-{version}.tar")


def set_version(source: Path, version: str) -> None:
    """Give a source of the project another version."""
    project = source / "pyproject.toml"
    project.write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', project.read_text(), count=1))


def build(root: Path, key: Path, environment: dict[str, str]) -> Path:
    """Run `bundle/build` of a source of the project; the file that it made."""
    environment |= {"BUNDLE_KEY": str(key), "PATH": "/usr/local/bin:/usr/bin:/bin"} | _pip()
    done = subprocess.run([root / "bundle/build"], env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return root / done.stdout.strip()


def _pip() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key.startswith("PIP_") or key in ("HOME", "LANG")}
