"""Crawl the local news web through the whole product and say how well: `python tests/e2e/newsweb_report.py --seed 1`.

The last line is one JSON object. `allowed`: articles that stand on the sites at the start and that robots.txt permits;
`stored_once`: of these, how many the ledger holds exactly once; `duplicates`: records beyond the first for one of them,
by address or alternates; `disallowed_requests`, `too_fast`: counted by the news web's own log; `body_f1`: mean token F1
of the stored bodies against the truth; `title_right`, `time_right`: shares, a time is right within a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from ngoclinh.media.v1.article_pb2 import Article  # noqa: E402

from services.adapters.embedded.files import Files  # noqa: E402
from services.adapters.embedded.ledger_sqlite import SqliteLedger  # noqa: E402
from services.bootstrap import crawl_once  # noqa: E402
from services.core import config, log  # noqa: E402
from services.core.clock import to_datetime  # noqa: E402
from services.core.vietnamese import nfc  # noqa: E402
from tests.e2e.newsweb_sites import crawler_settings, newsweb, write_sources  # noqa: E402

say = functools.partial(print, flush=True)


def main() -> int:
    """Parse the options, crawl, print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", choices=["on", "off"], default="off")
    parser.add_argument("--articles", type=int, help="how many of the real articles to use; default all")
    given = parser.parse_args()
    shared = Path(os.environ.get("NGOCLINH_SHARED") or ROOT.parent / "shared")
    with tempfile.TemporaryDirectory(prefix="newsweb-") as folder:
        report = asyncio.run(crawl(shared, Path(folder), given.seed, given.faults == "on", given.articles))
    say(json.dumps(report))
    return 0


async def crawl(shared: Path, folder: Path, seed: int, faults: bool, articles: int | None) -> dict[str, Any]:
    """Crawl a news web of its own in a folder of its own; the report."""
    serve = newsweb(shared)
    with serve.NewsWeb(seed=seed, speed=0, faults=faults, articles=articles) as web:
        write_sources(web, folder / "sources")
        settings = config.load(
            _settings_file(folder, crawler_settings(web, folder / "sources")),
            environ={},
            flags={"data_dir": folder / "data"},
        )
        log.configure(settings.log_level)
        start = asyncio.get_running_loop().time()
        left = await crawl_once(settings)
        seconds = asyncio.get_running_loop().time() - start
        stored = await _stored(settings.data_dir)
        say(f"{len(stored)} records after {seconds:.0f} s, not drained: {sum(left.values())}")
        if faults:
            for verdict in web.check_faults({article.canonical_url for article in stored}):
                say(f"fault {verdict['id']}: {'ok' if verdict['ok'] else '; '.join(verdict['problems'])}")
        audit = web.audit(min_delay=settings.crawler.delay_s)
        for kind, cases in audit["violations"].items():
            say(f"audit {kind}: {cases[:5]}")
        return measure(_allowed(web), stored) | {
            "disallowed_requests": sum(
                audit["counts"].get(kind, 0) for kind in ("disallowed", "robots_5xx_host_crawled", "canary")
            ),
            "too_fast": sum(audit["counts"].get(kind, 0) for kind in ("too_fast", "parallel", "retry_after_ignored")),
        }


def measure(allowed: list[dict[str, Any]], stored: Iterable[Article]) -> dict[str, Any]:
    """Compare records with the truth.

    Args:
        allowed: truth entries.
        stored: records.
    """
    entry_of = {url: i for i, entry in enumerate(allowed) for url in (entry["url"], *entry["alternates"].values())}
    found: dict[int, list[Article]] = {}
    for article in stored:
        entry = entry_of.get(article.canonical_url, entry_of.get(article.url))
        if entry is not None:
            found.setdefault(entry, []).append(article)
    pairs = [(allowed[entry], articles[0]) for entry, articles in found.items()]
    count = max(1, len(pairs))
    return {
        "allowed": len(allowed),
        "stored_once": sum(len(articles) == 1 for articles in found.values()),
        "duplicates": sum(len(articles) - 1 for articles in found.values()),
        "body_f1": round(sum(token_f1(article.text, entry["body"]) for entry, article in pairs) / count, 4),
        "title_right": round(sum(_line(article.title) == _line(entry["title"]) for entry, article in pairs) / count, 4),
        "time_right": round(sum(_same_minute(article, entry) for entry, article in pairs) / count, 4),
    }


def token_f1(ours: str, truth: str) -> float:
    """F1 of the words of two texts, counted with repetition; 1 for two empty texts."""
    left, right = (Counter(re.findall(r"\w+", nfc(text).lower())) for text in (ours, truth))
    total = sum(left.values()) + sum(right.values())
    return 2 * sum((left & right).values()) / total if total else 1.0


def _same_minute(article: Article, entry: dict[str, Any]) -> bool:
    truth = datetime.fromisoformat(entry["published"])
    return abs((to_datetime(article.publish_time) - truth).total_seconds()) <= 60


def _line(text: str) -> str:
    return " ".join(nfc(text).split())


def _allowed(web: Any) -> list[dict[str, Any]]:
    from newsweb import audit

    rules = {
        site.key: [] if site.key == "portal" else audit.rules_for(site.robots_text(), web.token)[0]
        for site in web.sites.values()
    }
    return [
        entry
        for entry in web.published()
        if audit.allowed(entry["url"].removeprefix(web.sites[entry["site"]].base), rules[entry["site"]])
    ]


def _settings_file(folder: Path, crawler: dict[str, Any]) -> Path:
    path = folder / "ngoclinh.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in crawler.items()]
    path.write_text("\n".join(["[crawler]", *lines]) + "\n", encoding="utf-8")
    return path


async def _stored(data_dir: Path) -> list[Article]:
    ledger = SqliteLedger(Files(data_dir).ledger)
    try:
        return [article async for article in ledger.replay()]
    finally:
        await ledger.close()


if __name__ == "__main__":
    sys.exit(main())
