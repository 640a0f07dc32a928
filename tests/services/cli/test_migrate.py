"""`ngoclinh migrate` on the real server."""

from __future__ import annotations

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.adapters.cluster import migrate
from services.cli import app
from tests.engines import Postgres


def run(lang: str = "vi", **environment: str) -> Result:
    variables = {f"NGOCLINH_{key.upper()}": value for key, value in environment.items()}
    return CliRunner().invoke(app, ["--lang", lang, "migrate"], env=variables)


@pytest.mark.cluster
def test_it_tells_what_it_applied_and_does_nothing_the_second_time(postgres: Postgres) -> None:
    url = postgres.database()
    first, second = (run(mode="cluster", postgres__url=url, postgres__migrate="false") for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    lines = [
        f"{schema}: đã áp dụng " + ", ".join(script.name for script in migrate.scripts(schema))
        for schema in migrate.SCHEMAS
    ]
    assert first.stdout.splitlines() == lines
    assert second.stdout.splitlines() == [f"{schema}: không có gì phải làm" for schema in migrate.SCHEMAS]


@pytest.mark.cluster
def test_only_the_stores_that_lie_there_are_migrated(postgres: Postgres) -> None:
    found = run("en", stores__ledger="cluster", postgres__url=postgres.database())
    assert found.exit_code == 0, found.output
    assert [line.partition(":")[0] for line in found.stdout.splitlines()] == ["ledger"]


def test_without_a_store_in_postgresql_it_says_so() -> None:
    found = run("en", mode="embedded")
    assert found.exit_code == 2
    assert "No store lies in PostgreSQL" in found.output


@pytest.mark.cluster
def test_a_server_that_does_not_answer_is_told(postgres: Postgres) -> None:
    found = run(mode="cluster", postgres__url=postgres.dsn("khong_co"))
    assert found.exit_code == 2
    assert "Không dùng được PostgreSQL tại 127.0.0.1" in found.output
