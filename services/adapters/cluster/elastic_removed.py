"""Articles that were taken down: kept by name, and marked in every index so that nothing brings them back.

An index of its own has the names. In an index of documents each stands as a document without fields and of the highest
version, over which nothing can be written. A new index gets these marks before anything else. Who takes an article down
first writes the name and then marks every index: either the new index is seen, or its maker sees the name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.adapters.cluster.elastic_client import Client

MAPPING = {"dynamic": "strict", "properties": {}}
"""Mapping of the index of names, whose documents have no fields."""

_HIGHEST_VERSION = 2**63 - 2
_PAGE = 1000


class Removed:
    """The names of what was taken down.

    Args:
        client: of the cluster.
        index: where the names are.
    """

    def __init__(self, client: Client, index: str) -> None:
        self._client = client
        self.index = index

    async def keep(self, names: Sequence[str]) -> None:
        """Keep names durably; `names` finds them when this returns."""
        await self._write(self.index, [({"index": {"_id": name}}, {}) for name in names], refresh=True)

    async def mark(self, write_alias: str, names: Sequence[str]) -> bool:
        """Put marks into an index, in place of the articles; False where there is no such alias any more."""
        version = {"version": _HIGHEST_VERSION, "version_type": "external_gte"}
        marks = [({"index": {"_id": name, **version}}, {"removed": True}) for name in names]
        return await self._write(write_alias, marks, require_alias=True)

    async def names(self) -> list[str]:
        """All names, from one state of the index."""
        await self._client.call("indices.refresh", index=self.index)
        opened = await self._client.call("open_point_in_time", index=self.index, keep_alive="1m")
        pit = {"id": opened["id"], "keep_alive": "1m"}
        names: list[str] = []
        after: list[Any] | None = None
        while True:
            page = await self._client.call(
                "search", pit=pit, sort=["_shard_doc"], size=_PAGE, source=False, search_after=after
            )
            hits = page["hits"]["hits"]
            names += [hit["_id"] for hit in hits]
            if len(hits) < _PAGE:
                await self._client.find("close_point_in_time", id=opened["id"])
                return names
            after = hits[-1]["sort"]

    async def expunge(self, indices: Sequence[str]) -> None:
        """Let the cluster write the segments anew that still hold what was erased; it goes on after this returns."""
        if indices:
            await self._client.find(
                "indices.forcemerge",
                index=indices,
                only_expunge_deletes=True,
                wait_for_completion=False,
                ignore_unavailable=True,
            )

    async def _write(self, target: str, pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]], **how: Any) -> bool:
        for start in range(0, len(pairs), _PAGE):
            operations = [line for pair in pairs[start : start + _PAGE] for line in pair]
            answer = await self._client.call("bulk", index=target, operations=operations, **how)
            failed = [item["index"] for item in answer["items"] if item["index"]["status"] >= 300]
            if any(item["status"] == 404 for item in failed):
                return False
            if failed:
                raise self._client.unavailable(f"HTTP {failed[0]['status']}, {failed[0]['error']['type']}")
        return True
