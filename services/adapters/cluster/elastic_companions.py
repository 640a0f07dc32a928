"""Sources and alerts in Elasticsearch, so that analysts see them beside the articles: mirrors of what the ledger holds.

Each lies in an index of its own, named after the alias of the articles. They hold nothing of their own: thrown away, the
next refresh makes them again.
"""

from __future__ import annotations

from ngoclinh.media.v1.alert_pb2 import Alert
from ngoclinh.media.v1.alert_service_pb2 import AlertFilter

from services.adapters.cluster.elastic_client import Client
from services.adapters.cluster.elastic_companion_fields import ALERTS, SOURCES, Raised, document, index_name, mapping
from services.adapters.cluster.elastic_mirror import Mirror
from services.core.ports import Ledger
from services.core.sections.stores import ElasticsearchSettings

PAGE = 200
"""Alerts asked of the ledger at once."""


async def refresh_companions(ledger: Ledger, settings: ElasticsearchSettings) -> int:
    """Make the mirrors equal to the ledger; returns how many documents were written or removed.

    Nothing is written where nothing changed, so it may be called often.

    Args:
        ledger: what is true.
        settings: where Elasticsearch is; the mirrors are named after its alias.

    Raises:
        Unavailable: Elasticsearch or the ledger does not answer; call again later.
    """
    sources = await ledger.sources()
    titles = {source.name: source.title for source in sources if source.title}
    raised = [
        Raised(one, titles.get(one.source) or one.source.removeprefix("sources/")) for one in await _alerts(ledger)
    ]
    client = Client(settings)
    try:
        kept = Mirror(client, index_name(settings.alias, "sources"), mapping(SOURCES), settings.replicas)
        changed = await kept.equal({one.name: document(SOURCES, one) for one in sources})
        kept = Mirror(client, index_name(settings.alias, "alerts"), mapping(ALERTS), settings.replicas)
        return changed + await kept.equal({one.alert.name: document(ALERTS, one) for one in raised})
    finally:
        await client.close()


async def _alerts(ledger: Ledger) -> list[Alert]:
    """All alerts of the ledger."""
    found: list[Alert] = []
    key: list[object] | None = None
    while True:
        page = await ledger.alerts(AlertFilter(), PAGE, key)
        found += page.alerts
        if page.next_key is None:
            return found
        key = page.next_key
