"""The indices behind the alias: their names, how they are made, changed, replaced and dropped.

``{alias}-{generation}-{part}`` holds documents: one part ``all``, or one for each month of first collection and one
for articles without such a time. The alias itself is for reading; its filter leaves out what stands for articles that
were taken down. Each part is written through an alias of its own, ``{alias}-{part}``, or ``{alias}-building-{generation}-{part}``
while its generation is filled: a generation takes the place of another by one change of aliases, and a late writer
never brings back an index that was dropped.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from elasticsearch import ApiError

from services.adapters.cluster import elastic_mapping, elastic_removed
from services.adapters.cluster.elastic_client import Client
from services.adapters.cluster.elastic_removed import Removed
from services.core.clock import VIETNAM
from services.core.errors import Conflict
from services.core.log import get_logger
from services.core.sections.stores import ElasticsearchSettings

ALL = "all"
UNDATED = "undated"
FILTER = {"exists": {"field": "name"}}
"""Filter of the alias: the marks of what was taken down have no fields."""
_log = get_logger(__name__)


@dataclass(frozen=True, order=True)
class Index:
    """One index with documents."""

    generation: int
    part: str
    serving: bool = True
    building: bool = False
    """Is it being filled; one that neither serves nor is filled was left behind."""

    def name(self, alias: str) -> str:
        """Its name."""
        return f"{alias}-{self.generation}-{self.part}"


class Indices:
    """What is behind one alias.

    Args:
        client: of the cluster.
        settings: alias, partition, replicas, refresh.
    """

    def __init__(self, client: Client, settings: ElasticsearchSettings) -> None:
        self._client = client
        self._settings = settings
        self._lock = asyncio.Lock()
        self._ready = False
        self._single = settings.partition == "single"
        self.alias = settings.alias
        self.removed = Removed(client, f"{settings.alias}-removed")

    # -------------------------------------------------------- names

    def part(self, first_collected: int, single: bool | None = None) -> str:
        """The part that an article belongs to.

        Args:
            first_collected: microseconds since 1970; 0 where it is not known.
            single: is there one part only; by default as the indices that serve are.
        """
        if self._single if single is None else single:
            return ALL
        if not first_collected:
            return UNDATED
        return f"{datetime.fromtimestamp(first_collected / 1e6, VIETNAM):%Y-%m}"

    def write_alias(self, part: str, building: int | None = None) -> str:
        """The alias through which a part is written; `building` is the generation where that does not serve yet."""
        return f"{self.alias}-{part}" if building is None else f"{self.alias}-building-{building}-{part}"

    async def listed(self) -> list[Index]:
        """All indices with documents, by generation."""
        found = await self._client.find("indices.get_alias", index=f"{self.alias}-*")
        pattern = re.compile(rf"{re.escape(self.alias)}-(\d+)-({ALL}|{UNDATED}|\d{{4}}-\d\d)")
        made = []
        for name, about in dict(found or {}).items():
            match = pattern.fullmatch(name)
            if match:
                index = Index(int(match[1]), match[2], self.alias in about["aliases"])
                filled = self.write_alias(index.part, index.generation) in about["aliases"]
                made.append(replace(index, building=filled))
        return sorted(made)

    # -------------------------------------------------------- making

    async def ensure(self) -> None:
        """Make what is missing behind the alias, and add fields that a newer release brings; once in a process.

        Raises:
            Conflict: a field that is there has another type in this release.
        """
        if self._ready:
            return
        async with self._lock:
            if self._ready:
                return
            await self._make(self.removed.index, {"settings": self._base(), "mappings": elastic_removed.MAPPING})
            made = await self.listed()
            serving = [index for index in made if index.serving]
            if not serving:
                generation = 1 + max((index.generation for index in made), default=0)
                self._single = self._settings.partition == "single"
                await self.add(generation, ALL if self._single else UNDATED)
            else:
                self._single = serving[0].part == ALL
                await self._update(serving)
            if self._single != (self._settings.partition == "single"):
                _log.warning("the partition of the settings takes effect with the next rebuild of the index")
            self._ready = True

    def forget(self) -> None:
        """Look again at the next `ensure`, as where an alias was not found."""
        self._ready = False

    async def add_part(self, part: str) -> None:
        """Make a part of the generation that serves, where it is missing."""
        await self.ensure()
        newest = max((index.generation for index in await self.listed() if index.serving), default=None)
        if newest is not None:
            await self.add(newest, part)

    async def add(self, generation: int, part: str, building: bool = False) -> None:
        """Make an index, and let it know what was taken down before anything is written to it."""
        serving: dict[str, Any] = {} if building else {self.alias: {"filter": FILTER}}
        aliases = serving | {self.write_alias(part, generation if building else None): {"is_write_index": True}}
        body = {"settings": self._full(), "mappings": elastic_mapping.mapping(), "aliases": aliases}
        await self._make(Index(generation, part).name(self.alias), body)
        await self.removed.mark(self.write_alias(part, generation if building else None), await self.removed.names())

    async def _make(self, name: str, body: dict[str, Any]) -> None:
        try:
            await self._client.call("indices.create", index=name, body=body)
        except ApiError as error:
            if error.error != "resource_already_exists_exception":
                raise

    async def _update(self, serving: Iterable[Index]) -> None:
        """Bring indices of an older release to the mapping of this one."""
        names = [index.name(self.alias) for index in serving]
        known = await self._client.call("indices.get_mapping", index=names)
        wanted = elastic_mapping.mapping()
        for name in names:
            missing = wanted["properties"].keys() - known[name]["mappings"]["properties"].keys()
            try:
                await self._client.call("indices.put_mapping", index=name, properties=wanted["properties"])
            except ApiError as error:
                if error.status_code != 400:
                    raise
                raise Conflict(
                    f"Chỉ mục {name} có trường khác kiểu với phiên bản này; hãy chạy: ngoclinh index rebuild",
                    f"The index {name} has a field of another type than this release; run: ngoclinh index rebuild",
                    {"index": name},
                ) from error
            if missing:
                settings = {"index.query.default_field": list(elastic_mapping.DEFAULT_FIELDS)}
                await self._client.call("indices.put_settings", index=name, settings=settings)
                _log.warning(
                    "fields added; older articles have them after a rebuild", index=name, fields=sorted(missing)
                )

    def _base(self) -> dict[str, Any]:
        return {
            "number_of_shards": 1,
            "number_of_replicas": self._settings.replicas,
            "refresh_interval": f"{round(self._settings.refresh_s * 1000)}ms",
            "translog.durability": "request",
        }

    def _full(self) -> dict[str, Any]:
        return self._base() | {
            "analysis": elastic_mapping.ANALYSIS,
            "query.default_field": list(elastic_mapping.DEFAULT_FIELDS),
            "merge.policy.expunge_deletes_allowed": 0,
        }

    # -------------------------------------------------------- taking down, dropping

    async def remove(self, names: Sequence[str]) -> None:
        """Erase articles for good; whatever is written later under these names is refused."""
        await self.ensure()
        await self.removed.keep(names)
        while True:
            indices = [index for index in await self.listed() if index.serving or index.building]
            marked = [
                await self.removed.mark(self.write_alias(one.part, None if one.serving else one.generation), names)
                for one in indices
            ]
            if all(marked):
                break

    async def drop(self, indices: Iterable[Index]) -> None:
        """Remove whole indices."""
        names = [index.name(self.alias) for index in indices]
        if names:
            await self._client.find("indices.delete", index=names, ignore_unavailable=True)

    async def tidy(self, before: str) -> list[str]:
        """Remove the months before a month (``2026-10``) that hold no article; returns the names of their indices.

        The others write anew the segments that still hold what was erased or replaced; this goes on afterwards. The
        cluster keeps the newest operations of an index for its copies for a while, so that a later call erases them.

        A month is closed for writing before it is counted; a writer that meets this tries again and makes it anew.
        """
        dropped = []
        for index in await self.listed():
            if not index.serving or index.part in (ALL, UNDATED) or index.part >= before:
                continue
            name = index.name(self.alias)
            await self._block(name, True)
            await self._client.call("indices.refresh", index=name)
            told = await self._client.call("count", index=name, query=FILTER)
            if told["count"]:
                await self._block(name, False)
            else:
                await self.drop([index])
                dropped.append(name)
        await self.removed.expunge([index.name(self.alias) for index in await self.listed() if index.serving])
        return dropped

    async def _block(self, name: str, blocked: bool) -> None:
        settings = {"index.blocks.write": blocked}
        await self._client.call("indices.put_settings", index=name, settings=settings)

    async def clear(self) -> None:
        """Remove everything, the names of what was taken down too."""
        await self.drop(await self.listed())
        await self._client.find("indices.delete", index=self.removed.index, ignore_unavailable=True)
        self.forget()
