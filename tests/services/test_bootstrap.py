"""How the program is put together, and how it ends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.area.v1.area_service_pb2 import GetWatchAreaRequest
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub
from ngoclinh.sentiment.v1.sentiment_service_pb2 import AnalyzeTextRequest, Model, Text, TextAnalysis
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

from services import bootstrap, parts
from services.core import config
from services.core.config import Settings
from services.core.errors import Conflict, InvalidField
from services.core.observation import Observations
from services.core.ports import SUBJECTS
from services.rpc import methods
from services.supervisor import is_locked


def settings_for(folder: Path, **flags: Any) -> Settings:
    given = {"data_dir": folder, "gateway.port": 0, "grpc.port": 0, "crawler.enabled": False} | flags
    return config.load(environ={}, flags=given)


class Parrot:
    """A classifier that says the title."""

    def card(self) -> Model:
        return Model(name="parrot")

    def classify(self, texts: list[Text]) -> list[TextAnalysis]:
        return [TextAnalysis(model=text.title) for text in texts]


async def test_a_fake_stands_in_by_its_name(tmp_path: Path) -> None:
    async with bootstrap.running(settings_for(tmp_path), doors=False, classifier=Parrot()) as program:
        answer = await SentimentServiceStub(program.channel).AnalyzeText(AnalyzeTextRequest(text=Text(title="hello")))
        assert answer.analysis.model == "hello"


async def test_every_declared_service_and_every_group_of_the_bus_has_its_part(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    async with bootstrap.running(settings, doors=False) as program:
        services = parts.Services.over(settings, program.stores, program.channel, bootstrap.utc_now, Observations())
        assert set(services.by_name) == {service.full_name for service in methods.services()}
        groups = {(subject, group) for subject, groups in SUBJECTS.items() for group in groups}
        handled = parts.handlers(settings, program.stores, services, program.channel, bootstrap.utc_now)
        assert set(handled) | {("source.command", "crawler")} == groups
        await services.close()


async def test_commands_reach_the_program_that_runs_or_run_the_services_themselves(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / ("long" * 40))
    request = GetWatchAreaRequest(name="watchAreas/nam-tra-my")
    async with bootstrap.running(settings), bootstrap.reach(settings) as channel:
        assert len((await AreaServiceStub(channel).GetWatchArea(request)).areas) == 5
    assert not is_locked(settings.data_dir / "lock")
    async with bootstrap.reach(settings) as channel:
        assert len((await AreaServiceStub(channel).GetWatchArea(request)).areas) == 5


async def test_what_a_killed_program_left_in_the_folder_for_temporary_files_is_removed(tmp_path: Path) -> None:
    command = ["--data-dir", str(tmp_path), "up", "--port", "0", "--grpc-port", "0", "--no-crawl"]
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from services.cli import app; app()", *command, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    async with asyncio.timeout(60):
        while not (await program.stdout.readline()).startswith(b"ready"):
            assert program.returncode is None
    left = (tmp_path / "socket").readlink().parent
    program.kill()
    await program.wait()
    assert left.is_dir()
    async with bootstrap.running(settings_for(tmp_path), doors=False):
        assert not left.exists()
        fresh = (tmp_path / "socket").readlink().parent
        assert fresh.is_dir()
    assert not fresh.exists()


async def test_what_was_started_is_stopped_when_a_port_is_taken(tmp_path: Path) -> None:
    async with bootstrap.running(settings_for(tmp_path / "a")) as program:
        port = int(program.url.rsplit(":", 1)[1])
        second = settings_for(tmp_path / "b", **{"gateway.port": port})
        with pytest.raises(Conflict, match=str(port)):
            async with bootstrap.running(second):
                pass
        assert not is_locked(second.data_dir / "lock")


@pytest.mark.parametrize("key", ["gateway.host", "grpc.host"])
async def test_nothing_listens_beyond_this_machine_unasked(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidField):
        async with bootstrap.running(settings_for(tmp_path, **{key: "0.0.0.0"})):
            pass


async def test_a_worker_that_fails_ends_the_program_as_the_fault_that_it_is(tmp_path: Path) -> None:
    async def broken() -> None:
        raise RuntimeError("worker")

    async with bootstrap.running(settings_for(tmp_path), doors=False) as program:
        program.tasks = (*program.tasks, asyncio.create_task(broken()))
        with pytest.raises(RuntimeError, match="worker"):
            await asyncio.wait_for(program.until(asyncio.Event()), 60)


class Depths:
    """A bus of which only the depth matters."""

    def __init__(self, *depths: Mapping[tuple[str, str], int]) -> None:
        self._depths = list(depths)

    async def depth(self) -> Mapping[tuple[str, str], int]:
        return self._depths.pop(0) if len(self._depths) > 1 else self._depths[0]


async def test_a_drain_ends_when_nothing_is_left_or_nothing_moves() -> None:
    key, crawler = ("media.collected", "ledger"), ("source.command", "crawler")
    moving = Depths({key: 3}, {key: 2}, {key: 1, crawler: 4}, {key: 0, crawler: 4})
    assert await bootstrap.drain(moving, stalled_s=5) == {}  # type: ignore[arg-type]
    stuck = Depths({key: 3}, {key: 2})
    assert await bootstrap.drain(stuck, stalled_s=0.3) == {key: 2}  # type: ignore[arg-type]
