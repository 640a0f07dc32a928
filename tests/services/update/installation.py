"""An installation that a test makes in a folder of its own."""

from __future__ import annotations

from pathlib import Path

from services.update.places import Places


def places_in(root: Path) -> Places:
    """Where everything of it lies; nothing of it is made."""
    return Places(
        opt=root / "opt", data=root / "data", units=root / "units", command=root / "command", key=root / "release.pub",
        state=root / "state",
    )  # fmt: skip
