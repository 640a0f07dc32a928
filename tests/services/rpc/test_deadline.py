"""The deadline of a call goes on into everything that is done for it; nothing gets more than is left."""

from __future__ import annotations

import contextvars

from services.rpc import deadline


async def test_what_was_spent_before_a_call_is_taken_from_it() -> None:
    def after(seconds: float) -> float:
        deadline.spend(seconds)
        return deadline.timeout_for(30)

    assert contextvars.copy_context().run(after, 12) == 18
    assert contextvars.copy_context().run(after, 99) == deadline.MARGIN_S, "it is told that it is over"
    assert deadline.timeout_for(30) == 30


async def test_a_block_inside_another_one_ends_with_it_at_the_latest() -> None:
    async with deadline.within(40):
        async with deadline.within(3000):
            assert (deadline.remaining() or 99) <= 40
        async with deadline.within(20):
            assert (deadline.remaining() or 99) <= 20
    assert deadline.remaining() is None
