"""A new generation of indices: filled beside the one that serves, then put in its place in one step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

from ngoclinh.media.v1.article_pb2 import Article

from services.adapters.cluster.elastic_client import Client
from services.adapters.cluster.elastic_indices import ALL, FILTER, UNDATED, Index, Indices
from services.core.errors import Conflict

Write = Callable[[Sequence[Article], Callable[[int], str], Callable[[str], Awaitable[None]]], Awaitable[None]]
"""Writes articles: which alias by the time of first collection, and what to do where an alias is missing."""


class ElasticIndexBuild:
    """The port `IndexBuild`; a context that drops what was begun where it is left before `serve`.

    Args:
        client: of the cluster.
        indices: what is behind the alias.
        write: puts articles.
        single: is the new generation of one part.
    """

    def __init__(self, client: Client, indices: Indices, write: Write, single: bool) -> None:
        self._client = client
        self._indices = indices
        self._write = write
        self._single = single
        self._generation = 0
        self._aliases: set[str] = set()
        self._served = False

    async def __aenter__(self) -> Self:
        """Drop what an earlier build left behind and begin a new generation."""
        await self._indices.ensure()
        made = await self._indices.listed()
        await self._indices.drop(index for index in made if not index.serving)
        self._generation = 1 + max(index.generation for index in made)
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drop the new generation unless it serves."""
        if not self._served:
            made = await self._indices.listed()
            await self._indices.drop(
                index for index in made if index.generation == self._generation and not index.serving
            )

    async def _start(self) -> None:
        """Make the first part."""
        await self._begin(ALL if self._single else UNDATED)

    async def put(self, articles: Sequence[Article]) -> None:
        """Add or replace, as in the index itself.

        Raises:
            Conflict: another build was begun meanwhile.
        """
        await self._write(articles, self._alias, self._missing)

    async def serve(self) -> None:
        """Take the place of the generation that serves, in one step, and drop that one.

        Raises:
            Conflict: another build was begun meanwhile.
        """
        alias = self._indices.alias
        made = await self._indices.listed()
        own = [index for index in made if index.generation == self._generation]
        if not own:
            raise _another()
        names = [index.name(alias) for index in own]
        await self._client.call("indices.refresh", index=names)
        actions = [action for index in made if index.serving for action in self._moved("remove", index)]
        for index in own:
            building = self._indices.write_alias(index.part, self._generation)
            actions += [*self._moved("add", index), {"remove": {"index": index.name(alias), "alias": building}}]
        await self._client.call("indices.update_aliases", actions=actions)
        self._served = True
        self._indices.forget()
        # also a month that a writer added to the old generation while it was replaced
        await self._indices.drop(one for one in await self._indices.listed() if one.generation < self._generation)

    def _moved(self, action: str, index: Index) -> list[dict[str, Any]]:
        """Actions on the two aliases of an index that serves."""
        name, alias = index.name(self._indices.alias), self._indices.alias
        adding = action == "add"
        return [
            {action: {"index": name, "alias": alias, **({"filter": FILTER} if adding else {})}},
            {
                action: {
                    "index": name,
                    "alias": self._indices.write_alias(index.part),
                    **({"is_write_index": True} if adding else {}),
                }
            },
        ]

    def _alias(self, first_collected: int) -> str:
        return self._indices.write_alias(self._indices.part(first_collected, self._single), self._generation)

    async def _missing(self, alias: str) -> None:
        """Begin a month; one that was begun before is gone because another build took over."""
        if alias in self._aliases:
            raise _another()
        await self._begin(alias.removeprefix(self._indices.write_alias("", self._generation)))

    async def _begin(self, part: str) -> None:
        await self._indices.add(self._generation, part, building=True)
        self._aliases.add(self._indices.write_alias(part, self._generation))


def _another() -> Conflict:
    return Conflict("Một lượt dựng lại chỉ mục khác đã bắt đầu.", "Another rebuild of the index was begun.")
