"""CreateSource over gRPC and real stores; the crawler is the test's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from ngoclinh.media.v1.article_pb2 import Source, SourceDefinition
from ngoclinh.media.v1.event_pb2 import SourceChecked, SourceCommand
from ngoclinh.media.v1.media_service_pb2 import CreateSourceRequest, GetSourceRequest
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub
from ngoclinh.type.v1.type_pb2 import ERROR_REASON_CONFLICT

from services.core.ports import Output
from services.core.worker import run_worker
from services.rpc import status
from tests.services.media.serving import refusal
from tests.services.media.stores import Stores

DEFINITION = SourceDefinition(
    title="Báo Núi", home_url="https://nui.example/", feeds=["/rss.xml"], tier="local", licence_note="Để thử nghiệm."
)


def wanted(**fields: Any) -> CreateSourceRequest:
    return CreateSourceRequest(source_id="bao-nui", definition=DEFINITION, **fields)


def checked(*checks: tuple[str, bool], saved: bool = False) -> SourceChecked:
    answer = SourceChecked(source=Source(name="sources/bao-nui", title="Báo Núi"), saved=saved)
    for kind, ok in checks:
        check = answer.checks.add(kind=kind, ok=ok, url="https://nui.example/rss.xml")
        check.message.vi, check.message.en = f"{kind} tiếng Việt", f"{kind} in English"
    return answer


@contextlib.asynccontextmanager
async def crawler(stores: Stores, answer: SourceChecked) -> AsyncIterator[list[SourceCommand]]:
    """A crawler that always answers the same; what it was asked."""
    asked: list[SourceCommand] = []

    async def handle(command: SourceCommand) -> list[Output]:
        asked.append(command)
        told = SourceChecked(request=command.add_source.request)
        told.MergeFrom(answer)
        return [Output("source.checked", told, told.request)]

    task = asyncio.create_task(run_worker(stores.bus, "source.command", "crawler", handle))
    async with stores.working():
        yield asked
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_check_tells_everything_and_fails_nothing(stores: Stores, media: MediaServiceStub) -> None:
    answer = checked(("robots", True), ("feed", False))
    async with crawler(stores, answer) as asked:
        told = await media.CreateSource(wanted(validate_only=True))
    assert (told.source, list(told.checks)) == (answer.source, list(answer.checks))
    (command,) = asked
    assert (command.add_source.source_id, command.add_source.validate_only) == ("bao-nui", True)
    assert command.add_source.definition == DEFINITION
    assert (await refusal(media.GetSource(GetSourceRequest(name="sources/bao-nui"))))[1] == "NOT_FOUND"


async def test_a_saved_source_is_listed_at_once_and_its_id_is_taken(stores: Stores, media: MediaServiceStub) -> None:
    async with crawler(stores, checked(("robots", True), saved=True)) as asked:
        await media.CreateSource(wanted())
        assert (await media.GetSource(GetSourceRequest(name="sources/bao-nui"))).title == "Báo Núi"
        assert (await refusal(media.CreateSource(wanted())))[1] == "CONFLICT"
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("checks", "reason"),
    [
        ([("robots", False)], "FETCH_REFUSED"),
        ([("robots", True), ("feed", False), ("list", False)], "FETCH_FAILED"),
    ],
)
async def test_what_cannot_be_crawled_is_not_saved_in_the_words_of_the_first_check(
    stores: Stores, media: MediaServiceStub, checks: list[tuple[str, bool]], reason: str
) -> None:
    async with crawler(stores, checked(*checks)):
        _, told, answer = await refusal(media.CreateSource(wanted()))
    kind = next(kind for kind, ok in checks if not ok)
    assert told == reason
    assert status.message(answer, "vi") == f"https://nui.example/rss.xml: {kind} tiếng Việt"


async def test_a_refusal_of_the_crawler_comes_in_its_words(stores: Stores, media: MediaServiceStub) -> None:
    answer = SourceChecked(reason=ERROR_REASON_CONFLICT)
    answer.message.vi, answer.message.en = "Đã có tệp này.", "There is this file."
    async with crawler(stores, answer):
        _, told, shown = await refusal(media.CreateSource(wanted()))
    assert (told, status.message(shown, "vi")) == ("CONFLICT", "Đã có tệp này.")


async def test_a_definition_that_is_none_never_reaches_the_crawler(stores: Stores, media: MediaServiceStub) -> None:
    for source_id, definition in (
        ("bao-nui", SourceDefinition(title="x")),
        ("../evil", DEFINITION),
        ("bao_nui", DEFINITION),
    ):
        request = CreateSourceRequest(source_id=source_id, definition=definition)
        assert (await refusal(media.CreateSource(request)))[1] == "INVALID_FIELD"
    assert (await stores.bus.depth())["source.command", "crawler"] == 0


async def test_without_a_crawler_the_caller_is_told_so(media: MediaServiceStub) -> None:
    code, reason, _ = await refusal(media.CreateSource(wanted(), timeout=2))
    assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
