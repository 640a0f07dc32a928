"""One grep follows an article from the crawler, a process of its own, to the index."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.mini_site import Site, settings_for
from tests.e2e.program import eventually, running


def test_the_id_of_an_article_is_in_every_line_about_it(tmp_path: Path) -> None:
    config = settings_for([Site(1, 2)], tmp_path)
    with running("--config", config, "up") as program:
        found = eventually(
            lambda: [
                each
                for each in program.get("/v1/articles")["articles"]
                if (each.get("analysis") or {}).get("analyze_time")
            ],
            60,
        )
        metrics = program.ask("/metrics").body.decode()
        assert program.terminate() == 0
    assert 'ngoclinh_events_total{outcome="done",subject="media.analyzed"}' in metrics
    id_ = found[0]["name"].rpartition("/")[2]
    lines = [json.loads(line) for line in "".join(program.errors).splitlines() if f'"{id_}"' in line]
    way = {line.get("subject") or line.get("method") or line["event"] for line in lines}
    assert way >= {
        "collected",
        "media.collected",
        "media.recorded",
        "/ngoclinh.sentiment.v1.SentimentService/AnalyzeText",
        "media.analyzed",
    }
