"""A place of its own on the three servers for every test: a database, a prefix of subjects, an alias of indices."""

from __future__ import annotations

import json
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engines import Elastic, Nats, Postgres

Servers = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where one test works.

    Attributes:
        nats: the server of the bus.
        postgres: the server of ledger and parcels.
        elastic: the server of the index.
        database: address of a database.
        word: prefix of the subjects and alias of the indices.
    """

    nats: Nats
    postgres: Postgres
    elastic: Elastic
    database: str
    word: str

    @classmethod
    def on(cls, nats: Nats, postgres: Postgres, elastic: Elastic) -> Place:
        """A new place on three servers that run."""
        return cls(nats, postgres, elastic, postgres.database(), f"t{uuid.uuid4().hex[:10]}")

    @property
    def sections(self) -> str:
        """The settings that lead there, as TOML; `mode` stands before all sections."""
        return (
            f'[nats]\nurls = ["{self.nats.url}"]\nprefix = "{self.word}"\n'
            f'[postgres]\nurl = "{self.database}"\n'
            f'[elasticsearch]\nurls = ["{self.elastic.url}"]\nalias = "{self.word}"\n'
        )

    def indices(self) -> list[str]:
        """Names of the indices behind the alias, and of those beside them."""
        return sorted(json.loads(self._ask("GET", f"/{self.word}*?expand_wildcards=all&features=aliases")))

    def throw_away(self) -> None:
        """Delete every index of the place."""
        for name in self.indices():
            self._ask("DELETE", f"/{name}")

    def ask_for(self, query: str) -> int:
        """How many documents there are of a query, which is JSON; those that were erased just now do not count."""
        self._ask("POST", f"/{self.word}-*/_refresh")
        return int(json.loads(self._ask("POST", f"/{self.word}-*/_count", query))["count"])

    def _ask(self, method: str, path: str, body: str = "") -> bytes:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.elastic.url + path, body.encode() or None, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            body: bytes = answer.read()
            return body


def in_cluster(file: Path, place: Place) -> Path:
    """Settings of the embedded mode as settings of the cluster mode, beside them."""
    text = f'mode = "cluster"\n{file.read_text(encoding="utf-8")}{place.sections}'
    made = file.with_name(f"cluster-{file.name}")
    made.write_text(text.replace('/data"', '/cluster-data"', 1), encoding="utf-8")
    return made
