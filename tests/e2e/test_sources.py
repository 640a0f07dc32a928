"""A source is added, run, paused and let go on while the product runs; what was set outlives a restart."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.mini_site import Site, settings_for
from tests.e2e.program import Program, eventually, running


def waiting(program: Program) -> str:
    """Commands that the crawler has not obeyed yet."""
    queues = program.get("/v1/health")["queues"]
    return str(next(each["waiting_count"] for each in queues if each["name"] == "source.command/crawler"))


def test_a_source_by_form_is_crawled_and_its_pause_outlives_a_restart(tmp_path: Path) -> None:
    old, new = Site(1, articles=1), Site(2, articles=1)
    file = settings_for([old, new], tmp_path)
    (tmp_path / "sources" / "mini2.toml").unlink()
    definition = {
        "title": "Mới",
        "home_url": new.home,
        "feeds": ["/rss.xml"],
        "tier": "local",
        "licence_note": "Invented for tests.",
    }
    with running("--config", file, "up") as program:
        eventually(lambda: len(program.get("/v1/sources")["sources"]) == 1)
        wrong = {"source_id": "moi", "definition": definition | {"feeds": ["/khong-co.xml"]}}
        answer = program.ask("/v1/sources", "POST", wrong)
        assert answer.reason == "FETCH_FAILED"
        assert "404" in answer.json["error"]["message"]
        answer = program.ask("/v1/sources", "POST", {"source_id": "moi", "definition": definition})
        assert answer.status == 200, answer.body
        assert [(check["kind"], check["ok"]) for check in answer.json["checks"]] == [
            ("robots", True), ("feed", True), ("article", True)
        ]  # fmt: skip
        eventually(
            lambda: [each["source"] for each in program.get("/v1/articles")["articles"]].count("sources/moi") == 1
        )
        polls = new.requests["/rss.xml"]
        assert program.ask("/v1/sources/moi:run", "POST", {}).status == 200
        eventually(lambda: new.requests["/rss.xml"] > polls)
        paused = program.ask("/v1/sources/moi?update_mask=state", "PATCH", {"state": "SOURCE_STATE_PAUSED"})
        assert paused.json["state"] == "SOURCE_STATE_PAUSED"
        eventually(lambda: waiting(program) == "0")
    assert (tmp_path / "sources" / "moi.toml").is_file()
    with running("--config", file, "up") as program:
        eventually(lambda: program.get("/v1/sources/moi")["poll_time"])
        assert program.get("/v1/sources/moi")["state"] == "SOURCE_STATE_PAUSED"
        assert program.ask("/v1/sources/moi:run", "POST", {}).reason == "CONFLICT"
        going = program.ask("/v1/sources/moi", "PATCH", {"state": "SOURCE_STATE_ACTIVE"})
        assert going.json["state"] == "SOURCE_STATE_ACTIVE"
    for site in (old, new):
        site.close()
