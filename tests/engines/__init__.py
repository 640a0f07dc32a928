"""The real servers of the tests: each started by an unprivileged user on a free port of loopback, and stopped again."""

from tests.engines.base import Missing, Server
from tests.engines.elastic import Elastic
from tests.engines.nats import Nats
from tests.engines.postgres import Postgres

__all__ = ["Elastic", "Missing", "Nats", "Postgres", "Server"]
