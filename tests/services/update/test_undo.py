"""An update in the middle of which root dies: the next start brings the old release and its data back, once."""

from __future__ import annotations

import os
import signal
import time

import pytest

from services.core.errors import Conflict, UnreadableFile
from services.update import asked, undo
from services.update.folder import alone, own_folder
from services.update.places import INSTALLED
from tests.services.update.installation import OLD, Office
from tests.services.update.test_units import unit

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the rights of another user")


def broken_off(office: Office) -> None:
    """Ask for an update, and end root by force while the new release is tried."""
    tried = office.places.data / "tried"
    office.wish(office.bundle(office.private, up=f"echo > {tried}; exec sleep 20"))
    child = os.fork()
    if child == 0:
        try:
            asked.carry_out(lambda vi, en: None, office.places)
        finally:
            os._exit(0)
    end = time.monotonic() + 60
    while not tried.exists() and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert office.result().state == "running"


def restored(office: Office) -> list[str]:
    """What the old release was told to bring back, each time."""
    calls = (office.places.data / "calls").read_text().splitlines()
    return [call.rsplit(" ", 1)[1] for call in calls if " restore " in call]


def test_what_was_broken_off_is_taken_back_once_and_told(office: Office) -> None:
    broken_off(office)
    backup = next(call for call in (office.places.data / "calls").read_text().split() if "before-9.0.0" in call)
    assert undo.carry_out(office.places) == "9.0.0"
    assert restored(office) == [backup]
    told = office.result()
    assert (told.state, told.version, told.user) == ("taken_back", "9.0.0", "lan.le")
    assert told.end
    assert "machine went off" in told.en
    assert "Mất điện" in told.vi
    assert (office.places.opt / "current").resolve().name == "old"
    assert not (office.places.opt / "releases/9.0.0").exists()
    assert undo.carry_out(office.places) is None
    assert len(restored(office)) == 1


def test_one_that_had_taken_the_place_of_the_old_one_stays(office: Office) -> None:
    broken_off(office)
    (office.places.opt / "current").unlink()
    (office.places.opt / "current").symlink_to("releases/9.0.0")
    assert undo.carry_out(office.places) == "9.0.0"
    assert restored(office) == []
    assert office.result().state == "done"
    assert (office.places.opt / "releases/9.0.0").exists()
    assert not (office.places.state / undo.FILE).exists()


def test_where_the_data_cannot_be_brought_back_the_next_start_tries_again(office: Office) -> None:
    broken_off(office)
    old = office.places.opt / "releases/old/bin/ngoclinh"
    old.write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
    with pytest.raises(Conflict, match="no room") as failed:
        undo.carry_out(office.places)
    assert str(office.places.state / undo.FILE) in failed.value.vi
    assert office.result().state == "running"
    assert (office.places.opt / "releases/9.0.0").exists()
    old.write_text(OLD.format(data=office.places.data))
    assert undo.carry_out(office.places) == "9.0.0"
    assert len(restored(office)) == 1


def test_an_update_that_goes_back_by_itself_leaves_nothing_to_undo(office: Office) -> None:
    office.wish(office.bundle(office.private, up="exit 7"))
    assert office.asked().state == "taken_back"
    assert undo.carry_out(office.places) is None
    assert len(restored(office)) == 1


def test_a_record_that_cannot_be_read_is_told_and_stays(office: Office) -> None:
    own_folder(office.places)
    file = office.places.state / undo.FILE
    for text in ("{", '{"version": "../../etc", "backup": "/x"}'):
        file.write_text(text)
        with pytest.raises(UnreadableFile, match="newest backup"):
            undo.carry_out(office.places)
        assert file.exists()


def test_it_waits_for_nobody_who_works_at_an_update(office: Office) -> None:
    broken_off(office)
    with alone(office.places), pytest.raises(Conflict, match="under way"):
        undo.carry_out(office.places)
    assert restored(office) == []


def test_the_unit_looks_before_each_start_and_only_where_there_is_something_to_do() -> None:
    before = unit("ngoclinh.service")["Service"]["ExecStartPre"]
    assert before.startswith("+/bin/sh -c 'test ! -e ")
    assert f"{INSTALLED.state}/{undo.FILE} ||" in before
    assert f" cd / && exec env -i PATH={PATH} PYTHONNOUSERSITE=1 PYTHONSAFEPATH=1 " in before, "nothing of its user's"
    assert before.endswith(f" {INSTALLED.opt}/current/bin/ngoclinh update --undo; }}'")
