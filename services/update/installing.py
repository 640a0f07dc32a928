"""Replace the installed release by that of a bundle: a backup first, the new release beside, back on any failure.

The new release is tried on the real data, without its doors and without crawling, before it takes the place of the old
one; only then the link `current` moves. Where the trial fails, the old release brings its backup back, because the new
one may have changed the stores already; where the power goes meanwhile, the next start does (`undo.py`).
"""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from services import signature
from services.core import durable
from services.core.clock import utc_now
from services.core.errors import Conflict, Forbidden
from services.update import children
from services.update.bundle import interpreter, newer, unpacked
from services.update.folder import alone
from services.update.places import DOOR, INSTALLED, Places
from services.update.undo import promised

TRIAL_S = 300.0
"""Seconds for which the new release may bring the stores up to date and start."""
_READY = re.compile(r"ready (https?://[0-9A-Za-z.:\[\]-]{1,200})(?: .*)?")
_UNIT = re.compile(r"ngoclinh[a-z-]*\.(?:service|path)")

Say = Callable[[str, str], object]
"""Told what is being done, in Vietnamese and English."""


class TakenBack(Conflict):
    """The new release was tried and does not work here; everything is as it was before."""


def update(
    bundle: Path, say: Say, places: Places = INSTALLED, sha256: str = "", signed: bool = False
) -> tuple[str, str]:
    """Install the release of a bundle; returns the versions before and after.

    Args:
        bundle: the file.
        say: told each step.
        places: where everything lies.
        sha256: the hash that the bundle must have, in hexadecimal; empty asks for none.
        signed: the key of this installation must have signed it, whatever its hash; without, as `signature.require` asks.

    Raises:
        Forbidden: not as root.
        RefusedFile, UnreadableFile, TooLarge: the bundle is damaged or none, or its signature is not as it must be.
        Conflict: another update runs, or the bundle is not newer or made for another machine: everything is as it was
            before.
        TakenBack: the new release does not work here: everything is as it was before.
    """
    if os.geteuid() != 0:
        raise Forbidden("Cần quyền root: sudo ngoclinh update TỆP", "Root is needed: sudo ngoclinh update FILE")
    before = metadata.version("ngoclinh")
    with alone(places), unpacked(bundle, sha256) as folder:
        if signed:
            signature.verify(folder, places.key)
        else:
            signature.require(folder, places.key, named=bool(sha256))
        after, python = newer(folder, before), interpreter(folder)
        say(f"Cài phiên bản {after} bên cạnh {before} …", f"Installing release {after} beside {before} …")
        _run(["sh", str(folder / "install"), "--release-only"], PYTHON=python)
        old, new = (places.opt / "current").resolve(), places.opt / "releases" / after
        with _stopped():
            backup = places.data / "backups" / f"before-{after}-{utc_now():%Y%m%dT%H%M%SZ}.ngoclinh"
            say(f"Sao lưu vào {backup} …", f"Backing up into {backup} …")
            children.run(places.program(old, "backup", str(backup)), children.DATA_S)
            with promised(places, new, backup):
                say("Chạy thử phiên bản mới …", "Trying the new release …")
                door = _take_over(places, folder, new, backup, say)
        if door:
            _open_door()
    _tidy(places, {old.name, new.name})
    return before, after


def _take_over(places: Places, folder: Path, new: Path, backup: Path, say: Say) -> bool:
    """Let the new release serve once from the real data and then take the place of the old one; as `switch`.

    Where it does not come to that, the old one and its data come back.
    """
    old = (places.opt / "current").resolve()
    trial = places.program(new, "up", "--port", "0", "--grpc-port", "0", "--no-crawl")
    try:
        children.first_line(trial, TRIAL_S, _serves)
        return switch(places, folder, new)
    except BaseException as error:
        if (places.opt / "current").resolve().name == new.name:  # it has the place already
            raise
        say("Không chạy được; trở lại phiên bản cũ …", "It does not work; going back to the old release …")
        _bring_back(places, old, backup)
        shutil.rmtree(new)
        if isinstance(error, Conflict):
            raise TakenBack(error.vi, error.en) from error
        raise


def _bring_back(places: Places, old: Path, backup: Path) -> None:
    try:
        children.run(places.program(old, "restore", str(backup)), children.DATA_S)
    except Conflict as error:
        raise Conflict(
            f"Phiên bản mới không chạy được, và dữ liệu chưa trở lại như cũ; hãy khôi phục {backup}. {error.vi}",
            f"The new release does not work, and the data are not yet as before; restore {backup}. {error.en}",
        ) from error


def switch(places: Places, folder: Path, new: Path) -> bool:
    """From now on the new release is the installed one, and its maker's key that of this installation.

    Returns:
        Whether the door for updates that a page asks for came with it and is to be opened: only where it was not there
        before and the maker's key is. What an office has closed stays closed.
    """
    known = os.path.lexists(places.units / DOOR)
    for file in sorted(folder.iterdir()):
        target = places.units / file.name
        masked = target.is_symlink() and target.readlink() == Path(os.devnull)
        if _UNIT.fullmatch(file.name) and not masked:
            _put(file, target, 0o644)
    _put(folder / "ngoclinh", places.command, 0o755)
    if (folder / signature.KEY).is_file():
        _put(folder / signature.KEY, places.key, 0o644)
    link = places.opt / "current.new"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("releases") / new.name)
    os.sync()  # what pip has written may still lie in memory
    link.replace(places.opt / "current")
    durable.keep(places.opt)
    return not known and (folder / DOOR).is_file() and places.key.is_file()


def _put(file: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.new")
    shutil.copyfile(file, beside)
    beside.chmod(mode)
    beside.replace(target)


@contextmanager
def _stopped() -> Iterator[None]:
    """The service stands still, where systemd runs it; it runs again afterwards however the block is left."""
    runs = _systemd() and (
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


def _systemd() -> bool:
    return Path("/run/systemd/system").is_dir()


def _open_door() -> None:
    if _systemd():
        for command in (["daemon-reload"], ["enable", "--now", DOOR]):
            subprocess.run(["systemctl", *command], stdin=subprocess.DEVNULL, capture_output=True, check=False)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody elsewhere."""

    def redirect_request(self, *arguments: Any) -> None:
        """None: the answer is the one that was given."""


def _serves(line: str) -> bool:
    """Does who said this answer over HTTP, on this machine? The line is data: an address of the web and nothing else."""
    match = _READY.fullmatch(line)
    if match is None:
        return False
    unverified = ssl._create_unverified_context()  # noqa: S323  our own program, on this machine
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unverified), _Stay()
    )
    try:
        with opener.open(f"{match[1]}/healthz", timeout=30) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def _tidy(places: Places, kept: set[str]) -> None:
    """Remove releases older than the one before."""
    for each in (places.opt / "releases").iterdir():
        if each.name not in kept:
            shutil.rmtree(each, ignore_errors=True)


def _run(command: list[str], **environment: str) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=os.environ | environment,
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
        raise Conflict(f"{command[0]}: {why}", f"{command[0]}: {why}")
