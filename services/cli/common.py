"""What every command shares: settings, output, errors."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.core.config import Settings

T = TypeVar("T")

UNUSABLE = 2
"""Exit code of input that cannot be used."""


@dataclass
class Options:
    """The global options, kept in `typer.Context.obj`."""

    config: Path | None = None
    data_dir: Path | None = None
    lang: str | None = None


def options_of(ctx: typer.Context | None) -> Options:
    """The global options of a run; the defaults where there are none."""
    found = ctx.find_root().obj if ctx is not None else None
    return found if isinstance(found, Options) else Options()


def settings_from(ctx: typer.Context | None, **flags: Any) -> Settings:
    """The settings of a run: file, environment, global options, then `flags` (dots as `__`; None is left out).

    Ends the program with exit code 2 where they are wrong.
    """
    from services.core import config, log
    from services.core.errors import NgocLinhError

    options = options_of(ctx)
    wanted = {"data_dir": options.data_dir, "lang": options.lang}
    wanted |= {key.replace("__", "."): value for key, value in flags.items()}
    named = os.environ.get("NGOCLINH_CONFIG")
    path = options.config or (Path(named) if named else None)
    try:
        settings = config.load(path, flags=wanted)
    except NgocLinhError as error:
        fail(error, ctx)
    log.configure(settings.log_level)
    return settings


def language(ctx: typer.Context | None = None) -> str:
    """The language of messages: `--lang`, NGOCLINH_LANG, else Vietnamese unless the locale is English."""
    chosen = options_of(ctx).lang or os.environ.get("NGOCLINH_LANG")
    if chosen in ("vi", "en"):
        return chosen
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "en" if locale.startswith("en") else "vi"


def print_message(message: Message, format: str = "json") -> None:  # noqa: A002  (the name of the option)
    """Print a message on stdout: "json" (indented) or "jsonl" (one line)."""
    from services.core import protojson

    print(protojson.to_json(message, indent=None if format == "jsonl" else 2))


def fail(error: Exception, ctx: typer.Context | None = None) -> NoReturn:
    """Print a domain error on stderr in the language of the run and end with exit code 2; any other is raised."""
    from services.core.errors import NgocLinhError

    if not isinstance(error, NgocLinhError):
        raise error
    say(error.message(language(ctx)))
    raise typer.Exit(UNUSABLE)


@contextlib.contextmanager
def failing(ctx: typer.Context | None = None) -> Iterator[None]:
    """Around work whose domain errors end the program as in `fail`."""
    from services.core.errors import NgocLinhError

    try:
        yield
    except NgocLinhError as error:
        fail(error, ctx)


@contextlib.contextmanager
def writing(out: Path) -> Iterator[None]:
    """Around the writing of a file that the user named with `--out`.

    Raises:
        InvalidField: the file cannot be written.
    """
    from services.core.errors import InvalidField

    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise InvalidField("--out", f"không ghi được {out}: {why}", f"cannot write {out}: {why}") from error


def moment(text: str, option: str, ctx: typer.Context | None = None) -> datetime:
    """The moment that a user means: a date or date and time of Vietnam, or an age such as `7d` or `12h`.

    Args:
        text: what the user wrote.
        option: where, for the error. Example: ``--since``.
        ctx: of the run.
    """
    from services.core.clock import VIETNAM, utc_now
    from services.core.errors import InvalidField

    age = re.fullmatch(r"(\d{1,5})([hd])", text.strip())
    if age:
        return utc_now() - timedelta(hours=int(age[1]) * (24 if age[2] == "d" else 1))
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        fail(
            InvalidField(
                option,
                f"“{text}” không phải ngày hay khoảng lùi; ví dụ: 2026-11-01, 7d",
                f"'{text}' is neither a date nor an age; examples: 2026-11-01, 7d",
            ),
            ctx,
        )
    return found if found.tzinfo else found.replace(tzinfo=VIETNAM)


def say(text: str) -> None:
    """Print a line for the user on stderr; stdout is for results."""
    print(text, file=sys.stderr, flush=True)


def run(job: Coroutine[Any, Any, T], ctx: typer.Context | None = None) -> T:
    """Run a coroutine to its end; domain errors, also those of a call to a service, end the program as in `fail`."""
    from services.core.errors import NgocLinhError

    try:
        return asyncio.run(job)
    except NgocLinhError as error:
        fail(error, ctx)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:
        import grpc

        if not isinstance(error, grpc.RpcError):
            raise
        from services.rpc import status

        say(status.message(status.from_rpc_error(error), language(ctx)))
        raise typer.Exit(UNUSABLE) from error
