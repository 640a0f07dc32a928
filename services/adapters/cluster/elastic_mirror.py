"""A small index that is kept equal to documents which are known as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elasticsearch import ApiError, AsyncElasticsearch
from elasticsearch.helpers import BulkIndexError, async_bulk, async_scan

from services.adapters.cluster.elastic_client import Client

PAGE = 500
"""Documents asked for at once."""
MAX_CHUNK_BYTES = 8 << 20


class Mirror:
    """One index and the mapping that it has; where the mapping does not fit any more, the index is made again.

    Args:
        client: of the cluster.
        index: its name.
        mapping: its mapping.
        replicas: further copies.
    """

    def __init__(self, client: Client, index: str, mapping: Mapping[str, Any], replicas: int = 0) -> None:
        self._client = client
        self._index = index
        self._mapping = mapping
        self._replicas = replicas

    async def equal(self, wanted: Mapping[str, Mapping[str, Any]]) -> int:
        """Write what differs and remove what is not wanted; returns how many documents that were.

        Args:
            wanted: documents by their ids.

        Raises:
            Unavailable: the cluster does not answer, or refuses a document.
        """
        try:
            return await self._client.ask(lambda client: self._write(client, wanted))
        except BulkIndexError as error:
            raise self._client.unavailable(f"{self._index}: {error.args[0]}") from error

    async def _write(self, client: AsyncElasticsearch, wanted: Mapping[str, Mapping[str, Any]]) -> int:
        await self._ensure(client)
        kept = {hit["_id"]: hit["_source"] async for hit in async_scan(client, index=self._index, size=PAGE)}
        actions: list[dict[str, Any]] = [
            {"_op_type": "index", "_index": self._index, "_id": id_, "_source": made}
            for id_, made in wanted.items()
            if kept.get(id_) != made
        ]
        actions += [{"_op_type": "delete", "_index": self._index, "_id": id_} for id_ in kept if id_ not in wanted]
        if actions:
            await async_bulk(client, actions, refresh=True, max_chunk_bytes=MAX_CHUNK_BYTES)
        return len(actions)

    async def _ensure(self, client: AsyncElasticsearch) -> None:
        if await client.indices.exists(index=self._index):
            try:
                await client.indices.put_mapping(index=self._index, **self._mapping)
                return
            except ApiError as error:
                if error.status_code != 400:
                    raise
                await client.indices.delete(index=self._index)  # a field has another type than before
        try:
            await client.indices.create(
                index=self._index,
                mappings=self._mapping,
                settings={"number_of_shards": 1, "number_of_replicas": self._replicas},
            )
        except ApiError as error:
            if error.error != "resource_already_exists_exception":  # another process made it just now
                raise
