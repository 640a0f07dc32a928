"""`ngoclinh index`: care of the search index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from services.cli import common

if TYPE_CHECKING:
    from services.core.config import Settings

app = typer.Typer(no_args_is_help=True, help="Care of the search index.")

TEXTS = {
    "vi": {"progress": "đã đọc {count} bài", "done": "đã dựng lại chỉ mục từ {count} bài"},
    "en": {"progress": "{count} articles read", "done": "index rebuilt from {count} articles"},
}


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


async def _rebuild(settings: Settings, progress: str) -> int:
    from contextlib import AsyncExitStack

    from services.media.rebuild import rebuild
    from services.stores import open_store

    ledger, target = open_store(settings, "ledger"), open_store(settings, "index")
    async with AsyncExitStack() as stack:
        for store in (ledger, target):
            stack.push_async_callback(store.close)
        return await rebuild(ledger, target, lambda count: common.say(progress.format(count=count)))
