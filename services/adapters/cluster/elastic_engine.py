"""How Elasticsearch is, as far as the index of articles is concerned."""

from __future__ import annotations

from services.adapters.cluster.elastic_client import Client
from services.core.ports import EngineState


async def engine_state(client: Client, alias: str) -> EngineState:
    """Versions of the nodes, bytes of the indices behind the alias, and what is wrong with their shards.

    Raises:
        Unavailable: no node answers.
    """
    nodes = (await client.call("nodes.info", filter_path="nodes.*.version"))["nodes"]
    versions = sorted({node["version"] for node in nodes.values()})
    stats = await client.find("indices.stats", index=alias, metric="store")
    notes, problems = [], []
    if stats is None:
        notes.append(("Chưa có chỉ mục nào.", "There is no index yet."))
        size = 0
    else:
        size = int(stats["_all"]["total"]["store"]["size_in_bytes"])
        health = await client.call("cluster.health", index=alias)
        if health["status"] == "red":
            problems.append(
                (
                    "Một phần chỉ mục không trả lời; nếu không tự hồi phục, hãy chạy: ngoclinh index rebuild",
                    "A part of the index does not answer; if it does not recover, run: ngoclinh index rebuild",
                )
            )
        elif health["status"] == "yellow":
            missing = health["unassigned_shards"]
            notes.append((f"Thiếu {missing} bản sao của chỉ mục.", f"Copies of the index that are missing: {missing}."))
    return EngineState({"elasticsearch": ", ".join(versions)}, size, problems, notes)
