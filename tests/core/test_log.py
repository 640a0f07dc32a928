"""Logs are lines of JSON, and never stand in the way of the work."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from services.core import log


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    log.configure("info")
    yield
    structlog.reset_defaults()


def test_a_line_is_json_with_level_time_and_logger(capsys: pytest.CaptureFixture[str]) -> None:
    log.get_logger("services.x").info("đã lưu", article="articles/a", text="a\nb\x1b[31m")
    log.get_logger("services.x").debug("not said")
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["event"], said["logger"], said["level"], said["article"]) == (
        "đã lưu",
        "services.x",
        "info",
        "articles/a",
    )
    assert said["timestamp"].endswith("Z")
    assert "\x1b" not in line


def test_a_fault_is_logged_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise KeyError("x")
    except KeyError:
        log.get_logger("services.x").exception("fault")
    assert "KeyError" in json.loads(capsys.readouterr().err)["exception"]


def test_a_reader_that_went_away_does_not_break_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    log.get_logger("services.x").info("lost")
