"""The whole service with a PhoBERT-base (int8, random weights of the real shape) against the textbook way to run one.

Two kinds of model: a plain sentiment classifier of transformers, where the service also gives what the baseline answers, and
one with heads of ours, which look at every token.
Ours: calls of 32 texts over gRPC on a socket, tokens, batches by length, judgements, CPU of the callers included; what it
does with a text a call stands beside it.
Peers: torch fp32 (from .venv-models, which `make test-models` makes; without it this goal is skipped) and ONNX Runtime
with the same texts as token ids, in batches of 32 in the order of arrival, padded to the longest: fp32, and int8, which
shows what the batches alone bring. Texts: student feedback, comments on news, headlines, a third each (../shared); where
they are absent, the invented ones of citizen-voice. No word segmentation on either side. Each side computes on one
thread: where two share a core, as on rented machines, a CPU second of either is worth less. Then, with a thread for each
processor, three times as many calls as it can serve: whether those that it takes on end before their deadline.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import onnxruntime
from ngoclinh.sentiment.v1.sentiment_service_pb2 import AnalyzeTextRequest, BatchAnalyzeTextsRequest, Text
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

from bench.harness import Peer, compare, quick, timed
from bench.phobert_peer import PYTHON, ROWS, TorchPeer, arrival
from bench.phobert_shape import phobert_base, sample_texts
from services.core import log
from services.core.sections.doors import GrpcSettings
from services.core.sections.work import SentimentSettings
from services.rpc.client import connect
from services.rpc.serve import Server
from services.sentiment.phobert.opening import open_model
from services.sentiment.phobert.quantise import FP32, INT8
from services.sentiment.phobert.sessions import OnnxSession
from services.sentiment.servicer import SentimentServicer

GOAL_TORCH, GOAL_FP32, GOAL_INT8 = 10.0, 6.0, 3.5
KINDS = {"plain": "phobert_service", "own": "phobert_service_heads"}
"""Kinds of heads, and the name of the goal of each."""
DEADLINE_S = 4.0
OVERLOAD = 3.0
SOURCES = ("uit-vsfc", "uit-victsd", "vnexpress-titles")
NEAR = 0.1
"""Most that int8 may move a probability."""


def has_vnni() -> bool:
    """Whether the processor multiplies 8-bit numbers in one instruction, without which int8 brings half as much."""
    return "vnni" in Path("/proc/cpuinfo").read_text("utf-8")


def texts(count: int) -> list[str]:
    """So many texts in the order in which they arrive."""
    shared = Path(os.environ.get("NGOCLINH_SHARED") or Path(__file__).parents[2] / "shared") / "data" / "nlp"
    chance = random.Random(5)
    if not shared.is_dir():
        return chance.sample(sample_texts(), count)
    found: list[str] = []
    for name in SOURCES:
        lines = (shared / name / "dev.jsonl").read_text("utf-8").splitlines()
        found += chance.sample([json.loads(line)["text"] for line in lines], count // len(SOURCES))
    chance.shuffle(found)
    return found


class Service:
    """The service on a socket, and callers in the same process."""

    def __init__(self, runner: asyncio.Runner, model: Path, socket: Path, workers: int = 0) -> None:
        settings = SentimentSettings(model_dir=model, segmenter="none", workers=workers)
        self._runner = runner
        self._servicer = SentimentServicer(open_model(settings), settings)
        self._server, self._stub = runner.run(self._start(socket))

    async def _start(self, socket: Path) -> tuple[Server, SentimentServiceStub]:
        server = Server(GrpcSettings(port=0), tcp=False, unix=socket)
        server.add("ngoclinh.sentiment.v1.SentimentService", self._servicer)
        await server.start()
        return server, SentimentServiceStub(connect(server.target, 60))

    def __call__(self, given: Sequence[str], rows: int = ROWS) -> list[list[float]]:
        """Probabilities of the tone of each text, in the order of the texts; calls of so many texts, all at once."""
        return self._runner.run(self._ask(given, rows))

    async def _ask(self, given: Sequence[str], rows: int) -> list[list[float]]:
        calls = [
            self._stub.BatchAnalyzeTexts(
                BatchAnalyzeTextsRequest(texts=[Text(text=text) for text in given[at : at + rows]])
            )
            for at in range(0, len(given), rows)
        ]
        return [
            [analysis.sentiment.scores[label] for label in ("negative", "neutral", "positive")]
            for answer in await asyncio.gather(*calls)
            for analysis in answer.analyses
        ]

    def overload(self, given: Sequence[str], rate: float, seconds: float) -> list[tuple[str, float]]:
        """Outcome and seconds of each call; calls come at random moments, `rate` a second, and wait for nobody."""
        return self._runner.run(self._overload(given, rate, seconds))

    async def _overload(self, given: Sequence[str], rate: float, seconds: float) -> list[tuple[str, float]]:
        chance = random.Random(7)
        start = time.monotonic()
        calls, moment = [], 0.0
        while moment < seconds:
            await asyncio.sleep(start + moment - time.monotonic())
            calls.append(asyncio.create_task(self._call(chance.choice(given))))
            moment += chance.expovariate(rate)
        return list(await asyncio.gather(*calls))

    async def _call(self, text: str) -> tuple[str, float]:
        start = time.monotonic()
        try:
            await self._stub.AnalyzeText(AnalyzeTextRequest(text=Text(text=text)), timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            return error.code().name, time.monotonic() - start
        return "OK", time.monotonic() - start

    def close(self) -> None:
        """Stop serving."""
        self._runner.run(self._server.stop(0))
        self._runner.run(self._servicer.close())


def near(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> bool:
    """Whether probabilities are the same but for what int8 changes."""
    return all(
        abs(mine - other) <= NEAR for a, b in zip(ours, theirs, strict=True) for mine, other in zip(a, b, strict=True)
    )


def main() -> None:
    """Measure."""
    few = quick(__doc__ or "")
    log.configure("error")
    asked = texts(96)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        for kind in KINDS:
            model = phobert_base(Path(folder) / kind, plain=kind == "plain")
            compared(kind, model, runner, asked, 1 if few else 3)
        service = Service(runner, model, Path(folder) / "socket")
        service(asked, 1)
        overloaded(service, asked, 10 if few else 30)
        service.close()


def compared(kind: str, model: Path, runner: asyncio.Runner, asked: Sequence[str], rounds: int) -> None:
    """The service with a model beside each of its peers."""
    reader = open_model(SentimentSettings(model_dir=model, segmenter="none"))
    chunks = [reader.prepare([Text(text=text)]) for text in asked]
    ids = [chunk[0].ids for chunk in chunks]
    assert all(len(chunk) == 1 for chunk in chunks)
    service = Service(runner, model, model / "socket", workers=1)
    service(asked)
    shared: dict[str, Any] = {"count": len(asked), "unit": "texts/cpu_s", "rounds": rounds, "same": near}
    shared["extra"] = {
        "texts": len(asked),
        "tokens": sum(map(len, ids)),
        "longest": max(map(len, ids)),
        "vnni": has_vnni(),
        "a_text_a_call": round(len(asked) / timed(lambda: service(asked, 1))[0], 1),
    }
    name = KINDS[kind]
    if PYTHON.exists():
        torch = TorchPeer(model, kind)
        torch(ids[:1])
        compare(
            name, ours=lambda: service(asked), peer=lambda: torch(ids), peer_clock=torch.clock,
            peer_named=Peer("torch fp32, batches of 32 as they come", torch.version), goal=GOAL_TORCH, **shared,
        )  # fmt: skip
        torch.close()
    else:
        print(f"skipped: torch, as {PYTHON} is not here; make test-models makes it", file=sys.stderr)
    for precision, file, goal in (("fp32", FP32, GOAL_FP32), ("int8", INT8, GOAL_INT8)):
        session = OnnxSession(model / file)
        compare(
            f"{name}_{precision}", ours=lambda: service(asked), peer=lambda: arrival(session, ids),  # noqa: B023
            peer_named=Peer(f"onnxruntime {precision}, batches of 32 as they come", onnxruntime.__version__),
            goal=goal, **shared,
        )  # fmt: skip
    service.close()


def overloaded(service: Service, asked: Sequence[str], seconds: float) -> None:
    """Offer more than can be served, and print how long calls took against their deadline."""
    start = time.monotonic()
    service([*asked, *asked], 1)
    capacity = 2 * len(asked) / (time.monotonic() - start)
    start = time.monotonic()
    outcomes = service.overload(asked, OVERLOAD * capacity, seconds)
    took = time.monotonic() - start
    count = Counter(outcome for outcome, _ in outcomes)
    times = {kind: sorted(each for outcome, each in outcomes if outcome == kind) for kind in count}
    served = times["OK"]
    p50, p99 = (served[int(share * (len(served) - 1))] for share in (0.5, 0.99))
    refused = times.get("RESOURCE_EXHAUSTED", [0.0])
    result = {
        "name": "phobert_overload_p99",
        "ratio": round(p99 / DEADLINE_S, 2),
        "goal": 1.0,
        "better": "lower",
        "ours": {"value": round(p99, 2), "unit": "s"},
        "peer": {"name": "the deadline of the calls", "version": "", "value": DEADLINE_S},
        "rounds": 1,
        "spread": [round(p50 / DEADLINE_S, 2), round(served[-1] / DEADLINE_S, 2)],
        "offered_per_served": round(len(outcomes) / seconds / (count["OK"] / took), 2),
        "calls": len(outcomes),
        "served_per_s": round(count["OK"] / took, 1),
        "capacity_per_s": round(capacity, 1),
        "share_refused": round(count["RESOURCE_EXHAUSTED"] / len(outcomes), 3),
        "share_late": round(count["DEADLINE_EXCEEDED"] / len(outcomes), 3),
        "refused_within_s": round(refused[int(0.99 * (len(refused) - 1))], 3),
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
