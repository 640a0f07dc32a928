"""Log lines go to stderr as JSON, by the configuration that holds when they are written."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from services.core import log


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_logger_made_before_the_configuration_obeys_it(capsys: pytest.CaptureFixture[str]) -> None:
    early = log.get_logger("services.early")
    log.configure("error")
    early.info("not told")
    early.error("broken", count=3)
    told = capsys.readouterr()
    assert told.out == ""
    line = json.loads(told.err)
    assert (line["event"], line["logger"], line["level"], line["count"]) == ("broken", "services.early", "error", 3)


def test_a_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info")
    log.get_logger("x").warning("tên\ngiả", title="a\r\nb\x1b[31m")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_warning_of_a_library_is_a_line_of_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info")
    library = logging.getLogger("some.library")
    library.info("not told")
    library.warning("node %s\nfailed", "đầu")
    try:
        raise KeyError("x")
    except KeyError:
        library.exception("broken")
    warned, broken = map(json.loads, capsys.readouterr().err.splitlines())
    assert (warned["event"], warned["logger"], warned["level"]) == ("node đầu\nfailed", "some.library", "warning")
    assert warned["timestamp"].endswith("Z")
    assert "KeyError" in broken["exception"]
    log.configure("error")
    library.warning("not told either")
    assert capsys.readouterr().err == ""


def test_a_program_that_configures_nothing_keeps_its_stdout() -> None:
    code = "from services.core.log import get_logger as g; g('x').info('quiet'); g('x').warning('loud')"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout == ""
    assert [json.loads(line)["event"] for line in told.stderr.splitlines()] == ["loud"]


@pytest.mark.parametrize(
    ("key", "id_"),
    [
        ("articles/4kzq@2", "4kzq"),
        ("articles/4kzq:ab12:submissions/x", "4kzq"),
        ("imports/20260101-ab", "20260101-ab"),
        ("4kzq", "4kzq"),
        ("", None),
        ("articles/a b", None),
        ("articles/" + "a" * 65, None),
    ],
)
def test_the_trail_of_an_event_is_the_id_of_what_its_key_names(key: str, id_: str | None) -> None:
    assert log.trail(key).get("request_id") == id_
