"""`ngoclinh retention`: what is forgotten when, and what must stay."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import common

if TYPE_CHECKING:
    from services.core.config import Settings
    from services.core.ports import Ledger
    from services.media.retention import Report

TEXTS = {
    "vi": {"text": "rút gọn văn bản", "evidence": "bỏ minh chứng", "article": "xoá bài",
           "line": "{what}: {done} bài, còn {left} bài đến hạn cho lần sau", "would": "Chạy thử, không xoá gì:",
           "refused": "Không xoá gì: {reason}"},
    "en": {"text": "texts shortened", "evidence": "evidence forgotten", "article": "articles erased",
           "line": "{what}: {done} articles, {left} due ones left for the next run", "would": "A dry run, nothing goes:",
           "refused": "Nothing is forgotten: {reason}"},
}  # fmt: skip

app = typer.Typer(no_args_is_help=True, help="What is forgotten when its time is over, and what must stay.")
Name = Annotated[str, typer.Argument(help="Article. Example: articles/7m5y…")]


@app.callback()
def main() -> None:
    """What is forgotten when its time is over, and what must stay."""


@app.command("run")
def run(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    confirm_clock: Annotated[bool, typer.Option("--confirm-clock", help="Date and time were looked at.")] = False,
) -> None:
    """Forget what is due, at most the share of the settings. Exit code 1 where the clock is not trusted."""
    settings = common.settings_from(ctx)
    lang = common.language(ctx)
    report = common.run(_run(settings, dry_run, confirm_clock), ctx)
    if report.refused:
        common.say(TEXTS[lang]["refused"].format(reason=report.refused.vi if lang == "vi" else report.refused.en))
    if dry_run:
        print(TEXTS[lang]["would"])
    for kind, done in report.done.items():
        print(TEXTS[lang]["line"].format(what=TEXTS[lang][kind.value], done=done, left=report.left[kind]))
    raise typer.Exit(1 if report.refused else 0)


@app.command("hold")
def hold(ctx: typer.Context, name: Name, reason: Annotated[str, typer.Option(help="Why; it is kept.")]) -> None:
    """Keep an article whatever its age, until `release`."""
    _with_ledger(ctx, lambda ledger: ledger.hold(name, reason, _user()))


@app.command("release")
def release(ctx: typer.Context, name: Name) -> None:
    """End a hold."""
    _with_ledger(ctx, lambda ledger: ledger.release_hold(name, _user()))


@app.command("holds")
def holds(ctx: typer.Context) -> None:
    """List the articles that are held, each with the reason."""
    for name, reason in _with_ledger(ctx, lambda ledger: ledger.holds()).items():
        print(f"{name}\t{reason}")


def _user() -> str:
    return f"local:{getpass.getuser()}"


def _with_ledger(ctx: typer.Context, work: Callable[[Ledger], Awaitable[Any]]) -> Any:
    settings = common.settings_from(ctx)

    async def job() -> Any:
        from services.stores import open_store

        ledger = open_store(settings, "ledger")
        try:
            return await work(ledger)
        finally:
            await ledger.close()

    return common.run(job(), ctx)


async def _run(settings: Settings, dry_run: bool, confirmed: bool) -> Report:
    from services.chores import janitor
    from services.stores import open_stores

    stores = open_stores(settings)
    try:
        return await janitor(settings, stores).run(dry_run, confirmed)
    finally:
        for store in (stores.bus, stores.ledger, stores.index, stores.parcels):
            await store.close()
