"""Where the embedded stores lie: one file each in the data folder."""

from __future__ import annotations

from pathlib import Path


class Files:
    """Paths of the stores of one data folder; nothing is made or opened.

    Args:
        data_dir: the folder.
    """

    def __init__(self, data_dir: Path) -> None:
        self.bus = data_dir / "bus.sqlite"
        self.ledger = data_dir / "ledger.sqlite"
        self.index = data_dir / "index.sqlite"
        self.parcels = data_dir / "parcels.sqlite"
        self.frontier = data_dir / "frontier.sqlite"
