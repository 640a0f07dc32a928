"""What hostile input costs at most: CPU seconds and memory, measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.faults.abuse import CASES


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
@pytest.mark.parametrize("name", CASES)
def test_abuse_costs_no_more_than_it_may(name: str, tmp_path: Path) -> None:
    case, file = CASES[name], tmp_path / "abuse"
    case.make(file)
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.abuse", name, file],
        capture_output=True, text=True, cwd=ROOT, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    took = json.loads(done.stdout)
    sys.stdout.write(f"\n{name}: {took['cpu_s']:.1f} s of CPU, {took['memory_mb']:.0f} MB\n")
    assert took["cpu_s"] < case.cpu_s
    assert took["memory_mb"] < case.memory_mb
