"""A child behind the fence has no network, starts no program, and ends at its limits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.land import fence

PROLOGUE = """
import os, socket, subprocess, sys, threading
from services.land import fence
fence.limit(fence.Limits(memory_mb=512, cpu_s={cpu_s}, file_mb=1))
early = threading.Event(); go = threading.Event()
def in_a_thread_that_was_there():
    early.set(); go.wait()
    try: socket.socket(); print("thread: open")
    except PermissionError: print("thread: refused")
thread = threading.Thread(target=in_a_thread_that_was_there); thread.start(); early.wait()
print("network:", fence.isolate(), flush=True)
"""


def run(code: str, cpu_s: int = 20) -> subprocess.CompletedProcess[str]:
    program = PROLOGUE.format(cpu_s=cpu_s) + code + "\ngo.set(); thread.join()"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="system calls are filtered on Linux only")


def test_no_socket_of_any_kind_can_be_made_not_even_by_a_thread_that_runs_already() -> None:
    done = run("""
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
    try: socket.socket(family); print(family, "open")
    except PermissionError: print("refused")
""")
    assert done.stdout.splitlines()[0] == "network: seccomp", done.stderr
    assert done.stdout.count("refused") == 4
    assert "open" not in done.stdout


def test_no_program_can_be_started_but_a_fork_can() -> None:
    done = run("""
try: subprocess.run(["/bin/true"]); print("started")
except PermissionError: print("refused")
if os.fork() == 0: os.write(1, b"forked\\n"); os._exit(0)
os.wait()
""")
    assert "refused" in done.stdout
    assert "forked" in done.stdout
    assert "started" not in done.stdout


def test_a_namespace_serves_where_the_filter_cannot() -> None:
    program = (
        "from services.land import fence; fence._MACHINES.clear(); print(fence.isolate());"
        "print(len(open('/proc/net/dev').read().splitlines()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    kind, lines = done.stdout.split()
    if kind == "open":
        pytest.skip("this kernel gives no namespaces to this user")
    assert (kind, lines) == ("namespace", "3"), "two lines of titles and the loopback device, which is down"


def test_memory_disk_and_time_are_limited() -> None:
    done = run("""
try: bytearray(600 << 20); print("memory free")
except MemoryError: print("memory held")
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import tempfile
try: tempfile.TemporaryFile().write(bytes(2 << 20)); print("disk free")
except OSError: print("disk held")
""")
    assert "memory held" in done.stdout
    assert "disk held" in done.stdout
    start = time.monotonic()
    assert run("while True: pass", cpu_s=1).returncode in (-signal.SIGKILL, -signal.SIGXCPU)
    assert time.monotonic() - start < 20


def test_a_child_ends_with_its_parent() -> None:
    inner = "import time; from services.land import fence; fence.limit(fence.Limits(512, 20, 1)); print('up', flush=True); time.sleep(60)"
    outer = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {inner!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    for _ in range(600):
        if not _runs(pid):
            return
        time.sleep(0.05)
    raise AssertionError("the child outlived its parent")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_environment_of_a_child_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGOCLINH_GATEWAY__TOKEN", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    environment = fence.environment("/tmp/x")
    assert "secret" not in environment.values()
    assert environment["HOME"] == environment["TMPDIR"] == "/tmp/x"
    assert environment["PATH"] == os.environ["PATH"]
