"""A call that cannot be served in time is told so over gRPC, at once, with when to come back; the others are served."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import pytest
from ngoclinh.sentiment.v1 import sentiment_service_pb2 as pb
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

from services.core.sections.work import SentimentSettings
from services.rpc import status
from services.sentiment.phobert.opening import open_model
from services.sentiment.servicer import SentimentServicer
from services.sentiment.serving.load import LONGEST_S, SHORTEST_S
from services.sentiment.train import DATA, load
from tests.services.sentiment.serving.running import Paced, failed, retry_s, serving
from tests.waiting import until

LONG = pb.Text(text="Mưa lớn làm sạt lở đường vào thôn. " * 300)


async def test_a_call_that_cannot_end_before_its_deadline_is_refused_at_once(tmp_path: Path) -> None:
    paced = Paced(pace=150)
    settings = SentimentSettings(workers=1, batch_tokens=4096)
    async with serving(tmp_path, SentimentServicer(paced, settings)) as channel:
        stub = SentimentServiceStub(channel)
        await stub.AnalyzeText(pb.AnalyzeTextRequest(text=LONG))  # now its speed is known: some 2 s for such a text
        paced.go.clear()
        waiting = asyncio.ensure_future(
            stub.BatchAnalyzeTexts(pb.BatchAnalyzeTextsRequest(texts=[LONG] * 6), timeout=60)
        )
        await until(lambda: len(paced.batches) >= 2)
        error = await failed(stub.AnalyzeText(pb.AnalyzeTextRequest(text=LONG), timeout=10))
        told = status.from_rpc_error(error)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert status.reason(told) == "OVERLOADED"
        assert SHORTEST_S <= retry_s(error) <= LONGEST_S
        assert "thời hạn chỉ còn" in status.message(told, "vi")
        assert "its deadline leaves" in status.message(told, "en")
        patient = asyncio.ensure_future(stub.AnalyzeText(pb.AnalyzeTextRequest(text=LONG), timeout=60))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        paced.pace = 0
        paced.go.set()
        assert (await patient).analysis.model
        assert len((await waiting).analyses) == 6
    assert sum(map(len, paced.batches)) == 1 + 6 + 1, "nothing was run for the one that was refused"


async def test_a_call_without_room_is_told_when_to_come_back(tmp_path: Path) -> None:
    paced = Paced()
    settings = SentimentSettings(workers=1, max_queue_tokens=10_000)
    async with serving(tmp_path, SentimentServicer(paced, settings)) as channel:
        stub = SentimentServiceStub(channel)
        paced.go.clear()
        waiting = asyncio.ensure_future(stub.AnalyzeText(pb.AnalyzeTextRequest(text=LONG)))
        await until(lambda: paced.batches)
        error = await failed(stub.BatchAnalyzeTexts(pb.BatchAnalyzeTextsRequest(texts=[LONG] * 40)))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert retry_s(error) >= SHORTEST_S
        paced.go.set()
        assert (await waiting).analysis.model


def threads() -> int:
    """Threads of this process, those of libraries too."""
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_session_computes_in_the_thread_that_calls_it(model_dir: Path, precision: str) -> None:
    model = open_model(SentimentSettings(model_dir=model_dir, precision=precision, segmenter="none"))
    texts = [pb.Text(text=example.text) for example in load(DATA / "dev.jsonl")][:40]
    chunks = model.prepare(texts)
    model.run(model.open_session(), chunks)
    before = threads()
    for _ in range(3):
        model.run(model.open_session(), chunks)
    assert threads() == before


async def test_each_worker_has_a_session_of_its_own_that_one_thread_uses_at_a_time(
    tmp_path: Path, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    busy: Counter[int] = Counter()
    most = 0
    lock = threading.Lock()
    settings = SentimentSettings(model_dir=model_dir, segmenter="none", workers=3, batch_tokens=256)
    model = open_model(settings)
    open_session, run = model.open_session, model.run

    def opening() -> Any:
        opened.append(open_session())
        return opened[-1]

    def running(session: Any, chunks: Any) -> Any:
        nonlocal most
        with lock:
            busy[id(session)] += 1
            most = max(most, busy[id(session)])
        try:
            return run(session, chunks)
        finally:
            with lock:
                busy[id(session)] -= 1

    monkeypatch.setattr(model, "open_session", opening)
    monkeypatch.setattr(model, "run", running)
    servicer = SentimentServicer(model, settings)
    async with serving(tmp_path, servicer) as channel:
        stub = SentimentServiceStub(channel)
        texts = [pb.Text(text=example.text) for example in load(DATA / "dev.jsonl")][:120]
        calls = [stub.AnalyzeText(pb.AnalyzeTextRequest(text=text)) for text in texts]
        assert len(await asyncio.gather(*calls)) == 120
    assert 1 <= len(set(map(id, opened))) == len(opened) <= 3
    assert set(busy) <= set(map(id, opened))
    assert most == 1
