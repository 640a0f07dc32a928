"""PhoBERT behind the workers: the answers of a text alone, whatever it is batched with, and hostile texts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ngoclinh.sentiment.v1 import sentiment_service_pb2 as pb
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

from services.core.sections.work import SentimentSettings
from services.sentiment.phobert.opening import open_model
from services.sentiment.servicer import SentimentServicer
from services.sentiment.train import DATA, load
from tests.services.sentiment.serving.running import serving

HOSTILE = {
    "no space": "đ" * (1 << 19),
    "one word of a megabyte": "a" * (1 << 20),
    "control characters": "\x00\x01\u202e\u2066\u200d\ufeff" * 20_000,
    "combining marks": "e" + "\u0301" * 100_000,
    "forged tokens": "<s> </s> <pad> <mask> <unk> @@ </w> " * 5_000,
    "emoji": "😀🏳️‍🌈" * 20_000,
    "one sentence": "đường hỏng " * 90_000,
    "blank": " \n\t" * 10_000,
}


def settings_of(model_dir: Path, precision: str) -> SentimentSettings:
    return SentimentSettings(model_dir=model_dir, precision=precision, segmenter="none", workers=2)


@pytest.fixture
async def stub(tmp_path: Path, model_dir: Path) -> AsyncIterator[SentimentServiceStub]:
    settings = settings_of(model_dir, "fp32")
    async with serving(tmp_path, SentimentServicer(open_model(settings), settings)) as channel:
        yield SentimentServiceStub(channel)


async def test_callers_get_the_answers_of_their_texts_alone(stub: SentimentServiceStub, model_dir: Path) -> None:
    chance = random.Random(11)
    examples = [example.text for example in load(DATA / "dev.jsonl")][:120]
    texts = [pb.Text(text=text * chance.choice((1, 1, 1, 30))) for text in examples]
    alone = open_model(settings_of(model_dir, "fp32"))

    async def single(text: pb.Text) -> list[pb.TextAnalysis]:
        await asyncio.sleep(chance.random() / 20)
        return [(await stub.AnalyzeText(pb.AnalyzeTextRequest(text=text))).analysis]

    async def batch(texts: list[pb.Text]) -> list[pb.TextAnalysis]:
        return list((await stub.BatchAnalyzeTexts(pb.BatchAnalyzeTextsRequest(texts=texts))).analyses)

    calls = [[text] for text in texts[:60]] + [texts[60:90], texts[90:]]
    chance.shuffle(calls)
    found = await asyncio.gather(*(single(texts[0]) if len(texts) == 1 else batch(texts) for texts in calls))
    for texts, answers in zip(calls, found, strict=True):
        assert answers == [alone.classify([text])[0] for text in texts]


async def test_int8_says_the_same_within_its_bound(tmp_path: Path, model_dir: Path) -> None:
    settings = settings_of(model_dir, "int8")
    texts = [pb.Text(text=example.text) for example in load(DATA / "dev.jsonl")][:120]
    alone = open_model(settings)
    async with serving(tmp_path, SentimentServicer(open_model(settings), settings)) as channel:
        stub = SentimentServiceStub(channel)
        batch = await stub.BatchAnalyzeTexts(pb.BatchAnalyzeTextsRequest(texts=texts))
    for text, answer in zip(texts, batch.analyses, strict=True):
        (wanted,) = alone.classify([text])
        for label, score in wanted.sentiment.scores.items():
            assert answer.sentiment.scores[label] == pytest.approx(score, abs=0.1)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_text_is_answered_in_bounded_work(stub: SentimentServiceStub, name: str) -> None:
    text = pb.Text(text=HOSTILE[name])
    good = pb.Text(text="Cảm ơn cán bộ xã nhiệt tình.")
    hostile, neighbour, alone = await asyncio.gather(
        *(stub.AnalyzeText(pb.AnalyzeTextRequest(text=one), timeout=20) for one in (text, good, good))
    )
    assert hostile.analysis.sentiment.label
    assert hostile.analysis.truncated == (name != "blank")
    assert neighbour == alone
