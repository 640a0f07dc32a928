"""What the codes of topics, heads and labels are called in Vietnamese, in every text that people read."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path


@cache
def labels() -> dict[str, dict[str, str]]:
    """What codes are called: the tables ``topics``, ``heads``, and one for the labels of each head."""
    tables: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return tables
