"""Many callers on one model: right answers, batches, refusals, cancelled calls, fair shares, bounded memory."""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Text, TextAnalysis

from services.core.errors import Overloaded
from services.core.sections.work import SentimentSettings
from services.rpc.deadline import within
from services.sentiment.baseline import Baseline
from services.sentiment.serving.engine import engine_for
from services.sentiment.serving.queue import FEW_STALE
from services.sentiment.serving.scheduler import Scheduler
from tests.services.sentiment.serving.running import Paced
from tests.waiting import until

LONG = Text(text="Mưa lớn làm sạt lở đường vào thôn. " * 300)
SHORT = Text(text="Cảm ơn cán bộ xã nhiệt tình.")
WORDS = ("đường", "hỏng", "xã", "cảm ơn", "rất tốt", "quá tệ", "thửa đất", "lũ", "bà con", "vui", "khiếu nại", "😀")


@asynccontextmanager
async def over(classifier: Any, workers: int = 1, **settings: Any) -> AsyncIterator[Scheduler]:
    scheduler = Scheduler(engine_for(classifier), SentimentSettings(**settings), workers)
    yield scheduler
    await scheduler.close()


def text_of(chance: random.Random) -> Text:
    return Text(text=" ".join(chance.choices(WORDS, k=chance.randint(0, 40))), title=chance.choice(("", "Tin")))


@pytest.mark.parametrize("seed", range(3))
async def test_callers_get_the_answers_to_their_own_texts(seed: int) -> None:
    chance = random.Random(seed)
    calls = [[text_of(chance) for _ in range(chance.choice((1, 1, 1, 7, 40)))] for _ in range(60)]
    wanted = [Baseline().classify(texts) for texts in calls]

    async def call(scheduler: Scheduler, texts: list[Text]) -> list[TextAnalysis]:
        await asyncio.sleep(chance.random() / 50)
        return await scheduler.analyze(texts)

    async with over(Paced(), workers=2, batch_tokens=256) as scheduler:
        found = await asyncio.gather(*(call(scheduler, texts) for texts in calls))
    assert found == wanted


async def test_no_texts_have_no_answers() -> None:
    async with over(Baseline()) as scheduler:
        assert await scheduler.analyze([]) == []


async def test_what_comes_together_runs_together_within_the_budget() -> None:
    paced = Paced()
    async with over(paced, batch_tokens=256) as scheduler:
        await scheduler.analyze([SHORT])
        await asyncio.gather(*(scheduler.analyze([SHORT]) for _ in range(600)))
        sizes = [sum(map(scheduler.engine.size, batch)) for batch in paced.batches[1:]]
    assert max(sizes) <= 256
    assert len(sizes) <= 1.5 * sum(sizes) / 256 + 1


async def test_a_batch_waits_for_others_no_longer_than_it_takes_to_run() -> None:
    async with over(Paced(pace=20), window_ms=50) as slow:
        await slow.analyze([SHORT])
        both = await asyncio.gather(slow.analyze([SHORT]), later(slow))
        assert len(both) == 2
        assert len(slow.engine._classifier.batches) == 2, "the second call came within the window of the first"
    async with over(Paced(), window_ms=50) as fast:
        fast.load.measured(10**9, 1.0)
        await asyncio.gather(fast.analyze([SHORT]), later(fast))
        assert len(fast.engine._classifier.batches) == 2


async def later(scheduler: Scheduler) -> list[TextAnalysis]:
    await asyncio.sleep(0.005)
    return await scheduler.analyze([SHORT])


async def test_a_call_that_cannot_end_in_time_is_refused_at_once_and_told_when_to_come_back() -> None:
    async with over(Paced(pace=1000)) as scheduler:
        await scheduler.analyze([LONG])
        waiting = asyncio.create_task(scheduler.analyze([LONG] * 8))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as caught:
            async with within(1.0):
                await scheduler.analyze([LONG])
        assert not waiting.done()
        assert 0.1 <= caught.value.retry_after_s <= 2
        async with within(5.0):
            assert len(await scheduler.analyze([LONG])) == 1
        assert len(await waiting) == 8


async def test_a_call_whose_time_ran_out_in_the_queue_is_not_run() -> None:
    paced = Paced(pace=3000)
    async with over(paced) as scheduler:
        await scheduler.analyze([LONG])
        paced.go.clear()
        first = asyncio.create_task(scheduler.analyze([SHORT]))
        await until(lambda: len(paced.batches) == 2)

        async def hurried() -> list[TextAnalysis]:
            async with within(0.8):
                return await scheduler.analyze([LONG])

        second = asyncio.create_task(hurried())
        await asyncio.sleep(0.6)
        paced.go.set()
        with pytest.raises(Overloaded, match="its deadline leaves"):
            await second
        await first
        assert len(paced.batches) == 2


async def test_cancelled_calls_leave_the_queue() -> None:
    paced = Paced()
    async with over(paced) as scheduler:
        paced.go.clear()
        first = asyncio.create_task(scheduler.analyze([SHORT]))
        await until(lambda: paced.batches)
        gone = [asyncio.create_task(scheduler.analyze([Text(text=f"bỏ {number}")])) for number in range(50)]
        kept = asyncio.create_task(scheduler.analyze([Text(text="giữ")]))
        await asyncio.sleep(0.01)
        for call in gone:
            call.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        assert scheduler.load.left == sum(map(scheduler.engine.size, (SHORT, Text(text="giữ"))))
        paced.go.set()
        await asyncio.gather(first, kept)
    assert [text.text for batch in paced.batches for text in batch] == [SHORT.text, "giữ"]


async def test_single_calls_are_answered_while_a_call_with_256_long_texts_runs() -> None:
    async with over(Paced(pace=20_000)) as scheduler:
        await scheduler.analyze([LONG])
        many = asyncio.create_task(scheduler.analyze([LONG] * 256))
        await asyncio.sleep(0.05)
        for _ in range(20):
            async with within(10.0):
                await scheduler.analyze([SHORT])
        assert not many.done()
        many.cancel()
        await asyncio.gather(many, return_exceptions=True)


async def test_ten_thousand_waiting_calls_stay_within_their_bound_and_leave_nothing_behind() -> None:
    paced = Paced()
    async with over(paced, max_queue_mb=16) as scheduler:
        paced.go.clear()
        first = asyncio.create_task(scheduler.analyze([SHORT]))
        await until(lambda: paced.batches)
        tracemalloc.start()
        calls = [
            asyncio.create_task(scheduler.analyze([Text(text=f"{number} " + "lũ lụt " * 100)]))
            for number in range(10_000)
        ]
        await asyncio.sleep(0.1)
        refused = [call for call in calls if call.done()]
        assert all(isinstance(call.exception(), Overloaded) for call in refused)
        assert 1_000 < len(refused) < 9_000
        del refused
        assert tracemalloc.get_traced_memory()[0] < 3 * (16 << 20)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        calls.clear()
        del call
        await asyncio.sleep(0)
        gc.collect()
        assert sum(map(len, scheduler._queue._heaps.values())) <= FEW_STALE
        assert tracemalloc.get_traced_memory()[0] < 4 << 20
        tracemalloc.stop()
        paced.go.set()
        await first


async def test_a_text_that_breaks_the_model_fails_its_own_call_only() -> None:
    class Fragile(Paced):
        def classify(self, texts: Sequence[Text]) -> list[TextAnalysis]:
            if any("vỡ" in text.text for text in texts):
                raise ZeroDivisionError
            return super().classify(texts)

    async with over(Fragile()) as scheduler:
        texts = ["một", "vỡ", "hai"]
        found = await asyncio.gather(*(scheduler.analyze([Text(text=text)]) for text in texts), return_exceptions=True)
        assert [type(one) for one in found] == [list, ZeroDivisionError, list]
        assert len(await scheduler.analyze([SHORT])) == 1


async def test_it_closes_when_its_calls_are_over() -> None:
    paced = Paced()
    scheduler = Scheduler(engine_for(paced), SentimentSettings(), 1)
    paced.go.clear()
    call = asyncio.create_task(scheduler.analyze([SHORT]))
    await until(lambda: paced.batches)
    closing = asyncio.create_task(scheduler.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    paced.go.set()
    await closing
    assert len(await call) == 1
