"""What is not Python and must be in the wheel."""

from __future__ import annotations

from hatchling.builders.wheel import WheelBuilder

from tests.conftest import ROOT


def test_the_migrations_of_the_database_are_in_the_wheel() -> None:
    wanted = {str(file.relative_to(ROOT)) for file in (ROOT / "services/adapters/cluster/migrations").rglob("*.sql")}
    included = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert wanted
    assert wanted <= included
