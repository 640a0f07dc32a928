"""Near-duplicates: MinHash over pairs of syllables.

Two texts that share the share J of their shingles agree in about the share J of their signature's values. Bands find
candidates without comparing all: texts with J = 0.5 share a band with probability 0.64, with J = 0.6 with 0.89. A reprint
with every tenth syllable changed has J = 0.7; shingles of four syllables or a SimHash would lose it.
"""

from __future__ import annotations

import hashlib
import zlib

import numpy as np
from numpy.typing import NDArray

from services.core.vietnamese import tokens

SHINGLE = 2
"""Syllables of a shingle."""
VALUES = 64
"""Values of a signature."""
BANDS = 16
"""Bands of a signature."""
THRESHOLD = 0.5
"""Share of equal values from which two texts count as one story."""
MIN_TOKENS = 12
"""Texts with fewer syllables have no signature: chance would make them alike."""

_random = np.random.default_rng(20251)
_FACTORS = _random.integers(1, 1 << 63, VALUES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_OFFSETS = _random.integers(0, 1 << 63, VALUES, dtype=np.uint64)


def signature(text: str) -> bytes:
    """The MinHash signature of a text: 64 little-endian uint32 values; empty for a very short text."""
    syllables = tokens(text)
    if len(syllables) < MIN_TOKENS:
        return b""
    shingles = {" ".join(syllables[i : i + SHINGLE]) for i in range(len(syllables) - SHINGLE + 1)}
    hashes = np.fromiter((zlib.crc32(shingle.encode()) for shingle in shingles), np.uint64, len(shingles))
    mixed: NDArray[np.uint64] = hashes[:, None] * _FACTORS + _OFFSETS  # modulo 2^64; the upper half is well mixed
    return bytes((mixed >> np.uint64(32)).min(axis=0).astype("<u4").tobytes())


def similarity(first: bytes, second: bytes) -> float:
    """The estimated share of common shingles of two texts, 0 to 1; 0 where one has no signature."""
    if not first or not second:
        return 0.0
    return float(np.mean(np.frombuffer(first, "<u4") == np.frombuffer(second, "<u4")))


def bands(value: bytes) -> list[int]:
    """One number a band: texts that share any are candidates. Signed 64-bit; empty for an empty signature."""
    size = len(value) // BANDS
    return [
        int.from_bytes(
            hashlib.blake2b(bytes([i]) + value[i * size : (i + 1) * size], digest_size=8).digest(),
            "little",
            signed=True,
        )
        for i in range(BANDS if value else 0)
    ]
