"""`ngoclinh queue` over a real bus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from ngoclinh.media.v1.event_pb2 import SubmissionFailed
from typer.testing import CliRunner, Result

from services.cli import app
from services.core import config
from services.core.ports import Bus
from services.stores import open_store
from tests.contracts.bus import GROUP, SUBJECT, take
from tests.contracts.nats_places import new_place, settings_of
from tests.engines.base import free_port

T = TypeVar("T")


@pytest.fixture(params=["embedded", pytest.param("cluster", marks=pytest.mark.cluster)])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with settings, whose bus holds two events that were set aside."""
    lines = [f'data_dir = "{tmp_path / "data"}"', f'stores.bus = "{request.param}"']
    if request.param == "cluster":
        nats = settings_of(new_place(request.getfixturevalue("nats")))
        lines += ["[nats]", f'urls = ["{nats.urls[0]}"]', f'prefix = "{nats.prefix}"']
    (tmp_path / "ngoclinh.toml").write_text("\n".join(lines), encoding="utf-8")

    async def fill(bus: Bus) -> None:
        for key in ("a", "b"):
            await bus.publish(SUBJECT, SubmissionFailed(submission=f"submissions/{key}"), key)
            await (await take(bus)).quarantine(f"hỏng {key}\nở dòng hai")

    on_bus(tmp_path, fill)
    return tmp_path


def on_bus(folder: Path, work: Callable[[Bus], Awaitable[T]]) -> T:
    """Work on the bus of the settings in a folder."""

    async def job() -> T:
        bus = open_store(config.load(folder / "ngoclinh.toml", environ={}), "bus")
        try:
            return await work(bus)
        finally:
            await bus.close()

    return asyncio.run(job())


def queue(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--config", str(folder / "ngoclinh.toml"), "--lang", "vi", "queue", *arguments])


def listed(folder: Path) -> list[str]:
    return [item["id"] for item in json.loads(queue(folder, "list", "--format", "json").stdout)]


def waiting(folder: Path) -> int:
    async def count(bus: Bus) -> int:
        return (await bus.depth())[SUBJECT, GROUP]

    return on_bus(folder, count)


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


def test_a_bus_that_does_not_answer_is_exit_code_2_with_its_address(tmp_path: Path) -> None:
    port = free_port()
    settings = f'stores.bus = "cluster"\n[nats]\nurls = ["nats://127.0.0.1:{port}"]\n'
    (tmp_path / "ngoclinh.toml").write_text(settings, encoding="utf-8")
    result = queue(tmp_path, "list")
    assert result.exit_code == 2
    assert f"nats://127.0.0.1:{port} không trả lời" in result.stderr
