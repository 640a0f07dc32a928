"""One program per data folder, and children that come back."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from services import supervisor
from services.core.errors import Conflict
from services.supervisor import Child, Lock, is_locked
from tests.waiting import until

HOLD = "import sys, pathlib; from services.supervisor import Lock\nwith Lock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"


def test_a_second_program_is_told_who_has_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with Lock(path):
        assert is_locked(path)
        with pytest.raises(Conflict, match=str(os.getpid())), Lock(path):
            pass
    assert not is_locked(path)


def test_the_lock_is_free_after_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    assert is_locked(path)
    holder.kill()
    holder.communicate()
    with Lock(path, wait_s=5):
        pass


async def test_a_child_that_is_killed_comes_back_with_its_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.05)
    log = tmp_path / "log"
    code = f"import sys, time; open({str(log)!r}, 'a').write(sys.stdin.read()); time.sleep(60)"
    child = Child("test", [sys.executable, "-c", code], b"job;")
    await child.start()
    for times in (1, 2, 3):
        await until(lambda times=times: log.exists() and log.read_text() == "job;" * times)  # type: ignore[misc]
        assert child.pid
        os.kill(child.pid, signal.SIGKILL)
    await until(lambda: child.starts == 4)
    await child.stop()
    assert child.pid is None


async def test_a_child_that_does_not_heed_the_signal_is_made_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "TERM_S", 0.3)
    ready = tmp_path / "ready"
    code = (
        f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(ready)!r}, 'w'); time.sleep(60)"
    )
    child = Child("test", [sys.executable, "-c", code])
    await child.start()
    await until(ready.exists)
    pid = child.pid
    assert pid
    await child.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert child.starts == 1


async def test_a_child_that_stands_still_in_the_middle_of_a_write_is_ended_and_the_file_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 30.0)
    monkeypatch.setattr(supervisor, "BEAT_S", 0.2)
    spool = tmp_path / "spool.sqlite"
    code = (
        "import sqlite3, sys, time; from services.supervisor import beat\n"
        f"file = sqlite3.connect({str(spool)!r}, isolation_level=None); file.execute('CREATE TABLE a (b)')\n"
        "for _ in range(70): beat(); time.sleep(0.1)\n"
        "file.execute('BEGIN IMMEDIATE'); file.execute('INSERT INTO a VALUES (1)'); beat(); time.sleep(600)"
    )
    child = Child("test", [sys.executable, "-c", code], silence_s=5.0)
    await child.start()
    await until(lambda: child.starts == 1 and spool.exists() and child.pid is not None)
    await asyncio.sleep(6)
    assert child.pid, "one that gives signs of life is left alone, however long it lives"
    await until(lambda: child.pid is None)
    await child.stop()
    with sqlite3.connect(spool, timeout=0) as file:
        assert file.execute("SELECT count(*) FROM a").fetchone() == (0,)
        file.execute("INSERT INTO a VALUES (2)")
    assert child.starts == 1


async def test_run_gives_the_exit_code() -> None:
    assert await Child("test", [sys.executable, "-c", "import sys; sys.exit(int(sys.stdin.read()))"], b"3").run() == 3
