"""The door from the page to root: whatever the service's user puts there, root reads a wish and installs what the maker signed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from importlib import metadata

import pytest

from services.core.clock import utc_now
from services.core.errors import NgocLinhError
from services.update import asked, children, record
from services.update.folder import own_folder
from tests.services.update.installation import NOBODY, Office

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the rights of another user")

SERVES = "echo ready $(cat {data}/url); exec sleep 100"


@pytest.fixture
def url() -> Iterator[str]:
    """A program that answers: what the new release would be."""
    import http.server

    class Fine(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_what_the_maker_signed_is_installed_and_told(office: Office, url: str) -> None:
    (office.places.data / "url").write_text(f"{url} grpc://127.0.0.1:1")
    (office.places.data / "url").chmod(0o644)
    office.wish(office.bundle(office.private, up=SERVES.format(data=office.places.data)))
    told = office.asked()
    assert (told.state, told.before, told.version, told.user) == (
        "done", metadata.version("ngoclinh"), "9.0.0", "lan.le",
    )  # fmt: skip
    assert told.end
    assert (office.places.opt / "current").resolve().name == "9.0.0"
    assert " backup " in (office.places.data / "calls").read_text()
    state = office.places.state.stat(), (office.places.state / record.FILE).stat()
    assert [(each.st_uid, each.st_mode & 0o777) for each in state] == [(0, 0o755), (0, 0o644)]


def test_a_release_that_cannot_take_the_place_of_the_old_one_is_taken_back(office: Office, url: str) -> None:
    (office.places.data / "url").write_text(f"{url} grpc://127.0.0.1:1")
    (office.places.data / "url").chmod(0o644)
    office.places.command.mkdir()  # no file can be put there
    office.wish(office.bundle(office.private, up=SERVES.format(data=office.places.data)))
    with pytest.raises(IsADirectoryError):
        asked.carry_out(lambda vi, en: None, office.places)
    assert office.result().state == "failed"
    assert (office.places.opt / "current").resolve().name == "old"
    assert not (office.places.opt / "releases/9.0.0").exists()
    assert " restore " in (office.places.data / "calls").read_text(), "the trial may have changed the data"


def test_a_release_that_does_not_run_is_taken_back_and_told(office: Office) -> None:
    office.wish(office.bundle(office.private, up='printf "no luck \\033[31m" >&2; exit 7'))
    told = office.asked()
    assert told.state == "taken_back"
    assert "no luck" in told.en
    assert "\033" not in told.en
    assert (office.places.opt / "current").resolve().name == "old"
    assert not (office.places.opt / "releases/9.0.0").exists()
    assert " restore " in (office.places.data / "calls").read_text()


@pytest.mark.parametrize(
    ("by", "version", "why"),
    [("nobody", "9.0.0", "not signed."), ("other", "9.0.0", "not signed by the key"), ("maker", "0.0.1", "installed")],
)
def test_what_the_maker_did_not_sign_or_is_not_newer_is_refused(
    office: Office, by: str, version: str, why: str
) -> None:
    key = {"nobody": None, "other": office.other, "maker": office.private}[by]
    office.wish(office.bundle(key, version))
    told = office.asked()
    assert told.state == "failed"
    assert why in told.en
    assert not (office.places.opt / "releases/9.0.0").exists()
    assert not (office.places.data / "calls").exists(), "nothing was begun"


def test_a_hash_never_takes_the_place_of_the_key(office: Office) -> None:
    digest = office.bundle(office.private)
    office.places.key.unlink()
    office.wish(digest)
    assert "release.pub" in office.asked().en
    office.places.key.symlink_to(office.places.data / "mine.pub")
    office.wish(digest)
    assert "release.pub" in office.asked().en


def test_a_bundle_that_was_put_there_after_the_look_is_not_installed(office: Office) -> None:
    seen = office.bundle(office.private)
    office.bundle(office.private, up="exit 8")
    office.wish(seen)
    assert "another SHA-256" in office.asked().en


def test_a_wish_leads_to_no_file_of_roots(office: Office) -> None:
    secret = office.root / "secret"
    secret.write_text(record.Wish(sha256="0" * 64, version="9.0.0", user="root", time=utc_now()).model_dump_json())
    secret.chmod(0o600)
    office.places.wish.symlink_to(secret)
    told = office.asked()
    assert (told.state, told.user) == ("failed", "")
    assert secret.exists()
    office.wish(office.bundle(office.private))
    bundle = office.places.bundle.rename(secret)
    bundle.chmod(0o600)
    office.places.bundle.symlink_to(secret)
    assert "Permission denied" in office.asked().en
    assert office.places.bundle.is_symlink()


def test_a_folder_on_the_way_that_is_a_link_is_followed_with_no_rights_of_roots(office: Office) -> None:
    hidden = office.root / "hidden"
    hidden.mkdir(mode=0o700)
    office.wish(office.bundle(office.private))
    for path in list(office.places.wish.parent.iterdir()):
        path.rename(hidden / path.name)
    office.places.wish.parent.rmdir()
    office.places.wish.parent.symlink_to(hidden)
    with pytest.raises(NgocLinhError):
        asked.carry_out(lambda vi, en: None, office.places)
    assert office.result().state == "failed"
    assert (hidden / "install.json").exists(), "root removes nothing for others"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\0" * 100,
        b"{}",
        b"[" * 4000,
        b'{"sha256": "' + b"0" * 64 + b'", "version": "9.0.0", "user": "a", "time": "2026-11-26T00:00:00Z", "sh": "x"}',
        b'{"sha256": "' + b"0" * 64 + b'\\n", "version": "9.0.0", "user": "a", "time": "2026-11-26T00:00:00Z"}',
        b'{"sha256": "' + b"0" * 64 + b'", "version": "../../x", "user": "a", "time": "2026-11-26T00:00:00Z"}',
        b'{"sha256": "' + b"0" * 64 + b'", "version": "9.0.0", "user": "a\\nb", "time": "2026-11-26T00:00:00Z"}',
        b'{"sha256": "' + b"0" * 64 + b'", "version": "9.0.0", "user": "\\u202ea", "time": "2026-11-26T00:00:00Z"}',
        b'{"sha256": "' + b"0" * 64 + b'", "version": "9.0.0", "user": "a", "time": "yesterday"}',
    ],
    ids=["empty", "zeros", "nothing", "deep", "more", "newline", "path", "lines", "override", "time"],
)
def test_junk_is_no_wish(office: Office, text: bytes) -> None:
    office.places.wish.write_bytes(text)
    told = office.asked()
    assert (told.state, told.version, told.en) == ("failed", "", "What was asked for cannot be read.")


def test_a_wish_without_end_a_pipe_and_a_folder_cost_little(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "LOOK_S", 2.0)
    office.places.wish.symlink_to("/dev/zero")
    assert "exceeds" in office.asked().en
    os.mkfifo(office.places.wish)
    os.chown(office.places.wish, NOBODY, NOBODY)
    began = time.monotonic()
    assert "not done within" in office.asked().en
    assert time.monotonic() - began < 20
    office.places.wish.mkdir()
    (office.places.wish / "x").write_text("")
    os.chown(office.places.wish, NOBODY, NOBODY)
    assert office.asked().state == "failed"


def test_a_bundle_without_end_and_a_pipe_cost_little(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(asked, "COPY_S", 2.0)
    office.places.bundle.symlink_to("/dev/zero")
    office.wish("0" * 64)
    assert "exceeds" in office.asked().en
    office.places.bundle.unlink()
    os.mkfifo(office.places.bundle, 0o666)
    office.wish("0" * 64)
    assert "not done within" in office.asked().en


def test_a_wish_that_cannot_be_removed_is_not_followed(office: Office) -> None:
    office.wish(office.bundle(office.private))
    os.chown(office.places.wish.parent, 0, 0)  # the sticky folder of another: nobody may read, and not remove
    office.places.wish.parent.chmod(0o755)
    os.chown(office.places.wish, NOBODY, NOBODY)
    with pytest.raises(NgocLinhError):
        asked.carry_out(lambda vi, en: None, office.places)
    assert office.result().state == "failed"
    assert not (office.places.data / "calls").exists()


@pytest.mark.parametrize("shift", [timedelta(hours=-2), timedelta(hours=2)])
def test_a_wish_of_another_day_is_refused(office: Office, shift: timedelta) -> None:
    office.wish(office.bundle(office.private), time=utc_now() + shift)
    assert "too long ago" in office.asked().en


def test_root_tells_nothing_where_others_may_write(office: Office) -> None:
    for prepare in (
        lambda state: state.mkdir(mode=0o777),
        lambda state: (state.mkdir(), os.chown(state, NOBODY, NOBODY)),
        lambda state: state.symlink_to(office.places.data),
    ):
        prepare(office.places.state)
        if not office.places.state.is_symlink() and office.places.state.stat().st_uid == 0:
            office.places.state.chmod(0o777)
        office.wish(office.bundle(office.private))
        with pytest.raises(NgocLinhError, match="only root writes"):
            asked.carry_out(lambda vi, en: None, office.places)
        assert not (office.places.data / "calls").exists()
        office.places.state.unlink() if office.places.state.is_symlink() else shutil.rmtree(office.places.state)


def test_only_one_update_at_a_time(office: Office) -> None:
    from services.supervisor import Lock

    own_folder(office.places)
    office.wish(office.bundle(office.private))
    with Lock(office.places.state / "lock"):
        assert "under way" in office.asked().en
    assert (office.places.state / "lock").stat().st_mode & 0o777 == 0o600, "nobody else may hold updates up"


def test_a_child_has_neither_roots_rights_nor_its_environment(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_ROOT", "x")
    command = office.places.as_user(
        "sh", "-c", "id -u; id -g; pwd; umask; env; ps -o tty= -p $$ || true; cat /proc/self/status; ls /proc/self/fd"
    )
    with (office.root / "said").open("w+b") as file:
        children.copy(command, file, 1 << 16, 30)
        said = (office.root / "said").read_text() if file.flush() is None else ""
    lines = said.splitlines()
    assert lines[:4] == [str(NOBODY), str(NOBODY), "/", "0077"]
    assert "SECRET_OF_ROOT" not in said
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert {status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"].strip() == "1"
    assert set(lines[-4:]) == {"0", "1", "2", "3"}, "3 is the folder that ls reads"


@pytest.mark.parametrize(
    "up",
    [
        "yes",  # lines without end
        "tr '\\0' x < /dev/zero",  # a line without end
        "cat /dev/zero >&2",
        'echo "ready file://{secret}"; sleep 100',
        'echo "ready http://127.0.0.1:1@/x"; sleep 100',
        'trap "" TERM; echo "ready http://127.0.0.1:1"; sleep 100; sleep 100',
        "setsid sleep 100 & exit 0",  # somebody else holds the pipes
        "kill -STOP $$",
    ],
    ids=["lines", "line", "errors", "file", "address", "deaf", "pipe", "stopped"],
)
def test_whatever_the_trial_does_it_ends_and_is_taken_back(
    office: Office, up: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.update import installing

    monkeypatch.setattr(installing, "TRIAL_S", 3.0)
    monkeypatch.setattr(children, "END_S", 1.0)
    secret = office.root / "healthz"
    os.mkfifo(secret)
    office.wish(office.bundle(office.private, up=up.format(secret=office.root)))
    began = time.monotonic()
    assert office.asked().state == "taken_back"
    assert time.monotonic() - began < 25


def test_who_ends_root_in_the_middle_gets_the_old_release_with_its_data(office: Office) -> None:
    tried = office.places.data / "tried"
    office.wish(office.bundle(office.private, up=f"echo > {tried}; exec sleep 100"))

    def switch_off() -> None:
        while not tried.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        threading.Thread(target=switch_off, daemon=True).start()
        with pytest.raises(SystemExit):
            asked.carry_out(lambda vi, en: None, office.places)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (office.result().state, office.result().en) == ("failed", "The update was ended; the old release stays.")
    assert (office.places.opt / "current").resolve().name == "old"
    assert " restore " in (office.places.data / "calls").read_text()


def test_a_death_in_the_middle_is_told_as_silence(office: Office) -> None:
    own_folder(office.places)
    record.write(office.places, record.Result(state="running", before="1.0.0", start=utc_now()))
    first = record.read(office.places)
    assert first
    os.utime(office.places.state / record.FILE, (1.0, 1.0))
    record.beat(office.places)
    again = record.read(office.places)
    assert again
    assert again[1] >= first[1] - 1
    (office.places.state / record.FILE).write_text("{")
    assert record.read(office.places) is None
    assert record.read(replace(office.places, state=office.root / "none")) is None
