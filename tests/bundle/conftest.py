"""Bundles, built once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bundle.server import bundle, sign, signed_again


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Releases of one maker, and what others made of the second one."""
    folder = tmp_path_factory.mktemp("bundles")
    key, other = folder / "key.pem", folder / "other.pem"
    sign("key", key, key)
    sign("key", other, other)
    made = {
        "first": bundle("7.0.0", folder, key),
        "next": bundle("7.1.0", folder, key),
        "broken": bundle("7.2.0", folder, key, broken=True),
        "last": bundle("7.3.0", folder, key),
    }
    again = {"forged": other, "unsigned": None}
    return made | {name: signed_again(made["next"], folder, by) for name, by in again.items()}
