"""Replace the installed release by that of a bundle: a backup first, the new release beside, back on any failure.

The new release is tried on the real data, without its doors and without crawling, before it takes the place of the old
one; only then the link `current` moves. Where the trial fails, the old release brings its backup back, because the new
one may have changed the stores already.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import ssl
import subprocess
import tarfile
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from services import signature
from services.backup.content import release
from services.core.clock import utc_now
from services.core.errors import Conflict, Forbidden, InvalidField, NgocLinhError, RefusedFile, UnreadableFile

TRIAL_S = 300.0
"""Seconds for which the new release may bring the stores up to date and start."""
_MEMBER = re.compile(
    r"ngoclinh-(?P<version>\d[0-9A-Za-z.+]{0,31})(?:/(?:wheels/)?(?P<file>[A-Za-z0-9_][A-Za-z0-9_.+-]{0,200}))?"
)
_MAX_BYTES = 2 << 30

Say = Callable[[str, str], object]
"""Told what is being done, in Vietnamese and English."""


@dataclass(frozen=True)
class Places:
    """Where an installation lies, as `bundle/install` makes it."""

    opt: Path = Path("/opt/ngoclinh")
    config: Path = Path("/etc/ngoclinh/ngoclinh.toml")
    data: Path = Path("/var/lib/ngoclinh")
    unit: Path = Path("/etc/systemd/system/ngoclinh.service")
    command: Path = Path("/usr/local/bin/ngoclinh")
    key: Path = Path("/etc/ngoclinh/release.pub")
    user: str = "ngoclinh"

    def program(self, release_folder: Path, *arguments: str) -> list[str]:
        """A command of a release, as the user of the service."""
        return [
            "setpriv",
            f"--reuid={self.user}",
            f"--regid={self.user}",
            "--init-groups",
            "--inh-caps=-all",
            "--",
            str(release_folder / "bin/ngoclinh"),
            "--config",
            str(self.config),
            *arguments,
        ]


def update(bundle: Path, say: Say, places: Places = Places(), sha256: str = "") -> tuple[str, str]:
    """Install the release of a bundle; returns the versions before and after.

    Args:
        bundle: the file.
        say: told each step.
        places: where everything lies.
        sha256: the hash that the bundle must have, in hexadecimal; empty asks for none.

    Raises:
        Forbidden: not as root.
        RefusedFile, UnreadableFile: the bundle is damaged or none, or its signature is not as `signature.require` asks.
        Conflict: it is not newer, or the new release does not work here: everything is as it was before.
    """
    if os.geteuid() != 0:
        raise Forbidden("Cần quyền root: sudo ngoclinh update TỆP", "Root is needed: sudo ngoclinh update FILE")
    before = metadata.version("ngoclinh")
    with _unpacked(bundle, sha256) as folder:
        signature.require(folder, places.key, named=bool(sha256))
        after = _newer(folder, before)
        say(f"Cài phiên bản {after} bên cạnh {before} …", f"Installing release {after} beside {before} …")
        _run(["sh", str(folder / "install"), "--release-only"])
        old, new = (places.opt / "current").resolve(), places.opt / "releases" / after
        with _stopped():
            backup = places.data / "backups" / f"before-{after}-{utc_now():%Y%m%dT%H%M%SZ}.ngoclinh"
            say(f"Sao lưu vào {backup} …", f"Backing up into {backup} …")
            _run(places.program(old, "backup", str(backup)))
            say("Chạy thử phiên bản mới …", "Trying the new release …")
            try:
                _try(places.program(new, "up", "--port", "0", "--grpc-port", "0", "--no-crawl"))
            except NgocLinhError:
                say("Không chạy được; trở lại phiên bản cũ …", "It does not work; going back to the old release …")
                _run(places.program(old, "restore", str(backup)))
                shutil.rmtree(new)
                raise
            _switch(places, folder, new)
    _tidy(places, {old.name, new.name})
    return before, after


def examine(bundle: Path, places: Places = Places()) -> str:
    """The release of a bundle that can be installed here, with its hash named; nothing is changed.

    Raises:
        RefusedFile, UnreadableFile: the bundle is damaged or none, or another key than that of this installation signed it.
        Conflict: it is not newer.
    """
    with _unpacked(bundle) as folder:
        signature.require(folder, places.key, named=True)
        return _newer(folder, metadata.version("ngoclinh"))


def _newer(folder: Path, before: str) -> str:
    try:
        after = (folder / "VERSION").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged("VERSION") from error
    if release(after) <= release(before):
        raise Conflict(
            f"Đang dùng phiên bản {before}; bộ cài là {after}.",
            f"Release {before} is installed; the bundle has {after}.",
        )
    return after


@contextmanager
def _unpacked(bundle: Path, sha256: str = "") -> Iterator[Path]:
    """The folder of a bundle whose every file has the hash that it states.

    Who made the bundle is not proved by it, see `signature`. Where the hash of the bundle is given, the bytes that have
    it are those that are unpacked, whoever may write the file meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="ngoclinh-update-") as temporary:
        try:
            checked = _same(bundle, Path(temporary) / ".bundle", sha256) if sha256 else bundle
            with tarfile.open(checked, "r:") as archive:
                root = Path(temporary) / _extract(archive, Path(temporary))
        except (tarfile.TarError, EOFError) as error:
            raise _damaged(str(error)) from error
        except OSError as error:
            why = error.strerror or str(error)
            raise InvalidField("BUNDLE", f"không đọc được: {why}", f"cannot be read: {why}") from error
        _compare(root)
        yield root


def _same(bundle: Path, copied: Path, sha256: str) -> Path:
    """A copy out of others' reach, if it has the hash that was asked for."""
    shutil.copyfile(bundle, copied)
    with copied.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256.lower():
            raise RefusedFile(
                "Mã SHA-256 của bộ cài không đúng với mã đã nêu.", "The bundle has another SHA-256 than was asked for."
            )
    return copied


def _extract(archive: tarfile.TarFile, folder: Path) -> str:
    """Plain files of one folder only, by hand: nothing of what else a TAR can hold is looked at."""
    names, left = set[str](), _MAX_BYTES
    for member in archive:
        match = _MEMBER.fullmatch(member.name)
        if match is None or not (member.isdir() or (member.isreg() and match["file"])):
            raise RefusedFile(
                f"Bộ cài chứa mục lạ {member.name[:80]!r}.", f"The bundle holds {member.name[:80]!r}, which none does."
            )
        names.add(member.name.split("/", 1)[0])
        if member.isdir():
            continue
        left -= member.size
        if left < 0 or len(names) > 1:
            raise _damaged(member.name)
        target, source = folder / member.name, archive.extractfile(member)
        assert source is not None
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            shutil.copyfileobj(source, file)
    if not names:
        raise _damaged("")
    return names.pop()


def _compare(root: Path) -> None:
    try:
        lines = (root / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        stated = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError) as error:
        raise _damaged("SHA256SUMS") from error
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    found.pop(signature.SUMS)
    found.pop(signature.SIGNATURE, None)
    if found.keys() != stated.keys():
        raise _damaged("SHA256SUMS")
    for name, path in found.items():
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != stated[name]:
                raise _damaged(name)


def _damaged(where: str) -> UnreadableFile:
    return UnreadableFile(
        f"Bộ cài bị hỏng ({where}); hãy chép lại.", f"The bundle is damaged ({where}); copy it again."
    )


@contextmanager
def _stopped() -> Iterator[None]:
    """The service stands still, where systemd runs it; it runs again afterwards however the block is left."""
    runs = Path("/run/systemd/system").is_dir() and (
        subprocess.run(["systemctl", "is-active", "--quiet", "ngoclinh.service"], check=False).returncode == 0
    )
    if runs:
        _run(["systemctl", "stop", "ngoclinh.service"])
    try:
        yield
    finally:
        if runs:
            _run(["systemctl", "daemon-reload"])
            _run(["systemctl", "start", "ngoclinh.service"])


def _try(command: list[str]) -> None:
    """Start the program, ask whether it serves, and end it.

    Raises:
        Conflict: it does not serve.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        errors = list[str]()
        assert program.stdout
        assert program.stderr
        reader = threading.Thread(target=lambda stream: errors.extend(stream), args=(program.stderr,), daemon=True)
        reader.start()
        timer = threading.Timer(TRIAL_S, program.kill)
        timer.start()
        try:
            ready = program.stdout.readline().split()
            url = ready[1] if ready[:1] == ["ready"] else ""
            fine = bool(url) and _answers(f"{url}/healthz")
        finally:
            program.terminate()
            program.wait()
            timer.cancel()
    if not fine:
        why = (errors or [""])[-1].strip()
        raise Conflict(f"Phiên bản mới không chạy được ở đây: {why}", f"The new release does not work here: {why}")


def _answers(url: str) -> bool:
    unverified = ssl._create_unverified_context()  # noqa: S323  our own program, on this machine
    try:
        with urllib.request.urlopen(url, timeout=30, context=unverified) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def _switch(places: Places, folder: Path, new: Path) -> None:
    """From now on the new release is the installed one, and its maker's key that of this installation."""
    files = {"ngoclinh.service": places.unit, "ngoclinh": places.command}
    if (folder / signature.KEY).is_file():
        files[signature.KEY] = places.key
    for name, target in files.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.new")
        shutil.copyfile(folder / name, beside)
        beside.chmod(0o755 if name == "ngoclinh" else 0o644)
        beside.replace(target)
    link = places.opt / "current.new"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("releases") / new.name)
    link.replace(places.opt / "current")


def _tidy(places: Places, kept: set[str]) -> None:
    """Remove releases older than the one before."""
    for each in (places.opt / "releases").iterdir():
        if each.name not in kept:
            shutil.rmtree(each, ignore_errors=True)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
        raise Conflict(f"{command[0]}: {why}", f"{command[0]}: {why}")
