"""Which stores there are, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from services.core.sections.base import Section


class StoresSettings(Section):
    """Which adapter stands behind each port; empty means the one of `mode`."""

    bus: Literal["", "embedded", "cluster"] = Field("", description="Events: a file, or NATS JetStream.")
    ledger: Literal["", "embedded", "cluster"] = Field("", description="Store of record: a file, or PostgreSQL.")
    index: Literal["", "embedded", "cluster"] = Field("", description="Search: a file, or Elasticsearch.")
    parcels: Literal["", "embedded", "cluster"] = Field("", description="Parcels: a file, or PostGIS.")


class NatsSettings(Section):
    """NATS JetStream, the bus of the cluster mode."""

    urls: list[str] = Field(["nats://127.0.0.1:4222"], description="Servers. Example: nats://nats.ngoclinh.svc:4222")
    credentials_file: Path | None = Field(None, description="File of the user's credentials (.creds).")
    ca_file: Path | None = Field(None, description="Certificates of the authorities that signed the servers'.")
    prefix: str = Field(
        "ngoclinh", pattern=r"^[a-z0-9-]{1,32}$", description="First word of the subjects and streams of this office."
    )
    replicas: int = Field(1, ge=1, le=5, description="Copies of every event; 3 in a cluster of three servers.")
    monitoring_url: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        description="The server's monitoring (its setting `http`): by it `ngoclinh doctor` sees whether every write is "
        "synced. Example: http://nats.ngoclinh.svc:8222",
    )


class PostgresSettings(Section):
    """PostgreSQL with PostGIS, ledger and parcels of the cluster mode."""

    url: str = Field(
        "postgresql://127.0.0.1/ngoclinh",
        description="Address with the name of the database and, if any, user and TLS options; never with a password.",
    )
    password_file: Path | None = Field(None, description="File with the password.")
    max_connections: int = Field(
        8, ge=2, le=100, description="Most connections of each store (ledger, parcels) of one process."
    )
    connect_timeout_s: float = Field(5, ge=2, le=60, description="Seconds to wait for a connection.")
    statement_timeout_s: float = Field(30, gt=0, le=600, description="Seconds after which a statement is given up.")
    migrate: bool = Field(
        True,
        description="Bring the schemas up to date at the first use. Where it is off, `ngoclinh migrate` does so, "
        "and the stores wait for it.",
    )


class ElasticsearchSettings(Section):
    """Elasticsearch, the index of the cluster mode."""

    urls: list[str] = Field(["http://127.0.0.1:9200"], description="Nodes.")
    username: str = Field("", description="User; empty where the cluster asks for none.")
    password_file: Path | None = Field(None, description="File with the password.")
    ca_file: Path | None = Field(None, description="Certificates of the authorities that signed the nodes'.")
    alias: str = Field(
        "ngoclinh-articles",
        pattern=r"^[a-z0-9-]{1,64}$",
        description="Alias of the indices; their names begin with it.",
    )
    partition: Literal["single", "monthly"] = Field(
        "single",
        description="One index, enough for a commune, or one for each month of first collection, for a province. "
        "A change takes effect with `ngoclinh index rebuild`.",
    )
    replicas: int = Field(0, ge=0, le=2, description="Further copies of every index.")
    refresh_s: float = Field(
        1, gt=0, le=60, description="Seconds until what one process put is found by others; it finds its own at once."
    )
    timeout_s: float = Field(10, gt=0, le=120, description="Seconds to wait for an answer.")
    snapshot_repository: str = Field(
        "",
        pattern=r"^[a-z0-9-]{0,64}$",
        description="Repository of the cluster for `ngoclinh index snapshot`; empty means none.",
    )
    snapshot_folder: str = Field(
        "",
        description="Folder of that repository, the same on all nodes and in their `path.repo`; it is registered at its "
        "first use. Empty where an administrator registers the repository.",
    )


class KibanaSettings(Section):
    """Kibana, where analysts work."""

    url: str = Field("http://127.0.0.1:5601", description="Address.")
    username: str = Field("", description="User; empty where Kibana asks for none.")
    password_file: Path | None = Field(None, description="File with the password.")
    ca_file: Path | None = Field(None, description="Certificates of the authorities that signed Kibana's.")
    space: str = Field("", pattern=r"^[a-z0-9_-]{0,64}$", description="Space; empty means the default one.")
