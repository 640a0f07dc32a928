"""Stores that lie in PostgreSQL, by the programs that PostgreSQL ships for it: pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from services.core.errors import InvalidField, Unavailable
from services.core.sections.stores import PostgresSettings

LONGEST_S = 6 * 3600.0
"""Seconds after which a dump or restore is given up."""


def dump(settings: PostgresSettings, schemas: Sequence[str], target: Path) -> None:
    """Write one state of some schemas into a file, in the custom format of pg_dump.

    Raises:
        InvalidField: there is no pg_dump on this machine.
        Unavailable: pg_dump failed.
    """
    wanted = [f"--schema={schema}" for schema in schemas]
    _run("pg_dump", settings, ["--format=custom", "--no-owner", "--no-privileges", *wanted, f"--file={target}"])


def restore(settings: PostgresSettings, source: Path) -> None:
    """Replace the schemas of a dump in the database, all or nothing.

    Raises:
        InvalidField: there is no pg_restore on this machine.
        Unavailable: pg_restore failed; the database is as it was.
    """
    flags = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run("pg_restore", settings, [*flags, str(source)])


def _run(program: str, settings: PostgresSettings, arguments: Sequence[str]) -> None:
    if shutil.which(program) is None:
        raise InvalidField(
            program,
            "không có chương trình này; hãy cài gói postgresql-client của bản phân phối",
            "this program is missing; install the package postgresql-client of the distribution",
        )
    environment = dict(os.environ)
    if settings.password_file is not None:
        environment["PGPASSWORD"] = settings.password_file.read_text(encoding="utf-8").strip()
    done = subprocess.run(
        [program, f"--dbname={settings.url}", "--no-password", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1:] or [f"code {done.returncode}"]
        raise Unavailable(f"{program} không làm được: {why[0]}", f"{program} failed: {why[0]}")
