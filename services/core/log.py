"""Structured logs: one JSON line an event on stderr, keys from one vocabulary, control characters escaped."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, TextIO, cast

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


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


def configure(level: str = "info") -> None:
    """Send the logs of the project and of its libraries to stderr as JSON lines."""
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
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s", force=True
    )


class _Logger:
    """Takes the configuration that holds when a line is written: modules make their loggers before there is any."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, level: str) -> Any:
        return getattr(structlog.get_logger().bind(logger=self._name), level)


def get_logger(name: str) -> Any:
    """The logger of a module; `name` stands in every line as `logger`."""
    return _Logger(name)
