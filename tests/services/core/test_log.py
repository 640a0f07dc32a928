"""Log lines go to stderr as JSON, by the configuration that holds when they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from services.core import log


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


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
