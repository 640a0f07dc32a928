"""`ngoclinh index`: care of the search index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import common

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from services.core.config import Settings
    from services.core.ports import HasSnapshots, Ledger, Snapshot

app = typer.Typer(no_args_is_help=True, help="Care of the search index.")

TEXTS = {
    "vi": {
        "progress": "đã đọc {count} bài",
        "done": "đã dựng lại chỉ mục từ {count} bài",
        "taken": "đã chụp chỉ mục: {name}",
        "none": "chưa có bản chụp nào",
        "restored": "đã khôi phục bản chụp {name}; {count} bài được ghi lại từ sổ cái",
    },
    "en": {
        "progress": "{count} articles read",
        "done": "index rebuilt from {count} articles",
        "taken": "snapshot of the index taken: {name}",
        "none": "there is no snapshot yet",
        "restored": "snapshot {name} restored; {count} articles put again from the ledger",
    },
}

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the snapshot: lower case letters, digits, - and _.")]


@app.callback()
def index() -> None:
    """Care of the search index."""


@app.command()
def rebuild(ctx: typer.Context) -> None:
    """Fill a new index from the ledger and let it take the place of the old one, which serves until then.

    Needed after a change of `elasticsearch.partition` and after a release that says so; the product may run meanwhile.
    """
    texts = TEXTS[common.language(ctx)]
    settings = common.settings_from(ctx)
    count = common.run(_rebuild(settings, texts["progress"]), ctx)
    print(texts["done"].format(count=count))


@app.command()
def snapshot(ctx: typer.Context, name: Name) -> None:
    """Write a snapshot of the index into `elasticsearch.snapshot_repository`; the product may run meanwhile."""
    settings = common.settings_from(ctx)
    made = common.run(_snapshot(settings, name), ctx)
    print(TEXTS[common.language(ctx)]["taken"].format(name=made.name))


@app.command()
def snapshots(ctx: typer.Context) -> None:
    """The snapshots of the index, oldest first: name, moment, state."""
    settings = common.settings_from(ctx)
    found = common.run(_snapshots(settings), ctx)
    for each in found:
        print(f"{each.name}\t{each.time:%Y-%m-%dT%H:%M:%SZ}\t{each.state}")
    if not found:
        common.say(TEXTS[common.language(ctx)]["none"])


@app.command()
def restore(ctx: typer.Context, name: Name) -> None:
    """Let a snapshot take the place of the index, once it is equal to the ledger; the old one serves until then.

    What was taken down since is not found again. Faster than `rebuild`, because only what changed is written.
    """
    texts = TEXTS[common.language(ctx)]
    settings = common.settings_from(ctx)
    count = common.run(_restore(settings, name, texts["progress"]), ctx)
    print(texts["restored"].format(name=name, count=count))


async def _rebuild(settings: Settings, progress: str) -> int:
    from contextlib import AsyncExitStack

    from services.media.rebuild import rebuild
    from services.stores import open_store

    ledger, target = open_store(settings, "ledger"), open_store(settings, "index")
    async with AsyncExitStack() as stack:
        for store in (ledger, target):
            stack.push_async_callback(store.close)
        return await rebuild(ledger, target, lambda count: common.say(progress.format(count=count)))


async def _snapshot(settings: Settings, name: str) -> Snapshot:
    async with _opened(settings) as (_, target):
        return await target.snapshot(name)


async def _snapshots(settings: Settings) -> list[Snapshot]:
    async with _opened(settings) as (_, target):
        return await target.snapshots()


async def _restore(settings: Settings, name: str, progress: str) -> int:
    from services.media.rebuild import restore

    async with _opened(settings) as (ledger, target):
        return await restore(ledger, target, name, lambda count: common.say(progress.format(count=count)))


def _opened(settings: Settings) -> AbstractAsyncContextManager[tuple[Ledger, HasSnapshots]]:
    """Ledger and index, where the latter keeps snapshots."""
    from contextlib import AsyncExitStack, asynccontextmanager

    from services.core.errors import Conflict
    from services.core.ports import HasSnapshots
    from services.stores import open_store

    @asynccontextmanager
    async def stores() -> AsyncIterator[tuple[Ledger, HasSnapshots]]:
        ledger, target = open_store(settings, "ledger"), open_store(settings, "index")
        async with AsyncExitStack() as stack:
            for store in (ledger, target):
                stack.push_async_callback(store.close)
            if not isinstance(target, HasSnapshots):
                raise Conflict(
                    "Chỉ mục này nằm trong thư mục dữ liệu, không cần bản chụp; hãy dùng: ngoclinh index rebuild",
                    "This index lies in the data folder and needs no snapshots; use: ngoclinh index rebuild",
                )
            yield ledger, target

    return stores()
