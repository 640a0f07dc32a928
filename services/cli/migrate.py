"""`ngoclinh migrate`: bring the schemas of the PostgreSQL database up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from services.cli import common

if TYPE_CHECKING:
    from services.core.config import Settings

TEXTS = {
    "vi": {"applied": "{schema}: đã áp dụng {names}", "none": "{schema}: không có gì phải làm",
           "unused": "Không có kho dữ liệu nào nằm trong PostgreSQL (mode, stores.ledger, stores.parcels)."},
    "en": {"applied": "{schema}: applied {names}", "none": "{schema}: nothing to do",
           "unused": "No store lies in PostgreSQL (mode, stores.ledger, stores.parcels)."},
}  # fmt: skip


def migrate(ctx: typer.Context) -> None:
    """Bring the schemas of the PostgreSQL database up to date and say what was applied."""
    from services.stores import adapter

    settings = common.settings_from(ctx)
    texts = TEXTS[common.language(ctx)]
    schemas = [name for name in ("ledger", "parcels") if adapter(settings, name) == "cluster"]
    if not schemas:
        common.say(texts["unused"])
        raise typer.Exit(common.UNUSABLE)
    for schema in schemas:
        names = common.run(_apply(settings, schema), ctx)
        print(texts["applied" if names else "none"].format(schema=schema, names=", ".join(names)))


async def _apply(settings: Settings, schema: str) -> list[str]:
    from services.stores import require

    postgres = require("services.adapters.cluster.postgres").Postgres(settings.postgres, schema)
    try:
        applied: list[str] = await postgres.migrate()
        return applied
    finally:
        await postgres.close()
