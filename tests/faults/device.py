"""A disk whose power can be cut: an ext4 file system on a loop device, and copies of exactly what reached the device.

The loop device writes with direct I/O into a backing file, so that this file holds what the file system gave to its
disk and nothing of what lay in memory only. The backing file lies on a second file system, which is frozen while the
copy is made: writes of the first one stop in the middle of whatever it did. What this cannot show is a disk that loses
writes out of its own cache.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

TOOLS = ("mkfs.ext4", "losetup", "mount", "umount", "fsfreeze", "cp")
RELEASE_S = 20.0
"""Seconds in which a loop device must be free after it was detached."""
DISK_MB = 48
"""Size of a disk."""
ROOM_IN_DISKS = 8
"""Size of the memory for its backing file and the copies, in disks; what is empty takes none."""


def missing() -> str:
    """Why no device can be made here; empty where one can."""
    if os.geteuid() != 0:
        return "loop devices are made by root only"
    if not Path("/dev/loop-control").exists():
        return "this machine has no loop devices"
    without = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"these programs are not here: {', '.join(without)}" if without else ""


def run(*command: str | Path) -> str:
    """What a command prints; an error that says what it complained about where it fails."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout.strip()


def unmount(folder: Path) -> None:
    """Unmount, once the kernel has let go of loop devices on files in there, which it does some moments after detaching.

    Where somebody else's namespace of mounts has a copy of what lies in there, that holds it for as long as it lives: then
    it disappears here at once, and from the kernel later.
    """
    end = time.monotonic() + RELEASE_S
    while os.path.ismount(folder):
        if time.monotonic() > end:
            run("umount", "--lazy", folder)
        elif subprocess.run(["umount", folder], capture_output=True, timeout=60, check=False).returncode:
            time.sleep(0.05)


@contextlib.contextmanager
def memory(folder: Path, size: str) -> Iterator[Path]:
    """A file system in memory of that size (`16m`)."""
    folder.mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder)
    try:
        yield folder
    finally:
        unmount(folder)


@contextlib.contextmanager
def mounted(image: Path, folder: Path, *, direct: bool = False) -> Iterator[Path]:
    """The file system of an image; mounting replays its journal.

    Args:
        image: file with an ext4 file system.
        folder: where it appears.
        direct: write past the page cache of the image's own file system.
    """
    folder.mkdir(exist_ok=True)
    device = run("losetup", "--find", "--show", f"--direct-io={'on' if direct else 'off'}", image)
    try:
        run("mount", device, folder)
        try:
            yield folder
        finally:
            unmount(folder)
    finally:
        run("losetup", "--detach", device)


class Disk:
    """The disk while it is in use.

    Attributes:
        folder: where its file system is mounted.
    """

    def __init__(self, folder: Path, backing: Path, room: Path) -> None:
        self.folder = folder
        self._backing = backing
        self._room = room
        self._cuts = 0

    def cut(self) -> Path:
        """A copy of what the device holds at this moment."""
        self._cuts += 1
        copy = self._room / f"cut-{self._cuts}.img"
        run("fsfreeze", "--freeze", self._backing.parent)
        try:
            run("cp", "--reflink=never", "--sparse=always", self._backing, copy)
        finally:
            run("fsfreeze", "--unfreeze", self._backing.parent)
        return copy


def _format(image: Path, size_mb: int, *options: str) -> Path:
    with image.open("wb") as file:
        file.truncate(size_mb << 20)
    run("mkfs.ext4", "-q", *options, image)
    return image


@contextlib.contextmanager
def disk(folder: Path, size_mb: int = DISK_MB) -> Iterator[Disk]:
    """A new, empty disk; everything of it is gone after the block."""
    with memory(folder / "room", f"{ROOM_IN_DISKS * size_mb}m") as room:
        holder = _format(room / "holder.img", size_mb + 32, "-O", "^has_journal")
        with mounted(holder, folder / "holder") as place:
            backing = _format(place / "disk.img", size_mb)
            with mounted(backing, folder / "disk", direct=True) as used:
                yield Disk(used, backing, room)
