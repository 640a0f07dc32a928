"""SentimentService over a real server: answers, limits, bad bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest
from ngoclinh.sentiment.v1 import sentiment_service_pb2 as pb
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

from services.sentiment.baseline import Baseline
from services.sentiment.servicer import SentimentServicer
from tests.services.sentiment.serving.running import SERVICE, reason, serving


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    async with serving(tmp_path, SentimentServicer(Baseline())) as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> SentimentServiceStub:
    return SentimentServiceStub(channel)


async def test_a_text_is_analysed(stub: SentimentServiceStub) -> None:
    text = pb.Text(title="Cán bộ một cửa rất nhiệt tình", text="Làm sổ đỏ nhanh gọn. Cảm ơn xã nhiều lắm!")
    analysis = (await stub.AnalyzeText(pb.AnalyzeTextRequest(text=text))).analysis
    assert (analysis.sentiment.label, analysis.sentiment.unsure) == ("positive", False)
    assert (analysis.stance.label, analysis.complaint.label, analysis.toxicity.label) == ("supportive", "no", "no")
    assert analysis.model.startswith("baseline@")


async def test_a_batch_answers_in_order_as_its_single_texts_would(stub: SentimentServiceStub) -> None:
    texts = [pb.Text(text=f"Thửa đất số {number} bị lấn chiếm, đề nghị xã xử lý.") for number in range(256)]
    batch = await stub.BatchAnalyzeTexts(pb.BatchAnalyzeTextsRequest(texts=texts))
    assert len(batch.analyses) == 256
    for place in (0, 100, 255):
        assert batch.analyses[place] == (await stub.AnalyzeText(pb.AnalyzeTextRequest(text=texts[place]))).analysis
    assert batch.analyses[7].topics[0] == "dat_dai"
    assert batch.analyses[7].complaint.label == "yes"


async def test_the_model_shows_its_card(stub: SentimentServiceStub) -> None:
    model = await stub.GetModel(pb.GetModelRequest())
    assert [head.name for head in model.heads][:2] == ["sentiment", "event_valence"]
    assert model.heads[0].metrics["macro_f1"] > 0.7
    assert "not by people" in model.card


async def test_a_megabyte_is_analysed_in_part(stub: SentimentServiceStub) -> None:
    text = pb.Text(text=("Mưa lớn làm sạt lở đường vào thôn. " * 40_000).encode()[: 1 << 20].decode(errors="ignore"))
    analysis = (await stub.AnalyzeText(pb.AnalyzeTextRequest(text=text))).analysis
    assert analysis.truncated
    assert analysis.coverage == pytest.approx(20_000 / len(text.text))
    assert analysis.event_valence.label == "negative"


@pytest.mark.parametrize(
    "request_",
    [pb.AnalyzeTextRequest(), pb.AnalyzeTextRequest(text=pb.Text(text="x" * 2_000_001))],
    ids=["no text", "too long"],
)
async def test_a_request_out_of_its_limits_is_refused(
    stub: SentimentServiceStub, request_: pb.AnalyzeTextRequest
) -> None:
    assert await reason(stub.AnalyzeText(request_)) == "INVALID_FIELD"


@pytest.mark.parametrize("count", [0, 257])
async def test_a_batch_has_1_to_256_texts(stub: SentimentServiceStub, count: int) -> None:
    request = pb.BatchAnalyzeTextsRequest(texts=[pb.Text(text="a")] * count)
    assert await reason(stub.BatchAnalyzeTexts(request)) == "INVALID_FIELD"


async def test_bytes_that_are_no_utf_8_are_refused_and_the_server_stays_up(
    channel: grpc.aio.Channel, stub: SentimentServiceStub
) -> None:
    analyze = channel.unary_unary(f"/{SERVICE}/AnalyzeText")
    text = b"\x12\x04\xc3\x28\xff\xfe"
    assert await reason(analyze(b"\x0a" + bytes([len(text)]) + text)) == "INVALID_FIELD"
    assert (await stub.AnalyzeText(pb.AnalyzeTextRequest(text=pb.Text(text="vui")))).analysis.model
