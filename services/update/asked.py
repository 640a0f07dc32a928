"""`ngoclinh update --asked`: what a page asked for, done by root, who believes nothing that the page's program can write.

That program is the one that strangers reach; whoever broke into it writes as its user. So wish and bundle are read by
children with that user's rights, into a folder of root's, and only the signature decides. What such an intruder can get
is what an administrator could ask for: a newer release of the maker of this installation.
"""

from __future__ import annotations

import io
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import metadata
from pathlib import Path

from pydantic import ValidationError

from services.core.clock import Clock, utc_now
from services.core.errors import Conflict, Forbidden, NgocLinhError, RefusedFile
from services.update import children, record
from services.update.bundle import MOST_BYTES
from services.update.installing import Say, TakenBack, update
from services.update.places import INSTALLED, Places
from services.update.record import Result, Wish

LOOK_S, COPY_S = 20.0, 900.0
"""Seconds for which reading or removing the wish, and copying the bundle, may take."""
MOST_WISH = 4096
"""Bytes of the largest wish."""
FRESH = timedelta(hours=1)
"""A wish that lay for longer is no longer what anybody expects."""


def carry_out(say: Say, places: Places = INSTALLED, clock: Clock = utc_now) -> tuple[str, str]:
    """Do what the page asked for, and tell how it goes; returns the versions before and after.

    Raises:
        Forbidden: not as root, or others may write where root tells how it goes.
        NgocLinhError: nothing sensible was asked for, or as `update` raises.
    """
    if os.geteuid() != 0:
        raise Forbidden("Cần quyền root.", "Root is needed.")
    result = Result(state="running", before=metadata.version("ngoclinh"), start=clock())
    try:
        wish = _taken(places, clock)
        result = result.model_copy(update={"version": wish.version, "user": wish.user})
        record.write(places, result)
        with _beating(places), tempfile.TemporaryDirectory(prefix="ngoclinh-asked-") as folder:
            bundle = Path(folder) / "bundle.tar"
            with bundle.open("xb") as file:
                children.copy(places.as_user("cat", "--", str(places.bundle)), file, MOST_BYTES, COPY_S)
            before, after = update(bundle, say, places, wish.sha256, signed=True)
    except BaseException as error:
        vi, en = _reason(error)
        state = "taken_back" if isinstance(error, TakenBack) else "failed"
        record.write(places, result.model_copy(update={"state": state, "end": clock(), "vi": vi, "en": en}))
        raise
    record.write(places, result.model_copy(update={"state": "done", "version": after, "end": clock()}))
    return before, after


def _reason(error: BaseException) -> tuple[str, str]:
    if isinstance(error, NgocLinhError):
        return error.vi, error.en
    if isinstance(error, Exception):
        return f"Lỗi bên trong: {error}", f"An internal fault: {error}"
    return "Việc nâng cấp bị dừng; phiên bản cũ vẫn dùng.", "The update was ended; the old release stays."


def _taken(places: Places, clock: Clock) -> Wish:
    """The wish, which is gone afterwards: whatever comes of it, it comes once."""
    text = io.BytesIO()
    try:
        children.copy(places.as_user("cat", "--", str(places.wish)), text, MOST_WISH, LOOK_S)
    finally:
        children.run(places.as_user("rm", "-rf", "--", str(places.wish)), LOOK_S)
    try:
        wish = Wish.model_validate_json(text.getvalue())
    except ValidationError as error:
        raise RefusedFile("Yêu cầu nâng cấp không đọc được.", "What was asked for cannot be read.") from error
    if abs(clock() - wish.time) > FRESH:
        raise Conflict(
            "Yêu cầu nâng cấp đã quá cũ; hãy yêu cầu lại.", "The update was asked for too long ago; ask again."
        )
    return wish


@contextmanager
def _beating(places: Places) -> Iterator[None]:
    """While the block runs everybody sees that root works at it."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(record.BEAT_S):
            record.beat(places)

    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()
