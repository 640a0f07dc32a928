"""The port `ArticleIndex`: search over articles."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter, SummarizeArticlesResponse


@dataclass(frozen=True)
class ArticlePage:
    """A page of search results."""

    articles: list[Article]
    next_key: list[object] | None
    """Sort key of the last row where another page follows."""
    total: int


class IndexBuild(Protocol):
    """A new index that is filled beside the one that serves."""

    async def put(self, articles: Sequence[Article]) -> None:
        """Add or replace, as `ArticleIndex.put`; nobody finds it before `serve`.

        Raises:
            Conflict: another build was begun meanwhile.
        """
        ...

    async def serve(self) -> None:
        """Take the place of the index that serves, in one step, and drop that one.

        What was deleted meanwhile stays away; what was put into the old index meanwhile must be put again.

        Raises:
            Conflict: another build was begun meanwhile.
        """
        ...


class ArticleIndex(Protocol):
    """Search over articles; it can be thrown away and rebuilt from the ledger to the same answers."""

    async def put(self, articles: Sequence[Article]) -> None:
        """Add or replace; a state with a lower `change_number` never replaces one with a higher."""
        ...

    async def put_each(self, articles: Sequence[Article]) -> list[Exception | None]:
        """As `put`, but tells of each article what kept it from being stored; None where it is.

        Raises:
            Unavailable: the index does not answer; some may be stored.
        """
        ...

    async def search(self, filter_: ArticleFilter, limit: int, after: Sequence[object] | None = None) -> ArticlePage:
        """Articles that match, newest publication first, then by name; `text` is left empty, `excerpt` filled."""
        ...

    async def summarize(
        self, filter_: ArticleFilter, facets: Sequence[int], interval: int, by_area: bool = False
    ) -> SummarizeArticlesResponse:
        """Counts by facets (`ArticleFacet`) and time (`TimeInterval`); with `by_area` for each area of the filter too."""
        ...

    async def delete(self, names: Sequence[str]) -> None:
        """Remove articles for good: until `clear`, a `put` of such a name is ignored, also of one not yet known."""
        ...

    async def clear(self) -> None:
        """Remove everything, also what is known of deleted articles."""
        ...

    def rebuild(self) -> AbstractAsyncContextManager[IndexBuild]:
        """A context in which a new index is filled while this one serves; it takes over only by `serve`.

        Left before that, or after a crash at the next build, what was filled is dropped. A later build ends an earlier.
        """
        ...

    async def close(self) -> None:
        """Release files and connections."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """A state of the index that the engine keeps elsewhere.

    Attributes:
        name: of the snapshot.
        time: when it was begun.
        state: as the engine calls it; "SUCCESS" where it is whole.
        indices: what is in it.
    """

    name: str
    time: datetime
    state: str
    indices: tuple[str, ...]


class IndexRestore(IndexBuild, Protocol):
    """A new index that begins as a snapshot; it may be older than the ledger, or newer than a ledger that was restored."""

    def names(self) -> AsyncIterator[list[str]]:
        """The names of the articles that are in it, some at a time."""
        ...

    async def forget(self, names: Sequence[str]) -> None:
        """Remove articles from it; they may be put again."""
        ...

    async def behind(self, articles: Sequence[Article]) -> list[Article]:
        """Those that it does not hold in this state or a later one."""
        ...


@runtime_checkable
class HasSnapshots(Protocol):
    """An `ArticleIndex` whose engine keeps snapshots of it."""

    async def snapshot(self, name: str) -> Snapshot:
        """Write a snapshot; returns when it is whole.

        Raises:
            InvalidField: no place for snapshots is set.
            Conflict: there is one of this name, or it could not be written.
        """
        ...

    async def snapshots(self) -> list[Snapshot]:
        """All snapshots, oldest first."""
        ...

    def restore(self, name: str) -> AbstractAsyncContextManager[IndexRestore]:
        """A context like `rebuild`, in which the new index begins as a snapshot, without what was taken down.

        Raises:
            NotFound: there is no such snapshot.
        """
        ...
