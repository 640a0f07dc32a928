"""The crawler as a process of its own: killed at random moments, it loses nothing and publishes nothing twice."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from services import crawler_process
from services.adapters.embedded.bus_sqlite import SqliteBus
from services.core.config import Settings
from tests.crawlers.support import drained
from tests.e2e.newsweb_sites import crawler_settings, newsweb, write_sources


async def start(settings: Settings, folder: Path, once: bool) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *crawler_process.command(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        env=crawler_process.environment(),
    )
    assert process.stdin
    process.stdin.write(crawler_process.job(settings, folder / "frontier.sqlite", once))
    process.stdin.close()
    return process


async def crawled(web: Any, site: str) -> None:
    """Wait until the crawler has asked a site for some pages."""
    while sum(request["site"] == site for request in web.requests) < 4:  # noqa: ASYNC110  (another process is watched)
        await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the memory fence of the process is that of Linux")
async def test_killed_and_started_again(shared: Path, tmp_path: Path) -> None:
    with newsweb(shared).NewsWeb(seed=2, speed=0, faults=False, articles=1) as web:
        write_sources(web, tmp_path / "sources")
        portal = tmp_path / "sources" / "portal.toml"
        notices, _, _ = portal.read_text(encoding="utf-8").rpartition("[[discover]]")  # the list of notices only
        portal.write_text(notices, encoding="utf-8")
        crawler = crawler_settings(web, tmp_path / "sources", sources=["portal"])
        settings = Settings(data_dir=tmp_path, crawler=crawler)
        for pause_s in (0.1, 1.3):
            process = await start(settings, tmp_path, once=True)
            await asyncio.wait_for(crawled(web, "portal"), 60)
            await asyncio.sleep(pause_s)
            process.kill()
            await process.wait()
            web.clear_log()
        process = await start(settings, tmp_path, once=True)
        assert await asyncio.wait_for(process.wait(), 120) == 0
        expected = {entry["url"] for entry in web.published(site="portal") if entry["kind"] == "notice"}
    bus = SqliteBus(tmp_path / "bus.sqlite")
    events = await drained(bus, "media.collected")
    await bus.close()
    counts = Counter(event.article.canonical_url for event in events)
    assert set(counts) == expected
    assert set(counts.values()) == {1}


async def test_a_signal_ends_it_gracefully(shared: Path, tmp_path: Path) -> None:
    with newsweb(shared).NewsWeb(seed=2, speed=0, faults=False, articles=1) as web:
        write_sources(web, tmp_path / "sources")
        settings = Settings(data_dir=tmp_path, crawler=crawler_settings(web, tmp_path / "sources", sources=["portal"]))
        process = await start(settings, tmp_path, once=False)
        await asyncio.wait_for(crawled(web, "portal"), 60)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 15) == 0
    bus = SqliteBus(tmp_path / "bus.sqlite")
    reports = await drained(bus, "source.state")
    await bus.close()
    assert reports[-1].source.name == "sources/portal"


async def test_a_wrong_source_file_ends_it_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "mau.toml").write_text("titel = 1", encoding="utf-8")
    settings = Settings(data_dir=tmp_path, crawler={"sources_dir": tmp_path / "sources"})
    process = await start(settings, tmp_path, once=True)
    assert await asyncio.wait_for(process.wait(), 60) != 0


@pytest.mark.skipif(sys.platform != "linux", reason="ending with the parent is a service of Linux")
async def test_a_crawler_whose_parent_is_gone_before_it_is_up_ends_by_itself(tmp_path: Path) -> None:
    given = json.loads(crawler_process.job(Settings(data_dir=tmp_path), tmp_path / "frontier.sqlite", False))
    process = await asyncio.create_subprocess_exec(
        *crawler_process.command(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    await asyncio.wait_for(process.communicate(json.dumps(given | {"parent": 1}).encode()), 60)
    assert process.returncode == 0
    assert not (tmp_path / "frontier.sqlite").exists()


async def test_a_crawler_that_is_told_nothing_ends_without_a_word() -> None:
    process = await asyncio.create_subprocess_exec(
        *crawler_process.command(), stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert await asyncio.wait_for(process.communicate(b""), 60) == (None, b"")
    assert process.returncode == 0
