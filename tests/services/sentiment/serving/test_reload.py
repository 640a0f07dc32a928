"""A new model takes the place of the old one: no call fails, and what is broken changes nothing."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.sentiment.v1 import sentiment_service_pb2 as pb
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

from services.core.ports import Classifier
from services.core.sections.work import SentimentSettings
from services.rpc import status
from services.sentiment.baseline import Baseline
from services.sentiment.phobert.opening import open_model
from services.sentiment.phobert.quantise import FP32
from services.sentiment.servicer import SentimentServicer
from tests.services.sentiment.serving.running import Paced, failed, reason, serving
from tests.waiting import until

TEXT = pb.Text(text="Đường vào thôn hỏng, đề nghị xã sửa.")


async def test_calls_under_load_all_succeed_while_the_model_is_replaced_again_and_again(
    tmp_path: Path, model_dir: Path
) -> None:
    settings = SentimentSettings(model_dir=model_dir, segmenter="none", workers=2)
    models: list[Callable[[], Classifier]] = [Baseline, lambda: open_model(settings)] * 2
    servicer = SentimentServicer(open_model(settings), settings, lambda: models.pop(0)())
    stop = False
    names: list[str] = []
    streamed = 0

    async def caller(stub: SentimentServiceStub) -> None:
        while not stop:
            names.append((await stub.AnalyzeText(pb.AnalyzeTextRequest(text=TEXT))).analysis.model)

    async def sender() -> Any:
        while not stop:
            yield pb.AnalyzeTextStreamRequest(text=TEXT)
            await asyncio.sleep(0.001)

    async def streamer(stub: SentimentServiceStub) -> None:
        nonlocal streamed
        async for response in stub.AnalyzeTextStream(sender()):
            assert response.WhichOneof("outcome") == "analysis"
            streamed += 1

    async with serving(tmp_path, servicer) as channel:
        stub = SentimentServiceStub(channel)
        callers = [asyncio.create_task(caller(stub)) for _ in range(8)]
        callers.append(asyncio.create_task(streamer(stub)))
        for kind in ("baseline", "phobert-shape") * 2:
            before = len(names)
            assert (await stub.ReloadModel(pb.ReloadModelRequest())).name == kind
            assert (await stub.GetModel(pb.GetModelRequest())).name == kind
            await until(lambda before=before: len(names) >= before + 40)  # type: ignore[misc]
        stop = True
        await asyncio.gather(*callers)
    assert {name.split("@")[0] for name in names} == {"baseline", "phobert-shape"}
    assert streamed


async def test_a_call_in_progress_ends_with_the_model_that_it_began_with(tmp_path: Path) -> None:
    old = Paced()
    fresh = type("Fresh", (Baseline,), {"__init__": lambda self: Baseline.__init__(self)})()
    fresh._name = "fresh@1"
    servicer = SentimentServicer(old, SentimentSettings(workers=1), lambda: fresh)
    async with serving(tmp_path, servicer) as channel:
        stub = SentimentServiceStub(channel)
        old.go.clear()
        calls = [asyncio.ensure_future(stub.AnalyzeText(pb.AnalyzeTextRequest(text=TEXT))) for _ in range(3)]
        await asyncio.sleep(0.1)
        await stub.ReloadModel(pb.ReloadModelRequest())
        assert (await stub.AnalyzeText(pb.AnalyzeTextRequest(text=TEXT))).analysis.model == "fresh@1"
        old.go.set()
        assert {(await call).analysis.model for call in calls} == {"baseline@2026.11"}


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut_short(folder: Path) -> None:
    content = (folder / FP32).read_bytes()
    (folder / FP32).write_bytes(content[: len(content) // 2])


BROKEN: dict[str, Callable[[Path], None]] = {
    "no weights": without(FP32),
    "no vocabulary": without("vocab.txt"),
    "no config": without("config.json"),
    "weights cut short": cut_short,
}


@pytest.mark.parametrize("damage", BROKEN)
async def test_a_broken_directory_changes_nothing_and_is_told(tmp_path: Path, model_dir: Path, damage: str) -> None:
    folder = shutil.copytree(model_dir, tmp_path / "model")
    settings = SentimentSettings(model_dir=folder, precision="fp32", segmenter="none", workers=1)
    servicer = SentimentServicer(open_model(settings), settings, lambda: open_model(settings))
    async with serving(tmp_path, servicer) as channel:
        stub = SentimentServiceStub(channel)
        before = await stub.AnalyzeText(pb.AnalyzeTextRequest(text=TEXT))
        BROKEN[damage](folder)
        error = await failed(stub.ReloadModel(pb.ReloadModelRequest()))
        told = status.from_rpc_error(error)
        assert status.reason(told) == "UNREADABLE_FILE"
        assert str(folder) in status.message(told, "vi") + status.message(told, "en")
        assert await stub.AnalyzeText(pb.AnalyzeTextRequest(text=TEXT)) == before


async def test_a_model_that_answers_with_no_numbers_is_refused(tmp_path: Path) -> None:
    class Damaged(Baseline):
        def classify(self, texts: Any) -> list[pb.TextAnalysis]:
            found = super().classify(texts)
            for one in found:
                one.stance.scores["none"] = float("nan")
            return found

    async with serving(tmp_path, SentimentServicer(Baseline(), load=Damaged)) as channel:
        stub = SentimentServiceStub(channel)
        told = status.from_rpc_error(await failed(stub.ReloadModel(pb.ReloadModelRequest())))
        assert "(head stance); the old one still answers" in status.message(told, "en")
        assert (await stub.AnalyzeText(pb.AnalyzeTextRequest(text=TEXT))).analysis.sentiment.label


async def test_one_reload_at_a_time_and_none_where_there_is_nothing_to_load(tmp_path: Path) -> None:
    slow = asyncio.Event()
    begun = threading.Event()
    loop = asyncio.get_running_loop()

    def load() -> Classifier:
        begun.set()
        asyncio.run_coroutine_threadsafe(slow.wait(), loop).result(60)
        return Baseline()

    async with serving(tmp_path, SentimentServicer(Baseline(), load=load)) as channel:
        stub = SentimentServiceStub(channel)
        first = asyncio.ensure_future(stub.ReloadModel(pb.ReloadModelRequest()))
        await until(begun.is_set)
        assert await reason(stub.ReloadModel(pb.ReloadModelRequest())) == "CONFLICT"
        slow.set()
        assert (await first).name == "baseline"
    (tmp_path / "other").mkdir()
    async with serving(tmp_path / "other", SentimentServicer(Baseline())) as channel:
        assert await reason(SentimentServiceStub(channel).ReloadModel(pb.ReloadModelRequest())) == "CONFLICT"


async def test_over_tcp_nobody_may_reload(tmp_path: Path) -> None:
    async with serving(tmp_path, SentimentServicer(Baseline(), load=Baseline), tcp=True) as channel:
        assert await reason(SentimentServiceStub(channel).ReloadModel(pb.ReloadModelRequest())) == "FORBIDDEN"
