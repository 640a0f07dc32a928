"""How a NATS server is: what it tells a client, and whether it syncs every write, which stands in its monitoring only."""

from __future__ import annotations

import asyncio
import json
import urllib.request

from nats.js.api import StreamInfo

from services.adapters.cluster.nats_link import ATTEMPT_S, Link
from services.adapters.cluster.nats_streams import Layout
from services.core.ports import EngineState

Told = tuple[str, str]
"""In Vietnamese and in English."""

UNKNOWN: Told = (
    "NATS: máy chủ phải chạy với jetstream {sync_interval: always}; muốn kiểm tra, hãy đặt nats.monitoring_url.",
    "NATS: the server must run with jetstream {sync_interval: always}; set nats.monitoring_url to have it checked.",
)
UNSAFE: Told = (
    "NATS: jetstream không có sync_interval: always, mất điện có thể mất sự kiện đã xác nhận.",
    "NATS: jetstream is without sync_interval: always, a crash may lose acknowledged events.",
)


async def state(link: Link, layout: Layout, address: str, monitoring_url: str = "") -> EngineState:
    """Ask the server.

    Args:
        link: the connection.
        layout: names of the streams.
        address: of the server, for messages.
        monitoring_url: of its monitoring; empty where it is not to be asked.
    """
    version = link.client.connected_server_version
    release = f"{version.major}.{version.minor}.{version.patch}"
    found = [await link.jetstream.stream_info(name) for name in (layout.events, layout.quarantine)]
    size = sum(each.state.bytes for each in found)
    events, copies = found[0].state.messages, found[0].config.num_replicas
    problems = _late(found)
    notes = [
        (
            f"NATS tại {address}, {copies} bản sao, giữ {events} sự kiện ({size >> 20} MiB).",
            f"NATS at {address}, {copies} copies, holds {events} events ({size >> 20} MiB).",
        )
    ]
    if not monitoring_url:
        notes.append(UNKNOWN)
    else:
        problems += await asyncio.to_thread(_sync, monitoring_url)
    return EngineState({"nats-server": release}, size, problems, notes)


def _late(streams: list[StreamInfo]) -> list[Told]:
    """Copies that do not keep up."""
    peers = [peer for each in streams for peer in (each.cluster.replicas if each.cluster else None) or ()]
    names = sorted({peer.name or "?" for peer in peers if peer.offline or not peer.current})
    return [
        (f"NATS: bản sao tại {name} không theo kịp hoặc đã ngừng.", f"NATS: the copy at {name} is behind or offline.")
        for name in names
    ]


def _sync(url: str) -> list[Told]:
    """What is wrong with how writes are synced."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/jsz?config=1", timeout=ATTEMPT_S) as answer:  # noqa: S310
            configured = json.load(answer).get("config") or {}
    except (OSError, ValueError) as error:
        return [
            (
                f"NATS: nats.monitoring_url không trả lời: {error}.",
                f"NATS: nats.monitoring_url does not answer: {error}.",
            )
        ]
    return [] if configured.get("sync_always") else [UNSAFE]
