"""Who is taken on: by room, by time, by a fair share of both."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from services.core.errors import Overloaded
from services.sentiment.serving.load import CAUTION, LONGEST_S, SHORTEST_S, Load
from services.sentiment.serving.queue import SHARE


def load_of(workers: int = 2, max_tokens: int = 10_000, max_bytes: int = 1 << 20, speed: float = 100) -> Load:
    load = Load(workers, 512, max_tokens, max_bytes)
    if speed:
        load.measured(int(speed), 1.0)
    return load


def test_before_the_first_measurement_nobody_is_refused_for_time() -> None:
    with load_of(speed=0).taken(9_000, 10, 0.001):
        pass


def test_a_call_that_cannot_end_in_time_is_refused_with_when_to_come_back() -> None:
    load = load_of()
    with load.taken(1000, 10, None):
        with load.taken(300, 10, CAUTION * 4.6):
            pass
        with pytest.raises(Overloaded) as caught, load.taken(300, 10, 3.0):
            pass
    assert caught.value.retry_after_s == pytest.approx(CAUTION * 4.5 - 3.0)
    assert "deadline leaves 3.0 s" in caught.value.en
    assert "thời hạn chỉ còn 3.0 giây" in caught.value.vi


def test_a_small_call_waits_for_a_share_of_a_large_one() -> None:
    load = load_of()
    with load.taken(4_000, 10, None):
        assert load.wait_s(10) == pytest.approx(SHARE / 200 + 10 / 100)
        assert load.wait_s(500) == pytest.approx(500 / 200 + 500 / 100)
        assert load.wait_s(4_000) == pytest.approx(4_000 / 200 + 4_000 / 200)


def test_a_call_takes_half_of_the_room_at_most_and_smaller_ones_still_find_some() -> None:
    load = load_of(max_tokens=10_000)
    with ExitStack() as stack:
        for tokens in (5_000, 2_500, 1_250):
            stack.enter_context(load.taken(tokens, 10, None))
        with pytest.raises(Overloaded, match="Too many texts"):
            stack.enter_context(load.taken(1_000, 10, None))
        stack.enter_context(load.taken(20, 10, None))


def test_bytes_are_bounded_too() -> None:
    load = load_of(max_bytes=1000)
    with load.taken(1, 600, None), pytest.raises(Overloaded), load.taken(1, 201, None):
        pass
    with load.taken(1, 600, None), load.taken(1, 200, None):
        pass


def test_alone_a_call_is_taken_on_whatever_its_size() -> None:
    load = load_of(max_tokens=100)
    with load.taken(5_000, 10, None):
        assert load.left == 5_000


def test_what_is_over_leaves_nothing_behind() -> None:
    load = load_of()
    with ExitStack() as stack:
        call = stack.enter_context(load.taken(500, 10, None))
        load.more(call, -200)
        assert (load.left, load.idle.is_set()) == (300, False)
    assert (load.left, load.idle.is_set()) == (0, True)
    assert load.wait_s(100) == pytest.approx(1.0)


@pytest.mark.parametrize(("tokens", "seconds", "told"), [(82, 1.0, SHORTEST_S), (100_000, 1.0, LONGEST_S)])
def test_the_told_wait_has_bounds(tokens: int, seconds: float, told: float) -> None:
    with pytest.raises(Overloaded) as caught, load_of(workers=1).taken(tokens, 10, seconds):
        pass
    assert caught.value.retry_after_s == told


def test_the_speed_follows_what_is_measured() -> None:
    load = load_of(speed=100)
    for _ in range(50):
        load.measured(400, 1.0)
    assert load.speed == pytest.approx(400, rel=0.02)
