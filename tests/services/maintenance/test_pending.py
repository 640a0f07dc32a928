"""A wish to restore survives crashes at every step, and the data of before come back where the program does not answer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest

from services.backup import make
from services.core.config import Settings
from services.core.errors import Conflict, Unavailable, UnreadableFile
from services.maintenance import pending
from services.supervisor import Lock
from tests.services.backup.office import everything, fill, settings_for

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


class Office:
    """A data folder, a backup of it, and what changed since."""

    def __init__(self, folder: Path) -> None:
        self.settings: Settings = settings_for(folder / "data")
        self.data = self.settings.data_dir
        self.backup = folder / "kept.ngoclinh"
        self.then: dict[str, object] = {}
        self.now: dict[str, object] = {}

    def made(self) -> Office:
        self.data.mkdir()
        asyncio.run(fill(self.data, articles=4))
        make.make(self.settings, self.backup)
        self.then = everything(self.data)
        (self.data / "uploads" / "later").write_bytes(b"since the backup")
        self.now = everything(self.data)
        assert self.then != self.now
        return self

    def ask(self) -> pending.Wish:
        return pending.ask(self.settings, self.backup, "lan", lambda: NOW)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path).made()


def state(office: Office) -> str:
    wish = pending.read(office.data)
    return wish.state if wish else ""


def test_without_a_wish_nothing_happens(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    assert pending.carry_out(settings) is None
    assert pending.answered(settings) is None
    assert not pending.silent(settings, Unavailable("x", "x"))
    (tmp_path / pending.FILE).write_text("{")
    assert pending.carry_out(settings) is None


def test_a_wish_is_done_at_the_next_start_and_ends_when_the_program_answers(office: Office) -> None:
    assert office.ask().state == "requested"
    assert everything(office.data) == office.now, "asking changes nothing"
    with pytest.raises(Conflict):
        office.ask()
    wish = pending.carry_out(office.settings)
    assert wish is not None
    assert (wish.state, everything(office.data)) == ("trying", office.then)
    assert everything(office.data / wish.before) == office.now
    assert pending.answered(office.settings) is not None
    assert (state(office), pending.answered(office.settings)) == ("done", None)
    assert pending.carry_out(office.settings) is not None
    assert everything(office.data) == office.then, "it is done once"


def test_where_the_program_does_not_come_up_the_data_of_before_are_back(office: Office) -> None:
    office.ask()
    wish = pending.carry_out(office.settings)
    assert wish is not None
    assert pending.silent(office.settings, Unavailable("hỏng", "broken"))
    assert everything(office.data) == office.now
    assert everything(office.data / f"{wish.before}-undone") == office.then, "also what the backup held stays"
    found = pending.read(office.data)
    assert found is not None
    assert (found.state, found.vi, found.en) == ("taken_back", "hỏng", "broken")
    assert not pending.silent(office.settings, Unavailable("x", "x")), "later faults have nothing to do with it"


def test_starts_that_die_before_they_answer_are_counted(office: Office) -> None:
    office.ask()
    for _ in range(pending.MOST_TRIES):
        pending.carry_out(office.settings)
        assert (state(office), everything(office.data)) == ("trying", office.then)
    pending.carry_out(office.settings)
    assert (state(office), everything(office.data)) == ("taken_back", office.now)


@pytest.mark.parametrize("calls", range(1, 5))
def test_a_crash_at_any_write_of_the_wish_is_made_up_for_at_the_next_start(office: Office, calls: int) -> None:
    """The process dies before the n-th change of the file: asked, restored, started, given up."""
    office.ask()
    write, left = pending._write, [calls]

    def dies(data: Path, wish: pending.Wish) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        write(data, wish)

    with mock.patch.object(pending, "_write", dies):
        try:
            pending.carry_out(office.settings)
            pending.silent(office.settings, Unavailable("hỏng", "broken"))
        except KeyboardInterrupt:
            pass
    pending.carry_out(office.settings)
    expected = office.now if state(office) == "taken_back" else office.then
    assert everything(office.data) == expected
    if state(office) == "trying":
        assert everything(office.data / pending.read(office.data).before) == office.now  # type: ignore[union-attr]


@pytest.mark.parametrize("renames", range(1, 4))
def test_a_crash_while_the_old_data_come_back_is_made_up_for(office: Office, renames: int) -> None:
    office.ask()
    pending.carry_out(office.settings)
    rename, left = Path.rename, [renames]

    def dies(self: Path, target: Path) -> Path:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return rename(self, target)

    with mock.patch.object(Path, "rename", dies), pytest.raises(KeyboardInterrupt):
        pending.silent(office.settings, Unavailable("hỏng", "broken"))
    pending.carry_out(office.settings)
    assert (state(office), everything(office.data)) == ("taken_back", office.now)


def test_a_backup_that_is_damaged_or_gone_leaves_the_data_as_they_are(office: Office) -> None:
    office.ask()
    office.backup.unlink()
    pending.carry_out(office.settings)
    assert (state(office), everything(office.data)) == ("failed", office.now)
    office.backup.write_bytes(b"no backup")
    with pytest.raises(UnreadableFile):
        office.ask()


def test_nothing_is_done_while_another_program_works_in_the_folder(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "LOCK_WAIT_S", 0.1)
    office.ask()
    with Lock(office.data / "lock"), pytest.raises(Conflict):
        pending.carry_out(office.settings)
    assert (state(office), everything(office.data)) == ("requested", office.now)
