"""`ngoclinh extract`: what the crawler would make of a saved page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from services.cli import common


def extract(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The page, as saved.")],
    url: Annotated[str, typer.Option(help="Address that it was saved from; decides its source and profile.")],
    profile: Annotated[str, typer.Option(help="Profile to read it by, whatever its address.")] = "",
    format: Annotated[Literal["json", "jsonl"], typer.Option(help="Indented, or one line a document.")] = "json",  # noqa: A002
) -> None:
    """Print the documents of a page as articles, personal numbers masked; exit 2 where it holds none."""
    from crawlers import preview
    from services.core.errors import NgocLinhError, UnreadableFile

    settings = common.settings_from(ctx)
    try:
        body = file.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        common.fail(UnreadableFile(f"Không đọc được {file}: {reason}.", f"{file} cannot be read: {reason}."), ctx)
    try:
        articles = preview.articles(settings, body, url, profile)
    except NgocLinhError as error:
        common.fail(error, ctx)
    for article in articles:
        common.print_message(article, format)
