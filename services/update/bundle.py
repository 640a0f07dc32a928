"""The file of a release: unpacked where only root writes, every file compared with the hash that the bundle states.

Who made the bundle is not proved by that, see `services.signature`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import BinaryIO, Self

from services import signature
from services.backup.content import release
from services.core.errors import Conflict, InvalidField, RefusedFile, TooLarge, UnreadableFile
from services.update.places import INSTALLED, Places

MOST_BYTES = 2 << 30
"""Bytes of the largest bundle."""
_MOST_FILES, _MOST_NAME, _MOST_SMALL = 10_000, 1024, 1 << 20
_TARGET = re.compile(r"(?P<python>python3\.\d{1,2})-(?P<processor>\w{1,20})")
_VERSION = r"\d[0-9A-Za-z.+]{0,31}"
_MEMBER = re.compile(
    rf"ngoclinh-(?P<version>{_VERSION})(?:/(?:wheels/)?(?P<file>[A-Za-z0-9_][A-Za-z0-9_.+-]{{0,200}}))?"
)


@dataclass(frozen=True)
class Examined:
    """A bundle that was looked at.

    Attributes:
        version: its release.
        signed: the key of this installation signed it.
    """

    version: str
    signed: bool


def examine(bundle: Path, places: Places = INSTALLED) -> Examined:
    """What a bundle is that can be installed here, at least with its hash named; nothing is changed.

    Raises:
        RefusedFile, UnreadableFile: the bundle is damaged or none, or another key than that of this installation signed it.
        Conflict: it is not newer, or made for another machine.
    """
    with unpacked(bundle) as folder:
        signed = signature.require(folder, places.key, named=True)
        version = newer(folder, metadata.version("ngoclinh"))
        interpreter(folder)
        return Examined(version, signed)


def newer(folder: Path, before: str) -> str:
    """The release of an unpacked bundle.

    Raises:
        UnreadableFile: it has none.
        Conflict: it is not newer than `before`.
    """
    try:
        after = _small(folder / "VERSION").decode().strip()
    except (OSError, ValueError) as error:
        raise _damaged("VERSION") from error
    if not re.fullmatch(_VERSION, after):
        raise _damaged("VERSION")
    if release(after) <= release(before):
        raise Conflict(
            f"Đang dùng phiên bản {before}; bộ cài là {after}.",
            f"Release {before} is installed; the bundle has {after}.",
        )
    return after


def interpreter(folder: Path) -> str:
    """The Python of this machine that an unpacked bundle is made for: a path.

    Bundles without the file TARGET are for Python 3.11.

    Raises:
        UnreadableFile: what it is made for cannot be read.
        Conflict: it is made for a Python that is not on this machine, or for another kind of processor.
    """
    try:
        target = _small(folder / "TARGET").decode().strip()
    except FileNotFoundError:
        target = f"python3.11-{platform.machine()}"
    except (OSError, ValueError) as error:
        raise _damaged("TARGET") from error
    match = _TARGET.fullmatch(target)
    if match is None:
        raise _damaged("TARGET")
    running = "python{}.{}".format(*sys.version_info[:2])
    python = str(Path(sys.executable).resolve()) if match["python"] == running else shutil.which(match["python"])
    if python is None or match["processor"] != platform.machine():
        wanted = f"{running}-{platform.machine()}"
        raise Conflict(
            f"Bộ cài dành cho {target}, máy này không chạy được; hãy lấy bộ cài dành cho {wanted}.",
            f"The bundle is for {target}, which this machine does not have; take the bundle for {wanted}.",
        )
    return python


@contextmanager
def unpacked(bundle: Path, sha256: str = "") -> Iterator[Path]:
    """The folder of a bundle whose every file has the hash that it states.

    Where the hash of the bundle is given, the bytes that have it are those that are unpacked, whoever may write the
    file meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="ngoclinh-update-") as temporary:
        folder = Path(temporary)
        try:
            with _opened(bundle) as file:
                if sha256:
                    _copy(file, folder / ".bundle", sha256)
            with (
                _opened(folder / ".bundle" if sha256 else bundle) as file,
                tarfile.open(fileobj=file, mode="r:", tarinfo=_Header) as archive,
            ):
                root = folder / _extract(archive, folder)
        except (tarfile.TarError, EOFError) as error:
            raise _damaged(str(error)) from error
        except OSError as error:
            why = error.strerror or str(error)
            raise InvalidField("BUNDLE", f"không đọc được: {why}", f"cannot be read: {why}") from error
        _compare(root)
        yield root


class _Header(tarfile.TarInfo):
    """A header of a plain file, of a folder, or of a name that is too long for one; nothing else is looked at."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        plain = found.type in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE)
        if not plain and not (found.type == tarfile.GNUTYPE_LONGNAME and found.size <= _MOST_NAME):
            raise _strange(found.name)
        return found


@contextmanager
def _opened(bundle: Path) -> Iterator[BinaryIO]:
    """A plain file of bounded size; a pipe or a device is not waited for."""
    with os.fdopen(os.open(bundle, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise InvalidField("BUNDLE", "không phải tệp thường", "is no plain file")
        if state.st_size > MOST_BYTES:
            raise _too_large()
        yield file


def _copy(file: BinaryIO, copied: Path, sha256: str) -> None:
    """A copy out of others' reach, if it has the hash that was asked for."""
    digest, left = hashlib.sha256(), MOST_BYTES
    with copied.open("xb") as target:
        while data := file.read(1 << 20):
            left -= len(data)
            if left < 0:
                raise _too_large()
            digest.update(data)
            target.write(data)
    if digest.hexdigest() != sha256.lower():
        raise RefusedFile(
            "Mã SHA-256 của bộ cài không đúng với mã đã nêu.", "The bundle has another SHA-256 than was asked for."
        )


def _extract(archive: tarfile.TarFile, folder: Path) -> str:
    """Plain files of one folder only, by hand: nothing of what else a TAR can hold is looked at."""
    names, left = set[str](), MOST_BYTES
    for count, member in enumerate(archive):
        match = _MEMBER.fullmatch(member.name)
        if match is None or not (member.isdir() or match["file"]):
            raise _strange(member.name)
        names.add(member.name.split("/", 1)[0])
        left -= member.size
        if left < 0 or len(names) > 1 or count > _MOST_FILES:
            raise _damaged(member.name)
        if member.isdir():
            continue
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
        lines = _small(root / signature.SUMS).decode().splitlines()
        stated = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError) as error:
        raise _damaged("SHA256SUMS") from error
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    found.pop(signature.SUMS)
    if found.pop(signature.SIGNATURE, None):
        _small(root / signature.SIGNATURE)
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


def _small(file: Path) -> bytes:
    """What is in a file that is small in every sound bundle."""
    if file.stat().st_size > _MOST_SMALL:
        raise _damaged(file.name)
    return file.read_bytes()


def _strange(name: str) -> RefusedFile:
    return RefusedFile(f"Bộ cài chứa mục lạ {name[:80]!r}.", f"The bundle holds {name[:80]!r}, which none does.")


def _too_large() -> TooLarge:
    return TooLarge(
        f"Tệp vượt giới hạn {MOST_BYTES / 1e6:.0f} MB.", f"The file exceeds the limit of {MOST_BYTES / 1e6:.0f} MB."
    )
