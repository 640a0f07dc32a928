"""Fixtures of all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)  # a busy machine takes its time; the rest stays as it was
settings.load_profile("patient")

ROOT = Path(__file__).parents[1]


def shared_dir() -> Path | None:
    """The folder with development data beside the checkout, or None."""
    path = Path(os.environ.get("NGOCLINH_SHARED") or ROOT.parent / "shared")
    return path if path.is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with development data; the test is skipped where it is absent."""
    path = shared_dir()
    if path is None:
        pytest.skip("the development data (../shared or NGOCLINH_SHARED) are not here")
    return path
