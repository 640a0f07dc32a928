"""The power goes while processes write: images of the disk, each with what the writers had told before."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.conftest import ROOT
from tests.faults import device

ROUNDS = int(os.environ.get("NGOCLINH_FAULT_ROUNDS") or 3)
"""Cuts for each store."""
LONG = "NGOCLINH_FAULT_ROUNDS" in os.environ
"""Whether the long tests run, as in `make test-faults`."""
BETWEEN_S = (0.01, 0.3)
"""Shortest and longest time in seconds between two cuts."""

Told = Mapping[str, Sequence[str]]
"""The lines of each writer."""


class Writer:
    """A process that writes to a store without end and prints a line for everything that was acknowledged.

    Args:
        job: module and arguments.

    Attributes:
        told: its lines.
    """

    def __init__(self, job: Sequence[str]) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", *job], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._process.stdout
        lines = (line.strip() for line in self._process.stdout)
        self.told: list[str] = [next(lines)]
        self._listener = threading.Thread(target=self.told.extend, args=(lines,), daemon=True)
        self._listener.start()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        ended = self._process.poll()
        self._process.kill()
        self._listener.join(10)
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
        assert ended is None, "it wrote until the end"


def cuts_of_a_life(
    disk: device.Disk, jobs: Mapping[str, Sequence[str]], cuts: int, rng: random.Random
) -> list[tuple[Path, Told]]:
    """Images of the disk at random moments of the work of some writers, each with what they had told before."""
    images: list[tuple[Path, Told]] = []
    with ExitStack() as stack:
        writers = {name: stack.enter_context(Writer(job)) for name, job in jobs.items()}
        for _ in range(cuts):
            time.sleep(rng.uniform(*BETWEEN_S))
            told = {name: writer.told[:] for name, writer in writers.items()}
            images.append((disk.cut(), told))
    return images
