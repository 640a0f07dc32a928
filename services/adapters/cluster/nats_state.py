"""How a NATS server is, as far as it tells a client of an ordinary account."""

from __future__ import annotations

from services.adapters.cluster.nats_link import Link
from services.adapters.cluster.nats_streams import Layout
from services.core.ports import EngineState

_SYNC = (
    "NATS: máy chủ phải chạy với jetstream {sync_interval: always}; từ phía này không kiểm tra được.",
    "NATS: the server must run with jetstream {sync_interval: always}; this cannot be told from here.",
)


async def state(link: Link, layout: Layout, address: str) -> EngineState:
    """Ask for the streams of the bus.

    Whether every write is synced stands only in the server's own monitoring, which an ordinary account does not reach.

    Args:
        link: the connection.
        layout: names of the streams.
        address: of the server, for messages.
    """
    version = link.client.connected_server_version
    release = f"{version.major}.{version.minor}.{version.patch}"
    found = [await link.jetstream.stream_info(name) for name in (layout.events, layout.quarantine)]
    size = sum(each.state.bytes for each in found)
    late = sorted(
        {
            peer.name or "?"
            for each in found
            for peer in (each.cluster.replicas if each.cluster else None) or ()
            if peer.offline or not peer.current
        }
    )
    problems = [
        (
            f"NATS: bản sao tại {name} không theo kịp hoặc đã ngừng.",
            f"NATS: the copy at {name} is behind or offline.",
        )
        for name in late
    ]
    events, copies = found[0].state.messages, found[0].config.num_replicas
    notes = [
        (
            f"NATS tại {address}, {copies} bản sao, giữ {events} sự kiện ({size >> 20} MiB).",
            f"NATS at {address}, {copies} copies, holds {events} events ({size >> 20} MiB).",
        ),
        _SYNC,
    ]
    return EngineState({"nats-server": release}, size, problems, notes)
