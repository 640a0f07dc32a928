"""A bare Debian 12 that its own systemd runs: units do here what they do on a server."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

import pytest

from tests.bundle.server import Server

BOOT = """
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount --bind proc/sys proc/sys && mount -o remount,ro,bind proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mkdir dev/shm dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
ip link set lo up
pivot_root . mnt
umount -l /mnt
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /sbin/init
"""
BOOT_S = 60.0


class Machine(Server):
    """A root folder in which systemd is process 1 of its own namespaces; loopback is all that it reaches.

    Args:
        root: the folder, which is made.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root, "systemd", "systemd-sysv")
        for name in ("sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-fs-fuse-connections.mount"):
            (root / "etc/systemd/system" / name).symlink_to("/dev/null")
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
        found = next((Path(each[1]) for each in mounts if each[2] == "cgroup2"), None)
        if found is None:
            pytest.skip("systemd needs cgroup2")
        self._group = found / f"ngoclinh-test-{time.time_ns()}"
        self.switch_on()

    def switch_on(self) -> None:
        """Let it boot."""
        try:
            self._group.mkdir()
        except OSError as error:
            pytest.skip(f"systemd needs a cgroup of its own: {error}")
        enter = f'echo $$ > "{self._group}/cgroup.procs" && exec "$@"'
        apart = ["unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child"]
        self._process = subprocess.Popen(
            ["sh", "-c", enter, "sh", *apart, "sh", "-eu", "-c", BOOT, "sh", str(self.root)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        end = time.monotonic() + BOOT_S
        while self.run("systemctl is-system-running").stdout.strip() not in ("running", "degraded"):
            if time.monotonic() > end or self._process.poll() is not None:
                self.stop()
                assert self._process.stderr
                pytest.skip(f"systemd does not run here: {self._process.stderr.read()!r}")
            time.sleep(0.5)

    def run(self, script: str, timeout_s: float = 1200) -> subprocess.CompletedProcess[str]:
        """Run a script of the shell as root, beside what runs already."""
        first = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        into = ["nsenter", "-t", first[0], "-m", "-p", "-n", "-i", "-u", "-C", "-r", "-w"] if first else ["false"]
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.run(
            [*into, "env", "-i", path, "LANG=C.UTF-8", "HOME=/root", "sh", "-eu", "-c", script],
            capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip

    def stop(self) -> None:
        """Cut its power, and leave nothing but its disk."""
        self._process.kill()
        self._process.wait()
        for _ in range(50):
            for group in sorted(self._group.rglob("*"), key=lambda each: -len(each.parts)):
                with contextlib.suppress(OSError):  # a file of the kernel's, or not empty yet
                    group.rmdir()
            with contextlib.suppress(OSError):
                self._group.rmdir()
            if not self._group.exists():
                break
            time.sleep(0.1)
