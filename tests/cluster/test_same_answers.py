"""The same web and the same sheet give the same answers in both modes, and again from a new index."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gis.synthetic import nam_tra_my_sheet
from tests.cluster.places import Place, in_cluster
from tests.e2e.newsweb_sites import crawler_settings, newsweb, write_sources
from tests.e2e.program import Program, eventually
from tests.engines import Elastic, Nats, Postgres

pytestmark = pytest.mark.cluster

RANGE = "time_range.start_time=2021-01-01T00:00:00Z&time_range.end_time=2026-12-31T00:00:00Z"
QUERIES = ("sat lo", "đường", '"Trà Leng"', "đất đai", "TRÀ MY", "sâm Ngọc Linh", "truong hoc", "kinh te")
RULE = {
    "title": "Đất đai",
    "condition": {"topics": ["dat_dai"]},
    "window": "2592000s",
    "cooldown": "0s",
}
OF_THE_RUN = frozenset(
    [
        "collect_time",
        "first_collect_time",
        "change_number",
        "analyze_time",
        "revision",
        "fetch",
        "story",
        "duplicate_of",
        "url",
        "author_names",
        "import",
        "create_time",
        "newest_import_time",
    ]
)
"""What differs from crawl to crawl in either mode: when and in which order it came by, so which of two copies came first
and whether a post was read in a feed or on its page; pseudonyms, which are those of an installation; the import."""
Answers = dict[str, Any]


def pages(program: Program, path: str, field: str) -> list[Any]:
    """Every row of a list."""
    rows, token = [], ""
    while True:
        answer = program.get(f"{path}{'&' if '?' in path else '?'}page_size=200&page_token={token}")
        rows += answer[field]
        token = answer["next_page_token"]
        if not token:
            return rows


def answers(program: Program) -> Answers:
    """What a program says about everything, in an order that does not hang on the moment of the crawl."""
    situation = program.get(f"/v1/situation?{RANGE}")
    for row in situation["areas"]:
        row["mentioned_parcels"].sort(key=lambda one: (one["commune"], one["sheet"], one["number"]))
    found = {
        f"search {query}": pages(program, f"/v1/articles?filter.query={quote(query)}", "articles") for query in QUERIES
    }
    articles = sorted(pages(program, "/v1/articles", "articles"), key=lambda one: str(one["name"]))
    dated = {one["name"] for one in articles if one["publish_time_precision"] != "TIME_PRECISION_FIRST_SEEN"}
    alerts = pages(program, "/v1/alerts", "alerts")
    return {
        "situation": situation["areas"],
        "articles": articles,
        "parcels": pages(program, "/v1/parcels", "parcels"),
        "findings": pages(program, "/v1/findings", "findings"),
        "alerts": sorted((one["rule_title"], one["article"]) for one in alerts),
        **{key: [one["name"] for one in value if one["name"] in dated] for key, value in found.items()},
        **{f"{key}, all": sorted(one["name"] for one in value) for key, value in found.items()},
    }


def fill(program: Program, sheet: bytes) -> None:
    """Import the sheet."""
    kind = {"Content-Type": "application/octet-stream"}
    name = program.ask("/v1/imports:upload?file_name=to.geojson&options.edition=2004", "POST", sheet, kind).json["name"]
    eventually(lambda: program.get(f"/v1/{name}")["state"] == "IMPORT_STATE_COMMITTED", 120)


CALM_S = 20.0
"""Seconds without a new article after which a crawl is over: of the pages of one host one comes every two seconds."""


def settle(program: Program, least: int) -> None:
    """Wait until nothing comes any more, everything has its analysis and nothing waits."""
    seen, since = 0, time.monotonic()

    def settled() -> bool:
        nonlocal seen, since
        articles = pages(program, "/v1/articles", "articles")
        if len(articles) != seen:
            seen, since = len(articles), time.monotonic()
        if seen < least or time.monotonic() - since < CALM_S or not all(one.get("analysis") for one in articles):
            return False
        return not any(int(queue["waiting_count"]) for queue in program.get("/v1/health")["queues"])

    eventually(settled, 240, 1)


@contextlib.contextmanager
def started(config: Path, sheet: bytes) -> Iterator[Program]:
    """A program with the rule and the sheet, which has begun to crawl."""
    program = Program("--config", config, "up")
    try:
        assert program.ask("/v1/alertRules", "POST", RULE).status == 200
        fill(program, sheet)
        yield program
    finally:
        assert program.terminate() == 0


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_both_modes_give_the_same_answers_and_a_new_index_gives_them_again(
    shared: Path, nats: Nats, postgres: Postgres, elastic: Elastic, tmp_path: Path
) -> None:
    place = Place.on(nats, postgres, elastic)
    sheet = json.dumps(nam_tra_my_sheet().geojson()).encode()
    with newsweb(shared).NewsWeb(seed=5, speed=0, faults=False, articles=1) as web:
        write_sources(web, tmp_path / "sources")
        embedded = settings_file(tmp_path, crawler_settings(web, tmp_path / "sources"))
        cluster = in_cluster(embedded, place)
        said = crawled({"embedded": embedded, "cluster": cluster}, sheet, len(web.published()) // 2)
    differing(said["embedded"], said["cluster"], OF_THE_RUN)
    figures = [
        (int(one["media"]["article_count"]), int(one["land"]["parcel_count"])) for one in said["cluster"]["situation"]
    ]
    assert any(articles and parcels for articles, parcels in figures), f"no commune has both halves: {figures}"
    place.throw_away()
    quiet = cluster.with_name("quiet.toml")
    quiet.write_text(cluster.read_text().replace("[crawler]", "[crawler]\nenabled = false"), encoding="utf-8")
    program = Program("--config", quiet, "up")
    try:
        eventually(lambda: len(pages(program, "/v1/articles", "articles")) == len(said["cluster"]["articles"]), 60)
        differing(said["cluster"], answers(program), frozenset())
    finally:
        program.terminate()


def crawled(configs: dict[str, Path], sheet: bytes, least: int) -> dict[str, Answers]:
    """What several programs say, each after a crawl of its own; they crawl at once."""

    def run(config: Path) -> Answers:
        with started(config, sheet) as program:
            settle(program, least)
            return answers(program)

    with ThreadPoolExecutor() as threads:
        return dict(zip(configs, threads.map(run, configs.values()), strict=True))


def differing(one: Answers, other: Answers, left_out: frozenset[str]) -> None:
    """Fail with the first things that two programs say differently."""
    apart = list(differences(one, other, left_out))
    assert not apart, f"{len(apart)} differences:\n" + "\n".join(apart[:20])
    assert all(one[key] for key in one if key != "alerts"), "an empty answer shows nothing"


def differences(left: Any, right: Any, left_out: frozenset[str], place: str = "") -> Iterator[str]:
    """Where two JSON values differ, at any depth; sums of many numbers may differ by the order of summing."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted((left.keys() | right.keys()) - left_out):
            yield from differences(left.get(key), right.get(key), left_out, f"{place}/{key}")
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, pair in enumerate(zip(left, right, strict=True)):
            yield from differences(*pair, left_out, f"{place}/{number}")
    elif isinstance(left, float) and isinstance(right, float) and math.isclose(left, right, rel_tol=1e-12):
        return
    elif left != right:
        yield f"{place}: {left!r:.200} and {right!r:.200}"


def settings_file(folder: Path, crawler: dict[str, Any]) -> Path:
    """Settings of the embedded mode that crawl the news web."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in crawler.items()]
    file = folder / "ngoclinh.toml"
    file.write_text(
        f'data_dir = "{folder}/data"\nlog_level = "warning"\n[gateway]\nport = 0\n[grpc]\nport = 0\n[crawler]\n'
        + "\n".join(lines)
        + "\n",
        encoding="utf-8",
    )
    return file
