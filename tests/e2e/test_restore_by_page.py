"""A restore that is asked for on the page: `ngoclinh up` starts itself again with the data of the backup, or with the old ones."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.mini_site import settings_for
from tests.e2e.program import Program, eventually

KIND = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    file = settings_for([], tmp_path)
    # The ports stay the same when the program starts again.
    text = file.read_text().replace("[gateway]\nport = 0", f"[gateway]\nport = {free_port()}")
    file.write_text(text)
    program = Program("--config", file, "up")
    yield program
    program.terminate()


def free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def clip(program: Program, word: str) -> str:
    text = {"title": f"Tin về {word}", "text": f"Xã Trà Leng có tin về {word}, do người dân gửi tới cơ quan."}
    return str(program.ask("/v1/articles:submit", "POST", text).json["article"])


def articles(program: Program) -> set[str]:
    return {one["name"] for one in program.get("/v1/articles?page_size=100")["articles"]}


def back_up(program: Program) -> str:
    assert program.ask("/v1/backups", "POST", {}).status == 200

    def made() -> Any:
        run = program.get("/v1/maintenance")["backup_run"]
        assert run["state"] != "WORK_STATE_FAILED", run
        return run if run["state"] == "WORK_STATE_DONE" else None

    return str(eventually(made)["backup"])


def restore(program: Program, name: str) -> Any:
    """Ask for it, and wait until the program has started again and told how it went."""
    started = program.get("/v1/health")["start_time"]
    file = name.removeprefix("backups/")
    assert program.ask(f"/v1/{name}:restore", "POST", {"confirmation": "x"}).status == 400
    asked = program.ask(f"/v1/{name}:restore", "POST", {"confirmation": file})
    assert (asked.status, asked.json["restore"]["state"]) == (200, "RESTORE_STATE_REQUESTED")

    def again() -> Any:
        try:
            return program.get("/v1/health")["start_time"] != started and program.get("/v1/maintenance")["restore"]
        except OSError:
            return None

    return eventually(again)


def test_the_program_starts_again_with_the_data_of_the_backup_and_keeps_those_of_before(program: Program) -> None:
    first = clip(program, "lúa")
    eventually(lambda: articles(program) == {first})
    name = back_up(program)
    second = clip(program, "ngô")
    eventually(lambda: articles(program) == {first, second})
    pid = program.pid
    told = restore(program, name)
    assert (told["state"], told["user"]) == ("RESTORE_STATE_DONE", "local")
    eventually(lambda: articles(program) == {first})
    kept = Path(told["kept_folder"]) / "ledger.sqlite"
    assert sqlite3.connect(kept).execute("SELECT count(*) FROM article").fetchone() == (2,)
    assert program.pid == pid, "systemd sees one and the same process"
    audit = program.get("/v1/auditEntries?page_size=50")["entries"]
    assert "program/Restore" in {entry["method"] for entry in audit}


def test_a_backup_from_elsewhere_goes_to_another_server_and_a_damaged_one_changes_nothing(
    program: Program, tmp_path: Path
) -> None:
    first = clip(program, "lúa")
    eventually(lambda: articles(program) == {first})
    name = back_up(program)
    file = program.ask(f"/v1/{name}:download")
    assert file.headers["content-disposition"] == f'attachment; filename="{name.removeprefix("backups/")}"'
    assert program.ask(f"/v1/{name}", "DELETE").status == 200
    assert program.get("/v1/backups")["backups"] == []
    uploaded = program.ask("/v1/backups:upload", "POST", file.body, KIND).json
    assert {part["name"]: int(part["count"]) for part in uploaded["parts"]}["ledger"] > 0
    assert program.ask("/v1/backups:upload", "POST", b"no backup" * 99, KIND).status == 400
    # Its names and sizes are right, one byte of the ledger is not: only the restore itself can see it.
    broken = tmp_path / "broken"
    broken.write_bytes(file.body)
    with zipfile.ZipFile(broken) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    ledger = bytearray(parts["ledger.sqlite"])
    ledger[-1] ^= 1
    with zipfile.ZipFile(broken, "w") as archive:
        for each, data in (parts | {"ledger.sqlite": bytes(ledger)}).items():
            archive.writestr(each, data)
    taken = program.ask("/v1/backups:upload", "POST", broken.read_bytes(), KIND).json
    told = restore(program, taken["name"])
    assert told["state"] == "RESTORE_STATE_FAILED"
    assert "ledger" in json.dumps(told["problem"])
    assert articles(program) == {first}
