"""`ngoclinh update`: the next release, from a bundle, without Internet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli import common


def update(
    ctx: typer.Context,
    bundle: Annotated[Path, typer.Argument(help="File made by `make bundle`.")],
    sha256: Annotated[
        str,
        typer.Option(
            help="SHA-256 that the file must have, as its maker published it; not needed where the maker signed it."
        ),
    ] = "",
) -> None:
    """Install the release of a bundle: a backup first, a trial on the data, back to the old release on any failure."""
    from services.update import update as install

    lang = common.language(ctx)
    with common.failing(ctx):
        before, after = install(bundle, lambda vi, en: common.say(vi if lang == "vi" else en), sha256=sha256)
    common.say(f"{before} → {after}")
