"""A child process that works on a store until it is killed, and tells on stdout what was acknowledged to it."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import ROOT


def run_and_kill(module: str, *arguments: str | Path, after: int, rng: random.Random) -> list[str]:
    """The lines that ``python -m module arguments`` printed before kill -9 struck.

    Args:
        module: prints one line, flushed, for each acknowledged step.
        arguments: its command line.
        after: lines to wait for; then the child lives on for a random part of 30 ms.
        rng: where that part is taken from.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        lines = []
        for line in child.stdout:
            lines.append(line.strip())
            if len(lines) == after:
                time.sleep(rng.random() * 0.03)
                child.send_signal(signal.SIGKILL)
        return lines
