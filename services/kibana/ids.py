"""Identities in Kibana: the same thing always has the same one, so that pushing again replaces it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

_NAMESPACE = uuid5(NAMESPACE_URL, "https://github.com/ngoclinh-ioc/ngoclinh/kibana")


@dataclass(frozen=True)
class Ids:
    """Identities of one office in one space; Kibana wants them to differ between spaces too.

    Args:
        alias: of the office's articles in Elasticsearch.
        space: of Kibana; empty means the default one.
    """

    alias: str
    space: str = ""

    def of(self, *path: str) -> str:
        """The identity of a thing by its kind and name, as a UUID. Example: ``of("dashboard", "overview")``."""
        return str(uuid5(_NAMESPACE, "/".join((self.space, self.alias, *path))))
