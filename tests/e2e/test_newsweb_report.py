"""The report over the local news web, through the whole product."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("newsweb_report.py")


@pytest.mark.slow
def test_the_main_job(shared: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--seed", "5", "--articles", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=True)
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["allowed"] > 80
    assert report["stored_once"] == report["allowed"]
    assert [report[key] for key in ("duplicates", "disallowed_requests", "too_fast")] == [0, 0, 0]
    assert report["body_f1"] >= 0.99
    assert report["title_right"] == report["time_right"] == 1.0
