"""An installation that a test makes in a folder of its own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from services.core.clock import utc_now
from services.core.errors import NgocLinhError
from services.update import asked, record
from services.update.places import Places
from tests.services.test_signature import made, sign

NOBODY = 65534
INSTALL = """
new={opt}/releases/9.0.0/bin
mkdir -p $new
cp trial release $new/
mv $new/release $new/ngoclinh
chmod 755 $new/ngoclinh
"""
NEW = """#!/bin/sh
case " $* " in *" up "*) exec sh {opt}/releases/9.0.0/bin/trial ;; esac
exec {opt}/current/bin/ngoclinh "$@"
"""
OLD = """#!/bin/sh
umask; id -u; pwd; env
echo "$@" >> {data}/calls
"""


def places_in(root: Path) -> Places:
    """Where everything of it lies; nothing of it is made."""
    return Places(
        opt=root / "opt", data=root / "data", units=root / "units", command=root / "command", key=root / "release.pub",
        state=root / "state",
    )  # fmt: skip


class Office:
    """An installation in a folder of its own; its service runs as nobody."""

    def __init__(self, root: Path) -> None:
        root.chmod(0o755)
        self.root = root
        self.private, self.other = root / "key.pem", root / "other.pem"
        for key in (self.private, self.other):
            sign("key", key, key)
        self.places = replace(places_in(root), key=root / "etc/release.pub", user=str(NOBODY))
        (root / "etc").mkdir()
        sign("pub", root / "etc", self.private)
        old = self.places.opt / "releases/old/bin"
        old.mkdir(parents=True)
        (old / "ngoclinh").write_text(OLD.format(data=self.places.data))
        (old / "ngoclinh").chmod(0o755)
        (self.places.opt / "current").symlink_to("releases/old")
        self.places.wish.parent.mkdir(parents=True)
        for folder in (self.places.data, self.places.wish.parent):
            folder.chmod(0o700)
            os.chown(folder, NOBODY, NOBODY)

    def bundle(self, key: Path | None = None, version: str = "9.0.0", up: str = "exit 7") -> str:
        """Let a bundle wait, signed by the maker or by another; its hash. The new release does `up` when it is tried."""
        opt = self.places.opt
        files = {"install": f"cd $(dirname $0)\n{INSTALL.format(opt=opt)}", "release": NEW.format(opt=opt), "trial": up}
        files |= {"ngoclinh": "", "ngoclinh.service": ""}
        with tempfile.TemporaryDirectory() as folder:
            file = made(Path(folder) / "x", key, version, **files)
            shutil.copy(file, self.places.bundle)
        return hashlib.sha256(self.places.bundle.read_bytes()).hexdigest()

    def wish(self, sha256: str, **changes: object) -> None:
        """Ask as the page does."""
        wish = record.Wish(sha256=sha256, version="9.0.0", user="lan.le", time=utc_now())
        self.places.wish.write_text(wish.model_copy(update=changes).model_dump_json())

    def asked(self) -> record.Result:
        """What root does and then tells; the wish is gone whatever comes of it."""
        with contextlib.suppress(NgocLinhError):
            asked.carry_out(lambda vi, en: None, self.places)
        assert not os.path.lexists(self.places.wish)
        return self.result()

    def result(self) -> record.Result:
        """What everybody can read."""
        found = record.read(self.places)
        assert found
        return found[0]
