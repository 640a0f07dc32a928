"""How the program begins and ends: one for a folder, with its children, after a crawl that is through."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.mini_site import Site, settings_for
from tests.e2e.program import Program, eventually, ngoclinh, running

SITES, ARTICLES = 4, 5


@pytest.fixture
def sites() -> Iterator[list[Site]]:
    sites = [Site(number, ARTICLES, delay_s=0.3) for number in range(SITES)]
    yield sites
    for site in sites:
        site.close()


def test_a_second_program_on_the_same_folder_is_refused_in_words(tmp_path: Path) -> None:
    config = settings_for([], tmp_path)
    with running("--config", config, "up") as program:
        for lang, words in (("vi", "đang chạy"), ("en", "already")):
            second = ngoclinh("--config", config, "--lang", lang, "up")
            assert (second.returncode, second.stdout) == (2, "")
            assert words in second.stderr
            assert str(program.pid) in second.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_with_its_children(sites: list[Site], tmp_path: Path, number: signal.Signals) -> None:
    program = Program("--config", settings_for(sites, tmp_path), "up")
    (crawler,) = eventually(lambda: program.children)
    program._process.send_signal(number)
    assert program._process.wait(40) == 0
    assert not Path(f"/proc/{crawler}").exists()
    assert "Traceback" not in "".join(program.errors)


@pytest.mark.slow
def test_crawl_once_drains_through_analysis_and_ends(sites: list[Site], tmp_path: Path) -> None:
    config = settings_for(sites[:2], tmp_path)
    done = ngoclinh("--config", config, "crawl", "--once", timeout_s=120)
    assert done.returncode == 0, done.stderr
    found = ngoclinh("--config", config, "search", "chuyện số", "--limit", "50", "--format", "json")
    assert found.returncode == 0, found.stderr
    assert f'"total_count": "{2 * ARTICLES}"' in found.stdout
    assert found.stdout.count('"sentiment": {') >= 2 * ARTICLES
