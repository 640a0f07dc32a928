"""AnalyzeTextStream over a real server: ids, order, errors beside answers, bounded reading, ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
from ngoclinh.sentiment.v1 import sentiment_service_pb2 as pb
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

from services.core.sections.work import SentimentSettings
from services.rpc import status
from services.sentiment.baseline import Baseline
from services.sentiment.servicer import SentimentServicer
from services.sentiment.serving.stream import IN_FLIGHT, IN_FLIGHT_BYTES
from tests.services.sentiment.serving.running import SERVICE, Paced, reason, serving


def asked(number: int, text: str = "") -> pb.AnalyzeTextStreamRequest:
    return pb.AnalyzeTextStreamRequest(id=str(number), text=pb.Text(text=text or f"Đường số {number} hỏng nặng."))


@pytest.fixture
def paced() -> Paced:
    return Paced()


@pytest.fixture
async def stub(tmp_path: Path, paced: Paced) -> AsyncIterator[SentimentServiceStub]:
    settings = SentimentSettings(workers=1, max_queue_mb=16)
    async with serving(tmp_path, SentimentServicer(paced, settings)) as channel:
        yield SentimentServiceStub(channel)


async def test_every_text_is_answered_once_under_its_id(stub: SentimentServiceStub) -> None:
    requests = [asked(number) for number in range(1000)]
    found = [response async for response in stub.AnalyzeTextStream(iter(requests))]
    assert sorted(int(one.id) for one in found) == list(range(1000))
    wanted = Baseline().classify([request.text for request in requests[::50]])
    by_id = {one.id: one.analysis for one in found}
    assert [by_id[str(number)] for number in range(0, 1000, 50)] == wanted


async def test_an_answer_comes_before_the_next_text_is_sent(stub: SentimentServiceStub) -> None:
    call = stub.AnalyzeTextStream()
    for number in range(5):
        await call.write(asked(number))
        response = await call.read()
        assert isinstance(response, pb.AnalyzeTextStreamResponse)
        assert response.id == str(number)
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


async def test_a_text_that_cannot_be_used_is_answered_with_its_error_and_the_stream_goes_on(
    stub: SentimentServiceStub,
) -> None:
    requests = [
        asked(1),
        pb.AnalyzeTextStreamRequest(id="none"),
        pb.AnalyzeTextStreamRequest(id="long", text=pb.Text(title="x" * 200_001)),
        asked(2),
    ]
    found = {one.id: one async for one in stub.AnalyzeTextStream(iter(requests))}
    assert {id_: one.WhichOneof("outcome") for id_, one in found.items()} == {
        "1": "analysis",
        "none": "error",
        "long": "error",
        "2": "analysis",
    }
    for id_ in ("none", "long"):
        assert status.reason(found[id_].error) == "INVALID_FIELD"
        assert status.grpc_code(found[id_].error) == grpc.StatusCode.INVALID_ARGUMENT
    assert "bắt buộc" in status.message(found["none"].error, "vi")


async def test_an_id_without_end_and_bytes_that_are_no_message_end_the_stream(tmp_path: Path) -> None:
    async with serving(tmp_path, SentimentServicer(Baseline())) as channel:
        stub = SentimentServiceStub(channel)
        call = stub.AnalyzeTextStream(iter([pb.AnalyzeTextStreamRequest(id="x" * 1001)]))
        assert await reason(call.read()) == "INVALID_FIELD"
        raw = channel.stream_stream(f"/{SERVICE}/AnalyzeTextStream")(iter([b"\x0a\x02\xff\xfe"]))
        assert await reason(raw.read()) == "INVALID_FIELD"


@pytest.mark.parametrize(
    ("text", "most"), [("lũ", IN_FLIGHT), ("lũ " * 50_000, IN_FLIGHT_BYTES // 200_000 + 1)], ids=["many", "large"]
)
async def test_no_more_is_read_ahead_than_the_bound(
    paced: Paced, monkeypatch: pytest.MonkeyPatch, text: str, most: int
) -> None:
    sent = 0

    async def requests() -> AsyncIterator[pb.AnalyzeTextStreamRequest]:
        nonlocal sent
        for number in range(4 * IN_FLIGHT):
            sent += 1
            yield asked(number, text)

    paced.go.clear()
    servicer = SentimentServicer(paced, SentimentSettings(workers=1))
    stream = servicer.AnalyzeTextStream(requests(), None)
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.3)
    assert 1 < sent <= most
    paced.go.set()
    await first
    await asyncio.sleep(0.3)
    assert sent <= most + 1, "an answer that was not taken makes no room"
    await stream.aclose()
    await servicer.close()


async def test_a_stream_that_is_cancelled_leaves_nothing_behind(tmp_path: Path, paced: Paced) -> None:
    servicer = SentimentServicer(paced, SentimentSettings(workers=1))
    async with serving(tmp_path, servicer) as channel:
        paced.go.clear()
        call = SentimentServiceStub(channel).AnalyzeTextStream()
        for number in range(50):
            await call.write(asked(number))
        await asyncio.sleep(0.1)
        call.cancel()
        paced.go.set()
        async with asyncio.timeout(30):
            await servicer.close()


async def test_a_stream_waits_for_room_while_single_calls_are_refused(tmp_path: Path) -> None:
    paced = Paced(pace=20_000)
    servicer = SentimentServicer(paced, SentimentSettings(workers=1, max_queue_tokens=10_000))
    async with serving(tmp_path, servicer) as channel:
        stub = SentimentServiceStub(channel)
        requests = [asked(number, "mưa lớn, nước lên " * 1500) for number in range(60)]
        stream = stub.AnalyzeTextStream(iter(requests))
        answers = aiter(stream)
        first = await anext(answers)
        singles = [stub.AnalyzeText(pb.AnalyzeTextRequest(text=requests[0].text)) for _ in range(8)]
        outcomes = await asyncio.gather(*singles, return_exceptions=True)
        refused = [each for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
        assert refused, "eight more have no room beside the stream"
        assert {status.reason(status.from_rpc_error(each)) for each in refused} == {"OVERLOADED"}
        found = [one.WhichOneof("outcome") for one in [first, *[one async for one in answers]]]
        assert found == ["analysis"] * 60
