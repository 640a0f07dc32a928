"""Structured logs: one JSON line an event on stderr, keys from one vocabulary, control characters escaped."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO, cast

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def trail(key: str) -> dict[str, str]:
    """What binds the log lines of an event together with those of all others about the same thing.

    The keys of events begin with the resource name of what they are about: its id is the request id of the work, also
    in the services that are called meanwhile.

    Args:
        key: of an event. Example: ``articles/4kzq@2``.

    Returns:
        Variables of the context. Example: ``{"request_id": "4kzq"}``; none where the key has no such id.
    """
    id_ = re.split("[@:]", key, maxsplit=1)[0].rpartition("/")[2]
    return {"request_id": id_} if _ID.fullmatch(id_) else {}


class _Stderr:
    """The standard error of the moment; a reader that went away never breaks the work that is logged."""

    def write(self, text: str) -> None:
        """Write a line, or lose it."""
        with contextlib.suppress(ValueError, OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        """Flush, where there is somebody to flush to."""
        with contextlib.suppress(ValueError, OSError):
            sys.stderr.flush()


class _Lines(logging.Formatter):
    """Gives the lines of libraries the form of our own."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line = {
            "logger": record.name,
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(level: str = "info") -> None:
    """Send the logs of the project, and warnings of its libraries, to stderr as JSON lines."""
    _structure(level)
    handler = logging.StreamHandler(cast(TextIO, _Stderr()))
    handler.setFormatter(_Lines())
    logging.basicConfig(level=max(LEVELS[level], logging.WARNING), handlers=[handler], force=True)


def _structure(level: str) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Stderr())),
        cache_logger_on_first_use=False,
    )


class _Logger:
    """Takes the configuration that holds when a line is written: modules make their loggers before there is any.

    Where there is none yet, warnings go to stderr: stdout belongs to what a program answers.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, level: str) -> Any:
        if not structlog.is_configured():
            _structure("warning")
        return getattr(structlog.get_logger().bind(logger=self._name), level)


def get_logger(name: str) -> Any:
    """The logger of a module; `name` stands in every line as `logger`."""
    return _Logger(name)
