"""Whose turn it is: nothing lost or given twice, batches within their budget, fair shares."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.sentiment.serving.queue import FEW_STALE, FairQueue, Flow, Ticket

BUDGET = 512
SIZES = st.lists(st.integers(1, 300), min_size=1, max_size=12)


def ticket(*sizes: int) -> Ticket:
    return Ticket([f"{size}:{place}" for place, size in enumerate(sizes)], list(sizes))


def drained(queue: FairQueue) -> list[tuple[Ticket, int]]:
    order = []
    while batch := queue.take():
        order += [(entry.ticket, entry.place) for entry in batch]
    return order


@given(st.lists(SIZES, max_size=20), st.data())
def test_every_chunk_is_given_once_unless_it_was_dropped(all_sizes: list[list[int]], data: st.DataObject) -> None:
    queue = FairQueue(BUDGET)
    flows = [Flow() for _ in range(3)]
    tickets = [ticket(*sizes) for sizes in all_sizes]
    given_: list[tuple[Ticket, int]] = []
    for one in tickets:
        queue.put(one, data.draw(st.sampled_from(flows)))
        if data.draw(st.booleans()):
            given_ += [(entry.ticket, entry.place) for entry in queue.take()]
    dropped = {one for one in tickets if data.draw(st.booleans())}
    before = {(one, place) for one, place in given_ if one in dropped}
    for one in dropped:
        queue.drop(one)
    assert queue.tokens == sum(one.sizes[place] for one in tickets for place in one.waiting)
    given_ += drained(queue)
    wanted = {(one, place) for one in tickets if one not in dropped for place in range(len(one.sizes))} | before
    assert len(given_) == len(set(given_))
    assert set(given_) == wanted
    assert (len(queue), queue.tokens) == (0, 0)


@given(st.lists(SIZES, min_size=1, max_size=20), st.sampled_from([1, 8]))
def test_a_batch_keeps_its_budget_and_holds_sizes_that_go_together(all_sizes: list[list[int]], step: int) -> None:
    queue = FairQueue(BUDGET, step)
    for sizes in all_sizes:
        queue.put(ticket(*sizes), Flow())
    while batch := queue.take():
        sizes = [entry.size for entry in batch]
        assert len(sizes) * max(sizes) <= BUDGET
        assert len({size // step for size in sizes}) == 1


def test_what_is_longer_than_a_batch_is_one_by_itself() -> None:
    queue = FairQueue(BUDGET)
    queue.put(ticket(600, 600), Flow())
    assert [len(queue.take()) for _ in range(3)] == [1, 1, 0]


def test_a_single_text_comes_soon_after_a_call_with_many() -> None:
    queue = FairQueue(BUDGET)
    many = ticket(*[256] * 500)
    queue.put(many, Flow())
    queue.take()
    single = ticket(20)
    queue.put(single, Flow())
    turns = [entry.ticket for _ in range(3) for entry in queue.take()]
    assert single in turns


def test_a_call_with_many_gets_its_share_while_single_texts_keep_coming() -> None:
    queue = FairQueue(BUDGET)
    many = ticket(*[16] * 320)
    queue.put(many, Flow())
    taken, rounds = 0, 0
    while taken < 320:
        rounds += 1
        for _ in range(12):
            queue.put(ticket(32), Flow())
        taken += sum(entry.ticket is many for entry in queue.take())
        assert rounds <= 320, "in a round, a flow gets a chunk at least"


def test_texts_of_one_stream_share_its_turn() -> None:
    queue = FairQueue(BUDGET)
    stream = Flow()
    for _ in range(1000):
        queue.put(ticket(200), stream)
    single = ticket(120)
    queue.put(single, Flow())
    queue.take()
    assert queue.take()[0].ticket is single


def test_single_texts_come_in_the_order_of_their_calls() -> None:
    queue = FairQueue(256)
    tickets = [ticket(200 if number % 3 else 10) for number in range(50)]
    for one in tickets:
        queue.put(one, Flow())
    while batch := queue.take():
        assert batch[0].ticket is tickets[0], "the oldest leads"
        for entry in batch:
            tickets.remove(entry.ticket)
    assert not tickets


def test_dropped_chunks_do_not_pile_up() -> None:
    queue = FairQueue(BUDGET)
    keeper = ticket(10)
    queue.put(keeper, Flow())
    for _ in range(20 * FEW_STALE):
        gone = ticket(100)
        queue.put(gone, Flow())
        queue.drop(gone)
    assert sum(map(len, queue._heaps.values())) <= FEW_STALE + 2
    assert drained(queue) == [(keeper, 0)]
