"""The textbook way to run PhoBERT: batches of 32 in the order of arrival, padded to the longest, on one thread.

`python -m bench.phobert_peer FOLDER KIND` is the side of it that runs torch, in a process of its own: it reads one JSON line
of token ids, a list a text, and answers with one line {"cpu_s", "version", "probabilities"}. KIND is ``plain`` or ``own``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.phobert_shape import PHOBERT_BASE, random_weights
from services.sentiment.phobert.sessions import Logits, Session
from services.sentiment.phobert.tokenizer import PAD
from services.sentiment.train import HEADS

ROWS = 32
PYTHON = Path(__file__).parents[1] / ".venv-models" / "bin" / "python"
"""The interpreter that has torch."""


def arrival(session: Session, texts: Sequence[Sequence[int]]) -> list[list[float]]:
    """Probabilities of the first head of each text."""
    found: list[list[float]] = []
    for start in range(0, len(texts), ROWS):
        batch = texts[start : start + ROWS]
        ids = np.full((len(batch), max(map(len, batch))), PAD, dtype=np.int64)
        for row, text in zip(ids, batch, strict=True):
            row[: len(text)] = text
        logits = session.logits(ids, (ids != PAD).astype(np.int64))
        found += [softmax(row, len(text)) for row, text in zip(logits, batch, strict=True)]
    return found


def softmax(logits: Logits, tokens: int) -> list[float]:
    """Probabilities of the first head: of a chunk, or from the mean over its tokens between ``<s>`` and ``</s>``."""
    head = HEADS[0]
    mean = logits if logits.ndim == 1 else logits[1 : tokens - 1].mean(axis=0, dtype=np.float64)
    decisions: NDArray[Any] = head.sharpness * mean[: len(head.labels)]
    powers = np.exp(decisions - decisions.max())
    return (powers / powers.sum()).tolist()


class TorchPeer:
    """The same work in torch; its CPU seconds are those of the work, without start and pipes."""

    def __init__(self, folder: Path, kind: str) -> None:
        command = [str(PYTHON), "-m", "bench.phobert_peer", str(folder), kind]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._cpu_s = 0.0
        self.version = ""

    def clock(self) -> float:
        """CPU seconds of its work until now."""
        return self._cpu_s

    def __call__(self, texts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Probabilities of the first head of each text."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(texts) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        self._cpu_s += told["cpu_s"]
        self.version = told["version"]
        found: list[list[float]] = told["probabilities"]
        return found

    def close(self) -> None:
        """End its process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)


def serve(folder: Path, kind: str) -> None:
    """Answer lines until there are no more."""
    import torch

    from services.sentiment.phobert.network import Network, TorchSession

    torch.set_num_threads(1)
    session = TorchSession(Network(folder, random_weights(PHOBERT_BASE, plain=kind == "plain")))
    work: Callable[[Any], list[list[float]]] = lambda texts: arrival(session, texts)  # noqa: E731
    work([[0, 5, 2]])
    for line in sys.stdin:
        start = time.process_time()
        probabilities = work(json.loads(line))
        told = {"cpu_s": time.process_time() - start, "version": torch.__version__, "probabilities": probabilities}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2])
