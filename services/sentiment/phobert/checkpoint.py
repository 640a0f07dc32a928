"""What a directory of a PhoBERT classifier says about itself: heads, card, licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.sentiment.weights import Head


@dataclass(frozen=True)
class Checkpoint:
    """A model in a directory."""

    name: str
    version: str
    licence: str
    """SPDX, as the card names it."""
    training_data: str
    card: str
    """The card in Markdown."""
    heads: tuple[Head, ...]
    """In the order of the columns of the model."""
    segmenter: str
    """Name of the word segmentation that it was trained with; empty where nothing is known."""
    files: Mapping[str, str]
    """blake2b of each file that serving needs."""
