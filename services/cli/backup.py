"""`ngoclinh backup` and `ngoclinh restore`: everything in one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import common

if TYPE_CHECKING:
    from services.backup.content import Manifest

TEXTS = {
    "vi": {"made": "Đã sao lưu vào {file}: {size:.1f} MB, phiên bản {version}.",
           "rows": "{name}: {rows} dòng", "files": "{name}: {count} tệp",
           "index": "Chỉ mục tìm kiếm không nằm trong bản sao lưu; chương trình tự dựng lại khi khởi động.",
           "restored": "Đã khôi phục bản sao lưu lúc {time} vào {folder}.",
           "before": "Dữ liệu trước đó được giữ ở {before}; hãy xoá khi không còn cần.",
           "cluster": "Chỉ mục tìm kiếm cần dựng lại: ngoclinh index rebuild."},
    "en": {"made": "Backup written to {file}: {size:.1f} MB, release {version}.",
           "rows": "{name}: {rows} rows", "files": "{name}: {count} files",
           "index": "The search index is not part of it; the program rebuilds it when it starts.",
           "restored": "The backup of {time} is restored into {folder}.",
           "before": "What was there before is kept in {before}; remove it when it is no longer needed.",
           "cluster": "The search index has to be rebuilt: ngoclinh index rebuild."},
}  # fmt: skip


def backup(ctx: typer.Context, file: Annotated[Path, typer.Argument(help="File to write; it must not exist.")]) -> None:
    """Write everything that is kept into one file, also while the program runs."""
    from services.backup.make import make

    settings = common.settings_from(ctx)
    texts = TEXTS[common.language(ctx)]
    with common.failing(ctx):
        manifest = make(settings, file)
    common.say(texts["made"].format(file=file, size=file.stat().st_size / 1e6, version=manifest.version))
    _say_content(manifest, texts)


def restore(ctx: typer.Context, file: Annotated[Path, typer.Argument(help="A backup.")]) -> None:
    """Replace everything in the data folder by a backup; the program must not run. What was there is kept beside."""
    from services.backup.content import POSTGRES
    from services.backup.restore import restore as bring_back

    settings = common.settings_from(ctx)
    texts = TEXTS[common.language(ctx)]
    with common.failing(ctx):
        manifest, before = bring_back(settings, file)
    common.say(texts["restored"].format(time=manifest.time, folder=settings.data_dir))
    _say_content(manifest, texts)
    common.say(texts["before"].format(before=before))
    if POSTGRES in manifest.files:
        common.say(texts["cluster"])


def _say_content(manifest: Manifest, texts: dict[str, str]) -> None:
    for name, store in manifest.stores.items():
        common.say("  " + texts["rows"].format(name=name, rows=sum(store.rows.values())))
    for folder in ("evidence", "uploads", "sources"):
        count = sum(name.startswith(f"{folder}/") for name in manifest.files)
        common.say("  " + texts["files"].format(name=folder, count=count))
    common.say(texts["index"])
