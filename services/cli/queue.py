"""`ngoclinh queue`: events that were set aside, and what to do with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from services.cli import common

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from services.core.ports import Bus, Quarantined

app = typer.Typer(no_args_is_help=True, help="Events that were set aside (quarantine).")

Ids = Annotated[list[str] | None, typer.Argument(help="Ids as `queue list` shows them.")]
All = Annotated[bool, typer.Option("--all", help="Every event that was set aside.")]

TEXTS = {
    "vi": {"empty": "Không có sự kiện nào bị cách ly.", "retry": "{count} sự kiện sẽ được xử lý lại.",
           "purge": "Đã xoá {count} sự kiện.", "none": "Hãy nêu mã sự kiện hoặc --all.", "attempts": "lần thử"},
    "en": {"empty": "No event is set aside.", "retry": "{count} events will be delivered again.",
           "purge": "{count} events were removed.", "none": "Name ids or --all.", "attempts": "attempts"},
}  # fmt: skip


@app.command("list")
def list_(
    ctx: typer.Context,
    format: Annotated[Literal["table", "json"], typer.Option(help="Form of the answer.")] = "table",  # noqa: A002
) -> None:
    """Events that were set aside, oldest first, with the reason."""
    found = _ask(ctx, lambda bus: bus.quarantined())
    if format == "json":
        print(json.dumps([describe(item, payload=False) for item in found], ensure_ascii=False, indent=2))
        return
    texts = TEXTS[common.language(ctx)]
    for item in found:
        told = describe(item, payload=False)
        print(f"{item.id:>6}  {told['quarantine_time']}  {item.subject} → {item.group}  "
              f"{item.attempts} {texts['attempts']}  {item.key}\n        {_one_line(item.reason)}")  # fmt: skip
    if not found:
        common.say(texts["empty"])


@app.command()
def show(ctx: typer.Context, id: Annotated[str, typer.Argument(help="Id of an event.")]) -> None:  # noqa: A002
    """One event with its payload, as JSON."""
    from services.core.errors import NotFound

    found = [item for item in _ask(ctx, lambda bus: bus.quarantined()) if item.id == id]
    if not found:
        common.fail(NotFound(f"queue/{id}"), ctx)
    print(json.dumps(describe(found[0], payload=True), ensure_ascii=False, indent=2))


@app.command()
def retry(ctx: typer.Context, ids: Ids = None, every: All = False) -> None:
    """Deliver events again, from the first attempt."""
    _act(ctx, "retry", ids, every, lambda bus, chosen: bus.release(chosen))


@app.command()
def purge(ctx: typer.Context, ids: Ids = None, every: All = False) -> None:
    """Remove events for good."""
    _act(ctx, "purge", ids, every, lambda bus, chosen: bus.purge(chosen))


def describe(item: Quarantined, payload: bool) -> dict[str, Any]:
    """A set-aside event as a JSON object; the payload as its message, or in hexadecimal where it is none."""
    from services.core import events, protojson

    told: dict[str, Any] = {
        "id": item.id,
        "subject": item.subject,
        "group": item.group,
        "key": item.key,
        "reason": item.reason,
        "attempts": item.attempts,
        "quarantine_time": item.quarantine_time.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if payload:
        event = events.decode(item.subject, item.payload)
        told |= {"event": protojson.to_dict(event)} if event is not None else {"bytes": item.payload.hex()}
    return told


def _act(
    ctx: typer.Context,
    action: str,
    ids: Sequence[str] | None,
    every: bool,
    work: Callable[[Bus, Sequence[str]], Awaitable[int]],
) -> None:
    texts = TEXTS[common.language(ctx)]
    if not ids and not every:
        common.say(texts["none"])
        raise typer.Exit(common.UNUSABLE)

    async def job(bus: Bus) -> int:
        return await work(bus, [item.id for item in await bus.quarantined()] if every else ids or [])

    print(texts[action].format(count=_ask(ctx, job)))


def _ask(ctx: typer.Context, work: Callable[[Bus], Awaitable[Any]]) -> Any:
    """Work on the bus of the settings; running programs share it and take up at once what is released."""
    from services.stores import open_store

    settings = common.settings_from(ctx)

    async def job() -> Any:
        bus: Bus = open_store(settings, "bus")
        try:
            return await work(bus)
        finally:
            await bus.close()

    return common.run(job(), ctx)


def _one_line(text: str) -> str:
    return " ".join(text.split())
