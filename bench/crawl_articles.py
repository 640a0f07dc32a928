"""Articles per CPU second, fetched to stored, against a bare Scrapy + trafilatura spider on the same five press sites.

Ours discovers the articles by itself, politely, masks, fingerprints, and stores durably (spool, then ledger); the spider is
given their addresses and writes JSON lines. Only the CPU of the crawling process counts, not that of the news web. The
development data must lie beside the checkout (`../shared`, or NGOCLINH_SHARED).
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.harness import Peer, compare, quick
from services.adapters.embedded.bus_sqlite import SqliteBus
from services.adapters.embedded.files import Files
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.core import config, log
from tests.e2e.newsweb_report import ROOT, token_f1
from tests.e2e.newsweb_sites import crawler_settings, newsweb, write_sources

PRESS = ("vcc", "epi", "grid", "vne", "wp")
GOAL = 0.8


def main() -> None:
    """Measure: the roles `ours` and `peer` are this file again, as processes of their own."""
    if len(sys.argv) > 2 and sys.argv[1] in ROLES:
        ROLES[sys.argv[1]](Path(sys.argv[2]))
        return
    few = quick(__doc__ or "")
    shared = Path(os.environ.get("NGOCLINH_SHARED") or ROOT.parent / "shared")
    if not shared.is_dir():
        sys.exit("the development data (../shared or NGOCLINH_SHARED) are not here")
    serve = newsweb(shared)
    with (
        serve.NewsWeb(seed=1, speed=0, faults=False, articles=60 if few else 300) as web,
        tempfile.TemporaryDirectory() as top,
    ):
        allowed = [entry for entry in web.published() if entry["site"] in PRESS]
        folder = Path(top)
        (folder / "job.json").write_text(
            json.dumps(
                {"settings": crawler_settings(web, folder / "sources"), "urls": [entry["url"] for entry in allowed]}
            )
        )
        write_sources(web, folder / "sources")
        for file in (folder / "sources").iterdir():
            if file.stem not in PRESS:
                file.unlink()
        found: dict[str, dict[str, Any]] = {}

        def run(role: str) -> int:
            with tempfile.TemporaryDirectory(dir=folder) as own:
                subprocess.run([sys.executable, "-m", "bench.crawl_articles", role, own], check=True, cwd=ROOT)
                rows = [json.loads(line) for line in (Path(own) / "out.jsonl").read_text("utf-8").splitlines()]
            found[role] = scores(allowed, rows)
            return int(found[role]["stored"])

        compare(
            "crawl_articles",
            ours=lambda: run("ours"),
            peer=lambda: run("peer"),
            peer_named=Peer("Scrapy + trafilatura, JSON lines", f"{version('scrapy')} + {version('trafilatura')}"),
            count=len(allowed),
            unit="articles/cpu_s",
            goal=GOAL,
            rounds=1 if few else 3,
            same=lambda ours, peer: ours == peer and found["ours"]["body_f1"] >= found["peer"]["body_f1"],
            extra={"scores": found},
        )


def scores(allowed: list[dict[str, Any]], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many articles, and how right their titles, times and bodies are."""
    by_url = {row["url"]: row for row in rows}
    pairs = [(entry, by_url[entry["url"]]) for entry in allowed if entry["url"] in by_url]
    count = max(1, len(pairs))
    return {
        "stored": len(pairs),
        "body_f1": round(sum(token_f1(row["body"], entry["body"]) for entry, row in pairs) / count, 4),
        "title_right": round(sum(row["title"] == entry["title"] for entry, row in pairs) / count, 4),
        "time_right": round(sum(_near(row["time"], entry["published"]) for entry, row in pairs) / count, 4),
    }


def _near(ours: str, truth: str) -> bool:
    if not ours:
        return False
    moment, wanted = datetime.fromisoformat(ours), datetime.fromisoformat(truth)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=wanted.tzinfo)
    return abs((moment - wanted).total_seconds()) <= 60


def ours(folder: Path) -> None:
    """Crawl once into the spool, then keep everything in the ledger."""
    from crawlers import run

    job = json.loads((folder.parent / "job.json").read_text("utf-8"))
    flags = {f"crawler.{key}": value for key, value in job["settings"].items()} | {"data_dir": folder}
    settings = config.load(environ={}, flags=flags)
    log.configure("error")
    files = Files(folder)
    run.main(settings, SqliteBus(files.bus), files.frontier, True)
    rows = asyncio.run(_kept(files))
    (folder / "out.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


async def _kept(files: Files) -> list[dict[str, str]]:
    bus, ledger = SqliteBus(files.bus), SqliteLedger(files.ledger)
    place = ("media.collected", "ledger")
    deliveries = bus.consume(*place)
    while (await bus.depth())[place]:
        delivery = await anext(deliveries)
        await ledger.record_collected(delivery.event)  # type: ignore[arg-type]  # of this subject
        await delivery.ack()
    rows = [
        {
            "url": article.canonical_url,
            "title": article.title,
            "body": article.text,
            "time": article.publish_time.ToDatetime().isoformat() + "+00:00",
        }
        async for article in ledger.replay()
    ]
    await bus.close()
    await ledger.close()
    return rows


def peer(folder: Path) -> None:
    """What one would write in an afternoon."""
    import scrapy
    import trafilatura
    from scrapy.crawler import CrawlerProcess

    urls = json.loads((folder.parent / "job.json").read_text("utf-8"))["urls"]
    out = (folder / "out.jsonl").open("w", encoding="utf-8")

    class Bare(scrapy.Spider):
        name = "bare"

        async def start(self) -> Any:
            for url in urls:
                yield scrapy.Request(url)

        def parse(self, response: Any) -> None:
            document = trafilatura.bare_extraction(response.text, url=response.url, with_metadata=True)
            row = {
                "url": response.url,
                "title": document.title or "",
                "body": document.text or "",
                "time": document.date or "",
            }
            out.write(json.dumps(row, ensure_ascii=False) + "\n")

    process = CrawlerProcess({"LOG_ENABLED": False, "TELNETCONSOLE_ENABLED": False})
    process.crawl(Bare)
    process.start()
    out.close()


ROLES = {"ours": ours, "peer": peer}

if __name__ == "__main__":
    main()
