"""`ngoclinh update`: the next release, from a bundle, without Internet."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.cli import common


def update(
    ctx: typer.Context,
    bundle: Annotated[Path | None, typer.Argument(help="File made by `make bundle`.")] = None,
    sha256: Annotated[
        str,
        typer.Option(
            help="SHA-256 that the file must have, as its maker published it; not needed where the maker signed it."
        ),
    ] = "",
    asked: Annotated[
        bool,
        typer.Option(
            "--asked",
            help="Install what was asked for on the settings page, if the maker of this installation signed it. "
            "The unit ngoclinh-update.service does this.",
        ),
    ] = False,
    undo: Annotated[
        bool,
        typer.Option(
            "--undo",
            help="Take back an update in the middle of which the machine went off. The unit ngoclinh.service does this "
            "before each start.",
        ),
    ] = False,
) -> None:
    """Install the release of a bundle: a backup first, a trial on the data, back to the old release on any failure."""
    from services.core.errors import InvalidField
    from services.update import asked as wishes
    from services.update import installing
    from services.update import undo as broken_off

    lang = common.language(ctx)

    def say(vi: str, en: str) -> None:
        common.say(vi if lang == "vi" else en)

    # A machine that is switched off meanwhile gets the old release and its data back first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with common.failing(ctx):
        if (bundle is not None) + asked + undo != 1 or (sha256 and bundle is None):
            raise InvalidField(
                "BUNDLE",
                "hãy nêu một bộ cài, hoặc chỉ --asked, hoặc chỉ --undo",
                "name one bundle, or --asked alone, or --undo alone",
            )
        if undo:
            if version := broken_off.carry_out():
                say(
                    f"Lần nâng cấp lên {version} bị dừng giữa chừng đã được xử lý xong.",
                    f"The update to {version}, which was broken off, is settled.",
                )
            return
        before, after = installing.update(bundle, say, sha256=sha256) if bundle else wishes.carry_out(say)
    common.say(f"{before} → {after}")
