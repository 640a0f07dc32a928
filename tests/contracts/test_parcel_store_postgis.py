"""PostgreSQL with PostGIS keeps the clauses of `ParcelStore`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.parcel_store import ParcelStoreContract
from tests.engines import Postgres

pytestmark = pytest.mark.cluster


class TestPostgisParcelStore(ParcelStoreContract):
    factory = "services.adapters.cluster.parcels_postgis:PostgisParcelStore"

    @pytest.fixture(autouse=True)
    def server(self, postgres: Postgres) -> None:
        self.postgres = postgres

    def location(self, tmp_path: Path) -> str:
        return self.postgres.database()

    def fresh(self, place: str) -> str:
        name = place.rpartition("/")[2]
        self.postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")
        self.postgres.sql(f"CREATE DATABASE {name}")
        return place
