"""Taking down, running and pausing over gRPC and real stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from ngoclinh.media.v1.article_pb2 import (
    SOURCE_STATE_ACTIVE,
    SOURCE_STATE_BLOCKED,
    SOURCE_STATE_PAUSED,
    Source,
    SourceState,
)
from ngoclinh.media.v1.event_pb2 import SourceCommand
from ngoclinh.media.v1.media_service_pb2 import (
    ArticleFilter,
    GetArticleRequest,
    GetSourceRequest,
    RunSourceRequest,
    TakeDownArticleRequest,
    UpdateSourceRequest,
)
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub

from services.rpc.caller import ROLES_KEY, USER_KEY
from tests.contracts.articles import article, collected
from tests.contracts.bus import take
from tests.services.media.serving import refusal
from tests.services.media.stores import Stores

EVERYTHING = ArticleFilter(include_withdrawn=True)


async def test_a_taken_down_article_is_gone_everywhere_and_cannot_come_back(
    stores: Stores, media: MediaServiceStub
) -> None:
    made = article("a", "Chuyện riêng của một người.")
    await stores.publish("media.collected", collected(made), collected(article("b")))
    await stores.work_through()
    shown = (await stores.index.search(EVERYTHING, 5)).articles
    request = TakeDownArticleRequest(name=made.name, reason="theo yêu cầu của công dân")
    answer = await media.TakeDownArticle(request, metadata=((USER_KEY, "hoa"), (ROLES_KEY, "admin")))
    assert (answer.name, answer.text, answer.title) == (made.name, "", "")
    assert answer.HasField("withdrawn_time")
    await stores.index.put(shown)  # a worker that had it in hand
    await stores.publish("media.collected", collected(article("a", "bản mới"), day=4))
    await stores.work_through()
    assert [found.name for found in (await stores.index.search(EVERYTHING, 5)).articles] == [article("b").name]
    for call in (media.GetArticle(GetArticleRequest(name=made.name)), media.TakeDownArticle(request)):
        assert (await refusal(call))[:2] == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


async def test_no_word_of_it_is_left_in_the_ledger(stores: Stores, media: MediaServiceStub, tmp_path: Path) -> None:
    made = article("a", "Bimatrieng " * 3000, title="Tuade rieng")
    await stores.ledger.record_collected(collected(made))
    await stores.ledger.record_collected(collected(article("b")))
    await media.TakeDownArticle(TakeDownArticleRequest(name=made.name, reason="theo yêu cầu"))
    await stores.ledger.close()
    kept = _bytes(tmp_path)
    assert made.name.encode() in kept
    assert b"Bimatrieng" not in kept
    assert b"Tuade" not in kept


def _bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("ledger.sqlite*"))


@pytest.mark.parametrize("reason", ["", "  ", "ab"])
async def test_a_take_down_needs_a_reason(media: MediaServiceStub, reason: str) -> None:
    call = media.TakeDownArticle(TakeDownArticleRequest(name=article("a").name, reason=reason))
    assert (await refusal(call))[1] == "INVALID_FIELD"


# ------------------------------------------------------------ sources


async def test_a_source_is_run_by_a_command_to_the_crawler(stores: Stores, media: MediaServiceStub) -> None:
    await stores.ledger.record_source(Source(name="sources/a", title="Báo A", state=SOURCE_STATE_BLOCKED))
    for _ in range(2):
        answer = await media.RunSource(RunSourceRequest(name="sources/a"))
        assert (answer.title, answer.state) == ("Báo A", SOURCE_STATE_BLOCKED)
        delivery = await take(stores.bus, "source.command", "crawler")
        assert delivery.event == SourceCommand(run_source="sources/a")
        await delivery.ack()


async def test_pause_is_told_at_once_and_commanded_durably_and_so_is_going_on(
    stores: Stores, media: MediaServiceStub
) -> None:
    made = Source(name="sources/a", title="Báo A", state=SOURCE_STATE_ACTIVE)
    made.poll_time.FromSeconds(1_790_000_000)
    made.next_poll_time.FromSeconds(1_790_003_600)
    await stores.ledger.record_source(made)
    paused = Source(name="sources/a", state=SOURCE_STATE_PAUSED, title="Tên khác")
    answer = await media.UpdateSource(UpdateSourceRequest(source=paused, update_mask=FieldMask(paths=["state"])))
    assert answer == await media.GetSource(GetSourceRequest(name="sources/a"))
    assert (answer.state, answer.title, answer.HasField("next_poll_time")) == (SOURCE_STATE_PAUSED, "Báo A", False)
    assert (await refusal(media.RunSource(RunSourceRequest(name="sources/a"))))[1] == "CONFLICT"
    going = Source(name="sources/a", state=SOURCE_STATE_ACTIVE)
    assert (await media.UpdateSource(UpdateSourceRequest(source=going))).state == SOURCE_STATE_ACTIVE
    for command in (SourceCommand(pause_source="sources/a"), SourceCommand(resume_source="sources/a")):
        delivery = await take(stores.bus, "source.command", "crawler")
        assert delivery.event == command
        await delivery.ack()


@pytest.mark.parametrize(
    ("method", "request_", "reason"),
    [
        ("RunSource", RunSourceRequest(name="sources/none"), "NOT_FOUND"),
        ("RunSource", RunSourceRequest(name="sources/../x"), "INVALID_FIELD"),
        ("UpdateSource", UpdateSourceRequest(), "INVALID_FIELD"),
        (
            "UpdateSource",
            UpdateSourceRequest(source=Source(name="sources/none", state=SOURCE_STATE_PAUSED)),
            "NOT_FOUND",
        ),
        ("UpdateSource", UpdateSourceRequest(source=Source(name="sources/a")), "INVALID_FIELD"),
        (
            "UpdateSource",
            UpdateSourceRequest(
                source=Source(name="sources/a", state=SOURCE_STATE_PAUSED), update_mask=FieldMask(paths=["title"])
            ),
            "INVALID_FIELD",
        ),
        *(
            ("UpdateSource", UpdateSourceRequest(source=Source(name="sources/a", state=state)), "INVALID_FIELD")
            for state in (SourceState.SOURCE_STATE_BLOCKED, SourceState.SOURCE_STATE_DISABLED)
        ),
    ],
)
async def test_what_cannot_be_done_with_a_source_says_why_and_commands_nothing(
    stores: Stores, media: MediaServiceStub, method: str, request_: Any, reason: str
) -> None:
    await stores.ledger.record_source(Source(name="sources/a"))
    assert (await refusal(getattr(media, method)(request_)))[1] == reason
    assert (await stores.bus.depth())["source.command", "crawler"] == 0
