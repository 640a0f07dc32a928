"""`ngoclinh articles`: articles as a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli import common

if TYPE_CHECKING:
    from typing import BinaryIO

    from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

    from services.core.config import Settings

app = typer.Typer(no_args_is_help=True, help="Articles that were collected.")


@app.callback()
def main() -> None:
    """Articles that were collected."""


@app.command()
def export(
    ctx: typer.Context,
    since: Annotated[str, typer.Option(help="Published since: a date (2026-11-01) or an age (7d, 12h).")] = "",
    query: Annotated[str, typer.Option(help="Words that must occur.")] = "",
    watch_area: Annotated[str, typer.Option(help="Only communes of this watch area.")] = "",
    format: Annotated[  # noqa: A002
        Literal["jsonl", "csv", "xlsx"] | None,
        typer.Option(help="jsonl has whole texts, for use in house; csv and xlsx excerpts. Default: ending of --out."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; without it standard output.")] = None,
    signed: Annotated[
        Path | None,
        typer.Option(
            help="Private key: write all records since then, signed, for `articles import` of another server."
        ),
    ] = None,
) -> None:
    """Write articles as JSONL, CSV or XLSX, the newest first; or signed records for another server."""
    from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

    from services.core.clock import to_timestamp

    settings = common.settings_from(ctx)
    filter_ = ArticleFilter(query=query, watch_area=f"watchAreas/{watch_area}" if watch_area else "")
    if signed is not None:
        _export_signed(ctx, settings, since, signed, out)
        return
    if since:
        filter_.time_range.start_time.CopyFrom(to_timestamp(common.moment(since, "--since", ctx)))
    ending = format or (out.suffix.removeprefix(".").lower() if out else "jsonl")
    if out is None:
        common.run(_write(settings, filter_, ending, sys.stdout.buffer), ctx)
        return
    common.run(_replace(settings, filter_, ending, out), ctx)
    common.say(str(out))


@app.command()
def key(ctx: typer.Context, file: Annotated[Path, typer.Argument(help="File for the private key.")]) -> None:
    """Make a pair of keys: the private one signs on this server, FILE.pub goes to the server that takes the records."""
    from services.media.exchange import make_key

    with common.failing(ctx):
        common.say(str(make_key(file)))


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="File that `articles export --signed` wrote.")],
    trusted: Annotated[Path, typer.Option(help="Public key of the server that wrote it.")],
) -> None:
    """Take signed records of another server; what is there already changes nothing."""
    from services.core.errors import InvalidField
    from services.media.exchange import take
    from services.stores import open_store

    settings = common.settings_from(ctx)

    async def job() -> int:
        ledger, index = open_store(settings, "ledger"), open_store(settings, "index")
        try:
            with file.open("rb") as source:
                return await take(source, trusted, ledger, index)
        except OSError as error:
            why = error.strerror or str(error)
            raise InvalidField("FILE", f"không đọc được {file}: {why}", f"cannot read {file}: {why}") from error
        finally:
            await index.close()
            await ledger.close()

    print(common.run(job(), ctx))


def _export_signed(ctx: typer.Context, settings: Settings, since: str, key: Path, out: Path | None) -> None:
    """Write the records that were collected since a moment, whole, beside and then in place."""
    from services.core.errors import InvalidField
    from services.media.exchange import write
    from services.stores import open_store

    if out is None:
        common.fail(InvalidField("--out", "cần tên tệp", "a file is needed"), ctx)
    start = common.moment(since, "--since", ctx) if since else None

    async def job() -> int:
        ledger = open_store(settings, "ledger")
        part = out.with_name(out.name + ".part")
        try:
            with common.writing(out):
                try:
                    with part.open("w+b") as file:
                        count = await write(ledger.replay(start), file, key)
                    part.replace(out)
                finally:
                    part.unlink(missing_ok=True)
            return count
        finally:
            await ledger.close()

    print(common.run(job(), ctx))


async def _replace(settings: Settings, filter_: ArticleFilter, ending: str, out: Path) -> None:
    """Write to a file beside it, which takes its place when it is whole."""
    part = out.with_name(out.name + ".part")
    with common.writing(out):
        try:
            with part.open("wb") as file:
                await _write(settings, filter_, ending, file)
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)


async def _write(settings: Settings, filter_: ArticleFilter, ending: str, file: BinaryIO) -> None:
    from services.bootstrap import reach
    from services.gateway.export.collect import Exporter
    from services.gateway.export.formats import FORMATS
    from services.gateway.formats import pick

    format_ = pick(FORMATS, ending)
    async with reach(settings) as channel:
        exporter = Exporter(channel)
        async for part in format_.write(exporter, exporter.pages(filter_)):
            file.write(part)
