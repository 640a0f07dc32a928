"""Sources and alerts as documents, and a refresh that finds nobody."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.media.v1.alert_pb2 import ALERT_SEVERITY_CRITICAL, Alert
from ngoclinh.media.v1.article_pb2 import SOURCE_STATE_ACTIVE, SOURCE_STATE_PAUSED, Source

from services.adapters.cluster.elastic_companion_fields import ALERTS, SOURCES, Raised, document, mapping
from services.adapters.cluster.elastic_companions import refresh_companions
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.core.clock import to_timestamp
from services.core.errors import Unavailable
from services.core.sections.stores import ElasticsearchSettings

NOON = datetime(2026, 11, 25, 5, tzinfo=UTC)


def test_an_alert_is_told_in_words_and_waits_until_somebody_takes_care_of_it() -> None:
    alert = Alert(
        name="alerts/a",
        title="Lở đất",
        severity=ALERT_SEVERITY_CRITICAL,
        areas=["areas/2025-20938", "areas/2025-99999"],
        topics=["dat_dai", "la"],
        raise_time=to_timestamp(NOON),
    )
    made = document(ALERTS, Raised(alert, "Báo Núi"))
    assert made["area_titles"] == ["Xã Trà Leng"]
    assert made["topic_titles"] == ["Đất đai", "la"]
    assert (made["severity"], made["open"], made["raise_time"]) == ("critical", True, int(NOON.timestamp() * 1000))
    assert not {"waited_hours", "acknowledge_time", "note", "publish_time"} & made.keys()
    alert.acknowledge_time.CopyFrom(to_timestamp(NOON + timedelta(minutes=90)))
    made = document(ALERTS, Raised(alert, "Báo Núi"))
    assert (made["open"], made["waited_hours"]) == (False, 1.5)


@pytest.mark.parametrize(
    ("fields", "healthy"),
    [({"state": SOURCE_STATE_ACTIVE}, True), ({"state": SOURCE_STATE_PAUSED}, False), ({}, False)],
)
def test_a_source_is_healthy_where_it_is_polled_and_nothing_is_wrong(fields: dict[str, Any], healthy: bool) -> None:
    source = Source(name="sources/nui", **fields)
    made = document(SOURCES, source)
    assert (made["healthy"], made["title"]) == (healthy, "nui")
    assert "poll_time" not in made
    source.discoveries.add(kind="feed").problem.vi = "Bảng tin trống."
    made = document(SOURCES, source)
    assert (made["healthy"], made["problem"], made["broken_discovery_count"]) == (False, "Bảng tin trống.", 1)


def test_documents_have_no_field_beyond_the_strict_mapping() -> None:
    for columns, made in ((SOURCES, document(SOURCES, Source())), (ALERTS, document(ALERTS, Raised(Alert(), "")))):
        described = mapping(columns)
        assert described["dynamic"] == "strict"
        assert made.keys() <= described["properties"].keys()


async def test_a_refresh_without_elasticsearch_is_told_in_both_languages(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with SqliteLedger(tmp_path / "ledger") as ledger:
        with pytest.raises(Unavailable) as caught:
            await refresh_companions(ledger, ElasticsearchSettings(urls=[f"http://127.0.0.1:{port}"]))
    assert str(port) in caught.value.vi
    assert str(port) in caught.value.en
