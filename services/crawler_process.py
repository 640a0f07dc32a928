"""The crawler child: `python -m services.crawler_process`, its job as JSON on standard input.

It ends with its parent, tells it that it lives, has a memory fence, and waits for an older crawler of the same folder to be gone: two of them
would ask one host twice as often as is polite.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path

from services.core import log
from services.core.config import Settings
from services.supervisor import Lock, beat

LOCK_WAIT_S = 30.0
_PR_SET_PDEATHSIG = 1


def command() -> list[str]:
    """The command line of the child."""
    return [sys.executable, "-m", "services.crawler_process"]


def job(settings: Settings, frontier: Path, once: bool) -> bytes:
    """What the child of this process reads on standard input."""
    return json.dumps(
        {"settings": settings.model_dump(mode="json"), "frontier": str(frontier), "once": once, "parent": os.getpid()}
    ).encode()


def environment() -> dict[str, str]:
    """The environment of the child: that of the program, with few memory arenas so that the fence holds."""
    return {**os.environ, "MALLOC_ARENA_MAX": "2"}


def main() -> None:
    """Read the job and crawl until the end of it or a signal."""
    told = sys.stdin.read()
    if not told:  # the parent died before it said what to do
        return
    beat()
    given = json.loads(told)
    settings = Settings.model_validate(given["settings"])
    log.configure(settings.log_level)
    memory = settings.crawler.memory_mb << 20
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != given["parent"]:  # it died while this process came up, before it could ask to go with it
            return
    from crawlers import run
    from services.stores import open_store

    frontier = Path(given["frontier"])
    with Lock(frontier.with_suffix(".lock"), LOCK_WAIT_S):
        beat()
        run.main(settings, open_store(settings, "bus"), frontier, given["once"], beat)


if __name__ == "__main__":
    main()
