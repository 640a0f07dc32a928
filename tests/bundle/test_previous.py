"""From a release of before to this one: what an office has is there afterwards, over another schema of the stores."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.server import DEBIAN_12, NEEDED, ROOT, Server, build, set_version
from tests.bundle.work import DATA, articles, work
from tests.gis import files

pytestmark = NEEDED

OLD = "6.9.0"
PARCELS = 5


def previous(folder: Path, key: Path) -> Path:
    """A bundle of the newest revision that an upgrade may begin from and that can be built, by its own scripts."""
    revisions = subprocess.run([ROOT / "tests/previous-revisions"], check=True, capture_output=True, text=True)
    why = "git knows none"
    for revision in revisions.stdout.split():
        source = folder / revision
        source.mkdir()
        archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", source], input=archive.stdout, check=True)
        shutil.copytree(ROOT / "services/gateway/web/dist", source / "services/gateway/web/dist")
        for shared in (".venv", ".venv-sbom"):
            (source / shared).symlink_to(ROOT / shared)
        set_version(source, OLD)
        try:
            return build(source, key, {"BUNDLE_PYTHON": DEBIAN_12.interpreter()})
        except (AssertionError, OSError) as error:
            why = f"{revision[:7]}: {error}"
    pytest.skip(f"no bundle of a revision before this one: {why[-500:]}")


def kept(folder: Path, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """Rows of the ledger and of the parcels: of all columns, or of those that were there before."""
    found: dict[str, Any] = {}
    for store in ("ledger", "parcels"):
        with closing(sqlite3.connect(folder / f"{store}.sqlite")) as file:
            tables = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'"
            for (table,) in file.execute(tables).fetchall():
                listed = [name for (name,) in file.execute(f"SELECT name FROM pragma_table_info('{table}')")]
                columns = before.get(f"{store}.{table}", ([],))[0] if before is not None else listed
                rows = file.execute(f'SELECT {", ".join(columns)} FROM "{table}"') if columns else ()
                found[f"{store}.{table}"] = columns, sorted(map(repr, rows))
    return {name: each for name, each in found.items() if before is None or name in before}


def test_an_update_from_a_release_of_before_keeps_articles_and_parcels(
    tmp_path: Path, bundles: dict[str, Path]
) -> None:
    old = previous(tmp_path, bundles["first"].with_name("key.pem"))
    server = Server(tmp_path / "root")
    server.sound(f"tar -xf {server.bring(old)} -C /srv && /srv/ngoclinh-{OLD}/install")
    assert f"ngoclinh {OLD}" in server.sound("ngoclinh --version")
    work(server, "một", "hai", "ba")
    sheet = server.bring(files.write(tmp_path / "to3.gpkg", files.squares(PARCELS), files.cadastral_columns(PARCELS)))
    imported = f"ngoclinh --lang en parcels import {sheet} --commune 20944 --edition 2004 --as-of 2024-06-30"
    assert f"{PARCELS} parcels" in server.sound(imported)
    before = kept(server.root / DATA)
    assert {name: len(before[name][1]) for name in ("ledger.article", "parcels.head")} == {
        "ledger.article": 3, "parcels.head": PARCELS,
    }  # fmt: skip

    told = server.sound(f"ngoclinh --lang en update {server.bring(bundles['first'])}")
    assert f"{OLD} → 7.0.0" in told
    assert kept(server.root / DATA, before) == before
    work(server, "bốn")
    assert articles(server) == 4
    server.sound(imported)
    assert len(kept(server.root / DATA)["parcels.head"][1]) == PARCELS, "the same parcels once more"
