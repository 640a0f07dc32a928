"""Snapshots of the index in a repository of Elasticsearch, and a new generation that begins as one of them.

A snapshot is of one moment, but not of the ledger's: what is restored is compared with the ledger before it serves.
Versions of documents are those of articles (`change_number`), so that comparing takes no document.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from elasticsearch import ApiError
from ngoclinh.media.v1.article_pb2 import Article

from services.adapters.cluster.elastic_build import ElasticIndexBuild, Write
from services.adapters.cluster.elastic_client import Client
from services.adapters.cluster.elastic_indices import ALL, FILTER, UNDATED, Index, Indices
from services.core.errors import Conflict, InvalidField, NotFound
from services.core.ports import Snapshot
from services.core.sections.stores import ElasticsearchSettings

WAIT_S = 6 * 3600.0
"""Longest wait in seconds for the cluster to write or restore a snapshot."""
PAUSE_S = 0.5
"""Pause in seconds between two looks at it."""
PAGE = 1000
"""Names that are read at once."""

_PARTS = rf"({ALL}|{UNDATED}|\d{{4}}-\d\d)"


class Snapshots:
    """The snapshots of one alias.

    Args:
        client: of the cluster.
        settings: names the repository.
    """

    def __init__(self, client: Client, settings: ElasticsearchSettings) -> None:
        self._client = client
        self._settings = settings

    async def take(self, name: str, indices: Sequence[str]) -> Snapshot:
        """Write a snapshot of indices and wait for its end.

        Raises:
            InvalidField: no repository is set.
            Conflict: there is such a snapshot, or it could not be written as a whole.
        """
        repository = await self._repository()
        try:
            await self._client.call(
                "snapshot.create",
                repository=repository,
                snapshot=name,
                indices=list(indices),
                include_global_state=False,
                metadata={"alias": self._settings.alias},
            )
        except ApiError as error:
            raise _refused(error) from error
        async with asyncio.timeout(WAIT_S):
            while (made := await self.get(name)).state == "IN_PROGRESS":  # noqa: ASYNC110 - it tells only when asked
                await asyncio.sleep(PAUSE_S)
        if made.state != "SUCCESS":
            raise Conflict(
                f"Bản chụp {name} không trọn vẹn ({made.state}).", f"The snapshot {name} is not whole ({made.state})."
            )
        return made

    async def all(self) -> list[Snapshot]:
        """The snapshots of this alias, oldest first."""
        told = await self._client.call("snapshot.get", repository=await self._repository(), snapshot="*")
        of_alias = (
            each for each in told["snapshots"] if (each.get("metadata") or {}).get("alias") == self._settings.alias
        )
        return sorted(map(_snapshot, of_alias), key=lambda each: (each.time, each.name))

    async def get(self, name: str) -> Snapshot:
        """One snapshot.

        Raises:
            NotFound: there is none of this name, or it is of another alias.
        """
        for each in await self.all():
            if each.name == name:
                return each
        raise NotFound(f"snapshot {name}")

    async def bring_back(self, snapshot: Snapshot, generation: int) -> list[Index]:
        """Restore the indices of a snapshot as a generation without aliases; waits until they can be read."""
        alias = self._settings.alias
        pattern = re.compile(rf"{re.escape(alias)}-(\d+)-{_PARTS}")
        found = [match for match in map(pattern.fullmatch, snapshot.indices) if match]
        made = [Index(generation, match[2], serving=False, building=True) for match in found]
        try:
            await self._client.call(
                "snapshot.restore",
                repository=await self._repository(),
                snapshot=snapshot.name,
                indices=[match[0] for match in found],
                include_aliases=False,
                include_global_state=False,
                rename_pattern=rf"{re.escape(alias)}-(\d+)-(.+)",
                rename_replacement=f"{alias}-{generation}-$2",
                index_settings={"index.number_of_replicas": self._settings.replicas},
            )
        except ApiError as error:
            raise _refused(error) from error
        names = [index.name(alias) for index in made]
        async with asyncio.timeout(WAIT_S):
            while (await self._client.call("cluster.health", index=names))["status"] == "red":  # noqa: ASYNC110
                await asyncio.sleep(PAUSE_S)
        return made

    async def _repository(self) -> str:
        """The name of the repository; a folder that the settings name is made one."""
        name, folder = self._settings.snapshot_repository, self._settings.snapshot_folder
        if not name:
            raise InvalidField(
                "elasticsearch.snapshot_repository",
                "chưa đặt nơi chứa bản chụp",
                "no repository for snapshots is set",
            )
        if folder:
            body = {"type": "fs", "settings": {"location": folder}}
            try:
                await self._client.call("snapshot.create_repository", name=name, repository=body)
            except ApiError as error:
                raise _refused(error) from error
        return name


class ElasticIndexRestore(ElasticIndexBuild):
    """The port `IndexRestore`: a generation that begins as a snapshot instead of empty.

    Args:
        client: of the cluster.
        indices: what is behind the alias.
        write: puts articles.
        snapshots: of the alias.
        name: of the snapshot.
    """

    def __init__(self, client: Client, indices: Indices, write: Write, snapshots: Snapshots, name: str) -> None:
        super().__init__(client, indices, write, single=False)
        self._snapshots = snapshots
        self._name = name

    async def _start(self) -> None:
        """Restore, and let the new generation know what was taken down."""
        snapshot = await self._snapshots.get(self._name)
        made = await self._snapshots.bring_back(snapshot, self._generation)
        self._single = any(index.part == ALL for index in made)
        for index in made:
            alias = self._indices.write_alias(index.part, self._generation)
            added = {"index": index.name(self._indices.alias), "alias": alias, "is_write_index": True}
            await self._client.call("indices.update_aliases", actions=[{"add": added}])
            self._aliases.add(alias)
            await self._indices.removed.mark(alias, await self._indices.removed.names())
        if not made:
            await self._begin(UNDATED)

    async def names(self) -> AsyncIterator[list[str]]:
        """The names of the articles that are in it, some at a time."""
        target = self._all()
        await self._client.call("indices.refresh", index=target)
        opened = await self._client.call("open_point_in_time", index=target, keep_alive="5m")
        after: list[Any] | None = None
        while True:
            page = await self._client.call(
                "search",
                pit={"id": opened["id"], "keep_alive": "5m"},
                query=FILTER,
                sort=["_shard_doc"],
                size=PAGE,
                source=False,
                search_after=after,
            )
            hits = page["hits"]["hits"]
            if hits:
                yield [hit["_id"] for hit in hits]
            if len(hits) < PAGE:
                await self._client.find("close_point_in_time", id=opened["id"])
                return
            after = hits[-1]["sort"]

    async def forget(self, names: Sequence[str]) -> None:
        """Remove articles from it; they may be put again."""
        query = {"ids": {"values": list(names)}}
        found = await self._client.call("search", index=self._all(), query=query, size=len(names), source=False)
        operations = [{"delete": {"_index": hit["_index"], "_id": hit["_id"]}} for hit in found["hits"]["hits"]]
        if operations:
            await self._client.call("bulk", operations=operations, refresh=True)

    async def behind(self, articles: Sequence[Article]) -> list[Article]:
        """Those that it does not hold in this state or a later one."""
        times = [
            one.first_collect_time.ToMicroseconds() if one.HasField("first_collect_time") else 0 for one in articles
        ]
        aliases = [self._alias(time) for time in times]
        asked = [
            {"_index": alias, "_id": one.name}
            for one, alias in zip(articles, aliases, strict=True)
            if alias in self._aliases
        ]
        known: dict[str, int] = {}
        if asked:
            told = await self._client.call("mget", docs=asked, source=False)
            known = {each["_id"]: each["_version"] for each in told["docs"] if each.get("found")}
        return [one for one in articles if known.get(one.name, -1) < one.change_number]

    def _all(self) -> str:
        """Every index of the new generation."""
        return f"{self._indices.alias}-{self._generation}-*"


def _snapshot(told: dict[str, Any]) -> Snapshot:
    moment = datetime.fromtimestamp(told["start_time_in_millis"] / 1000, UTC)
    return Snapshot(told["snapshot"], moment, told["state"], tuple(told["indices"]))


def _refused(error: ApiError) -> Conflict:
    told = error.body.get("error") if isinstance(error.body, dict) else None
    why = told["reason"] if isinstance(told, dict) and "reason" in told else error.message
    return Conflict(f"Elasticsearch không làm được bản chụp: {why}.", f"Elasticsearch refuses the snapshot: {why}.")
