"""`ngoclinh queue` over a real bus."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from ngoclinh.media.v1.event_pb2 import SubmissionFailed
from typer.testing import CliRunner, Result

from services.adapters.embedded.bus_sqlite import SqliteBus
from services.adapters.embedded.files import Files
from services.cli import app
from tests.contracts.bus import GROUP, SUBJECT, take


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with two events set aside."""

    async def fill() -> None:
        async with SqliteBus(Files(tmp_path).bus) as bus:
            for key in ("a", "b"):
                await bus.publish(SUBJECT, SubmissionFailed(submission=f"submissions/{key}"), key)
                await (await take(bus)).quarantine(f"hỏng {key}\nở dòng hai")

    asyncio.run(fill())
    return tmp_path


def queue(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(folder), "--lang", "vi", "queue", *arguments])


def listed(folder: Path) -> list[str]:
    return [item["id"] for item in json.loads(queue(folder, "list", "--format", "json").stdout)]


def waiting(folder: Path) -> int:
    async def count() -> int:
        async with SqliteBus(Files(folder).bus) as bus:
            return (await bus.depth())[SUBJECT, GROUP]

    return asyncio.run(count())


def test_list_tells_what_was_set_aside_and_why(folder: Path) -> None:
    result = queue(folder, "list")
    assert result.exit_code == 0
    assert "media.submission → ledger" in result.stdout
    assert "hỏng a ở dòng hai" in result.stdout
    assert len(listed(folder)) == 2


def test_show_gives_the_event_itself(folder: Path) -> None:
    told = json.loads(queue(folder, "show", listed(folder)[1]).stdout)
    assert (told["key"], told["attempts"], told["event"]["submission"]) == ("b", 1, "submissions/b")


def test_retry_delivers_again_and_purge_removes(folder: Path) -> None:
    first, second = listed(folder)
    assert queue(folder, "retry", first).exit_code == 0
    assert (listed(folder), waiting(folder)) == ([second], 1)
    assert "1" in queue(folder, "purge", "--all").stdout
    assert (listed(folder), waiting(folder)) == ([], 1)


@pytest.mark.parametrize("arguments", [("retry",), ("purge",), ("show", "99")])
def test_nothing_named_or_nothing_found_is_exit_code_2(folder: Path, arguments: tuple[str, ...]) -> None:
    assert queue(folder, *arguments).exit_code == 2
    assert len(listed(folder)) == 2
