"""One tree of settings: default < ngoclinh.toml < NGOCLINH_SECTION__KEY < flag. Unknown keys are errors.

Read once, in `services.bootstrap`, and passed down. Every field's description becomes `ngoclinh.example.toml`
and `docs/reference/settings.md`.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from services.core.errors import InvalidField

ENV_PREFIX = "NGOCLINH_"


def default_data_dir() -> Path:
    """The XDG data folder of the product."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "ngoclinh"


class Section(BaseModel):
    """Base of all sections: unknown keys are refused, values are not changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GatewaySettings(Section):
    """REST, dashboard."""

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on. Beyond loopback only with certificates or `tls_by_proxy`, and only users come in.",
    )
    port: int = Field(8080, ge=0, le=65535, description="Port; 0 takes a free one.")
    allowed_hosts: list[str] = Field(
        [], description="Host names that requests may carry, besides localhost and the address listened on."
    )
    allowed_origins: list[str] = Field(
        [], description="Origins that may send requests, besides the gateway's own. Example: https://ioc.example.vn"
    )
    users_file: Path | None = Field(
        None,
        description="File with first users, a line `name:hash` each: those whom the ledger does not know are added to it "
        "as administrators at the start.",
    )
    tls_cert_file: Path | None = Field(None, description="Certificate chain, PEM.")
    tls_key_file: Path | None = Field(None, description="Private key, PEM.")
    tls_by_proxy: bool = Field(
        False,
        description="TLS ends at a proxy in front, and nobody but the proxy reaches the port: an ingress in a cluster.",
    )
    max_body_mb: int = Field(2, ge=1, le=64, description="Largest JSON body in MB.")


class TokenSettings(Section):
    """Bearer tokens of an identity provider (OpenID Connect), taken by REST and gRPC."""

    issuer: str = Field("", description="Who issues the tokens, exactly as they say; empty takes none.")
    audience: str = Field("", description="For whom they are issued. Example: ngoclinh")
    jwks_file: Path | None = Field(None, description="File with the provider's public keys (JWKS).")
    jwks_url: str = Field("", description="Address of the keys where there is no file: https, or http on this machine.")
    algorithms: list[str] = Field(
        ["RS256", "ES256"], description="Signatures that are believed, with public keys only."
    )
    leeway_s: float = Field(30, ge=0, le=120, description="Seconds by which clocks may differ.")
    keys_max_age_s: float = Field(3600, ge=60, description="Seconds after which the keys are read again.")
    name_claim: str = Field(
        "preferred_username", description="Claim with the name of the user; `sub` where it is missing."
    )
    roles_claim: str = Field("realm_access.roles", description="Claim with the roles, dotted.")
    role_prefix: str = Field(
        "ngoclinh-", description="What the roles of the product begin with there. Example: ngoclinh-land_officer"
    )
    areas_claim: str = Field(
        "", description="Claim with the ids of watch areas that the user may see; empty, or a token without: all."
    )


class ProviderSettings(Section):
    """Signing in to the dashboard at an identity provider (OpenID Connect); claims are read as `auth.tokens` says."""

    issuer: str = Field("", description="The provider, exactly as its tokens say; empty means none.")
    client_id: str = Field("", description="What the product is called there. Example: ngoclinh-dashboard")
    client_secret_file: Path | None = Field(
        None, description="File with the secret of the client; none with PKCE alone."
    )
    redirect_url: str = Field("", description="Example: https://ioc.example.vn/v1/session/callback")
    scope: str = Field("openid profile", description="What is asked for.")
    title: str = Field("", description="What the button calls it. Example: Cổng định danh tỉnh")


class AuthSettings(Section):
    """Who may come in. Users are kept in the ledger: `ngoclinh users`."""

    session_idle_minutes: int = Field(30, ge=1, le=1440, description="Minutes without use after which a session ends.")
    session_hours: int = Field(12, ge=1, le=168, description="Hours after which a session ends in any case.")
    lockout_failures: int = Field(5, ge=3, le=20, description="Failed sign-ins in a row that close a name for a while.")
    lockout_minutes: int = Field(15, ge=1, le=1440, description="Minutes for which it stays closed.")
    sign_ins_per_minute: int = Field(20, ge=1, description="Passwords that are tried for one address in a minute.")
    calls_per_second: float = Field(50, ge=0, description="Calls of one user, in the long run; 0 sets no limit.")
    calls_at_once: int = Field(200, ge=10, description="Calls of one user in a burst.")
    audit_days: int = Field(365, ge=90, description="Days for which the audit log is kept; at least three months.")
    local_sign_in: bool = Field(True, description="Take passwords of users in the ledger, besides the provider.")
    tokens: TokenSettings = TokenSettings()
    provider: ProviderSettings = ProviderSettings()


class GrpcSettings(Section):
    """gRPC between services and for other programs."""

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on. Beyond loopback only with the three certificate files or `trust_network`.",
    )
    port: int = Field(50051, ge=0, le=65535, description="Port; 0 takes a free one.")
    reflection: bool = Field(True, description="Answer reflection requests.")
    default_deadline_s: float = Field(30, gt=0, le=60, description="Deadline of a call that sets none, in seconds.")
    max_concurrent: int = Field(256, ge=1, description="Calls in progress before further ones are refused.")
    tls_cert_file: Path | None = Field(None, description="Our certificate chain, PEM, shown as server and as client.")
    tls_key_file: Path | None = Field(None, description="Its private key, PEM.")
    ca_file: Path | None = Field(
        None, description="Authorities whose certificates are believed, of clients and of servers, PEM."
    )
    trust_network: bool = Field(
        False,
        description="Listen beyond loopback without certificates: only where the network lets nobody but our own "
        "services reach the port, as network policies do.",
    )
    health_address: str = Field(
        "",
        description="host:port of a second port that answers health checks only, for probes that know no certificates.",
    )
    max_connection_age_s: int = Field(
        300, ge=10, description="Seconds after which a client connects anew and so finds new servers."
    )


class PeersSettings(Section):
    """Where services run that do not run in this process; empty means here."""

    area: str = Field("", description="AreaService. Example: dns:///ngoclinh-gateway:50051")
    media: str = Field("", description="MediaService and AlertService.")
    sentiment: str = Field("", description="SentimentService.")
    land: str = Field("", description="LandService.")
    imports: str = Field("", description="ImportService.")
    situation: str = Field("", description="SituationService.")
    operations: str = Field("", description="OperationsService.")
    access: str = Field("", description="AccessService.")


class CrawlerSettings(Section):
    """Polite crawling."""

    enabled: bool = Field(True, description="Crawl while the product runs.")
    contact: str = Field(
        "https://github.com/ngoclinh-ioc/ngoclinh",
        description="Address or mail that the user agent names, so that a site can reach the office.",
    )
    delay_s: float = Field(
        5,
        ge=2,
        description="Seconds between two requests to one host, start to start; a longer Crawl-delay wins. Floor 2.",
    )
    timeout_s: float = Field(30, gt=0, description="Seconds without a byte after which a page is given up.")
    total_timeout_s: float = Field(
        60, gt=0, le=120, description="Seconds after which a page is given up however it trickles."
    )
    max_page_mb: int = Field(10, ge=1, le=64, description="Largest page in MB, decompressed.")
    concurrent_requests: int = Field(
        16, ge=1, le=64, description="Requests in progress over all hosts; each host has one at most."
    )
    sources_dir: Path | None = Field(
        None,
        description="Folder with the operator's source files (*.toml), besides those of the package; "
        "sources that are added in the dashboard go there. Default: `sources` in the data folder.",
    )
    bundled_sources: bool = Field(True, description="Also use the sources of the package.")
    sources: list[str] = Field([], description="Only these sources; empty means all.")
    allow_private_hosts: list[str] = Field(
        [], description="host:port pairs on private or loopback addresses that may be crawled, for tests and intranets."
    )
    proxy: str = Field(
        "",
        pattern=r"^(https?://[^/@\s]+)?$",
        description="Proxy for everything that is crawled, without a password in it. Names are still resolved and checked "
        "here first, so this machine needs DNS; the proxy resolves them again and must itself refuse private addresses. "
        "Example: http://proxy.example.vn:3128",
    )
    relevance_gate: bool = Field(
        True, description="Keep articles of national sources only where they name a place of a watch area's province."
    )
    check_hours: int = Field(
        24,
        ge=0,
        le=8760,
        description="Hours between two checks whether a source still reads as declared; 0 checks none.",
    )
    memory_mb: int = Field(1024, ge=256, description="Memory fence of the crawler process in MB.")
    shards: int = Field(1, ge=1, le=64, description="Crawlers that share the hosts.")
    shard: int = Field(0, ge=0, le=63, description="Which of them this one is, from 0.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.shard >= self.shards:
            raise ValueError(f"shard {self.shard} of {self.shards}: they are counted from 0")
        return self


class MediaSettings(Section):
    """Keeping articles."""

    events_at_once: int = Field(
        64, ge=1, le=256, description="Collected articles that are recorded and indexed at the same time."
    )
    events_together: int = Field(
        250, ge=1, le=500, description="Most analysed articles that are recorded and indexed in one step."
    )


class SentimentSettings(Section):
    """The classifier."""

    model_dir: Path | None = Field(
        None,
        description="Folder of a PhoBERT classifier, as `ngoclinh model export` writes it; "
        "empty means the bundled baseline.",
    )
    backend: Literal["onnx", "torch"] = Field(
        "onnx", description="What runs a PhoBERT classifier: ONNX Runtime, or transformers with torch."
    )
    precision: Literal["int8", "fp32"] = Field("int8", description="Which of the two exported ONNX models runs.")
    segmenter: Literal["rdr", "pyvi", "none"] = Field(
        "rdr",
        description="Word segmentation in front of PhoBERT: the rules of RDRSegmenter, which PhoBERT was trained with, "
        "pyvi, or none.",
    )
    segmenter_dir: Path | None = Field(
        None,
        description="Folder with `wordsegmenter.rdr`, `vi-vocab` and, for names, the jar of RDRSegmenter or VnCoreNLP; "
        "empty means the installed package python_rdrsegmenter.",
    )
    accept_licence: str = Field(
        "",
        description="Licence that is accepted although a gate would refuse it, exactly as the card of the model names "
        'it. Example: agpl-3.0. The value "none" accepts a model without a licence.',
    )
    max_text_chars: int = Field(
        20_000, ge=1000, description="Characters of a text that are analysed; the rest is cut and `truncated` says so."
    )
    workers: int = Field(
        0,
        ge=0,
        le=64,
        description="Threads that run the model, each on one processor; 0 takes one for each processor, 4 at most.",
    )
    batch_tokens: int = Field(
        512, ge=256, le=8192, description="Largest batch: number of its texts times the tokens of the longest."
    )
    window_ms: float = Field(
        5, ge=0, le=50, description="Milliseconds for which a batch waits for further texts, while it is not full."
    )
    max_queue_tokens: int = Field(
        1_000_000, ge=10_000, description="Tokens that may wait; a call that finds too little room is refused."
    )
    max_queue_mb: int = Field(
        64, ge=16, description="MB of texts that may wait; a call that finds too little room is refused."
    )


class AlertSettings(Section):
    """Alerts."""

    webhook_hosts: list[str] = Field(
        [],
        description="host:port pairs to which alert rules may send their alerts; these may lie in the office's own network.",
    )


class TracingSettings(Section):
    """Traces by OpenTelemetry (`pip install 'ngoclinh[otel]'`)."""

    enabled: bool = Field(False, description="Send traces to a collector.")
    endpoint: str = Field(
        "http://127.0.0.1:4318",
        pattern=r"^https?://",
        description="Collector that takes OTLP over HTTP, without /v1/traces.",
    )
    sample_ratio: float = Field(1.0, ge=0, le=1, description="Share of the traces that are kept.")
    service_name: str = Field("ngoclinh", min_length=1, description="Name under which the traces are kept.")


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


class LandSettings(Section):
    """Reading and validating parcels."""

    max_upload_mb: int = Field(512, ge=1, description="Largest file in MB.")
    reader_memory_mb: int = Field(2048, ge=256, description="Memory fence of the reader process in MB.")
    reader_timeout_s: float = Field(300, gt=0, description="Seconds after which the reader process is ended.")
    max_parcels: int = Field(2_000_000, ge=1, description="Most parcels in one file.")
    max_vertices: int = Field(100_000, ge=100, description="Most vertices of one parcel; a larger one is a finding.")
    keep_owners: bool = Field(
        False,
        description="Keep what imported files say of owners, apart from the parcels: personal data, see docs/security.md.",
    )


class SituationSettings(Section):
    """The joined view."""

    days: int = Field(30, ge=1, description="Days that a situation covers where no range is asked for.")
    stale_after_hours: float = Field(24, gt=0, description="Age at which data of the media half are marked as stale.")


class RetentionSettings(Section):
    """How long what is kept; articles under a hold are kept for ever."""

    enabled: bool = Field(True, description="Forget every day what is due.")
    text_months: int = Field(
        6,
        ge=0,
        le=1200,
        description="Months after the last collection for which an article keeps its whole text, then an excerpt; 0 means for ever.",
    )
    evidence_months: int = Field(
        60, ge=0, le=1200, description="Months for which files that people added are kept; 0 means for ever."
    )
    article_months: int = Field(
        60, ge=0, le=1200, description="Months for which articles are kept at all; 0 means for ever."
    )
    max_share: float = Field(0.05, gt=0, le=1, description="Largest share of all articles that one run touches.")
    max_clock_offset_s: float = Field(
        3600,
        gt=0,
        description="Seconds by which this machine's clock may differ from what the watched sites state; beyond, nothing is forgotten.",
    )
    max_silence_days: int = Field(
        30,
        ge=1,
        description="Days for which a clock is believed that nobody confirms: no site, no new data, no earlier run.",
    )


class BackupSettings(Section):
    """The daily backup."""

    folder: Path | None = Field(
        None, description="Folder of the daily backups, best on another disk; empty makes none by itself."
    )
    hour: int = Field(2, ge=0, le=23, description="Hour of the day in Vietnam after which it is made.")
    keep: int = Field(7, ge=1, le=1000, description="Daily backups that are kept.")
    max_upload_mb: int = Field(
        20_000, ge=1, le=1_000_000, description="Largest backup or bundle that the settings page takes, in MB."
    )


class ObservabilitySettings(Section):
    """What is measured, for Prometheus."""

    metrics_address: str = Field(
        "",
        description="host:port of a port that answers /metrics only, without users; empty opens none. Beyond this machine "
        "only where the network lets nobody but the monitoring reach it. The gateway has /metrics for its users besides.",
    )


class WatchAreaSettings(Section):
    """One watch area."""

    title: str = Field(description="Display name.")
    areas: list[str] = Field(min_length=1, description="Codes of the communes of today, 5 digits each.")


NAM_TRA_MY = WatchAreaSettings(title="Nam Trà My", areas=["20944", "20941", "20950", "20938", "20959"])
"""The five communes of the former district, the default watch area."""


class _Origins(dict[str, tuple[str, str]]):
    """What `load` saw, by dotted key; settings are the same wherever their values come from."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Origins)

    __hash__ = None


class Settings(Section):
    """Everything that an operator may set."""

    mode: Literal["embedded", "cluster"] = Field(
        "embedded",
        description="Which adapters to use: embedded keeps everything in files on this machine, "
        "cluster in NATS, PostgreSQL and Elasticsearch.",
    )
    data_dir: Path = Field(
        default_factory=default_data_dir, description="Folder of the stores. Default: the XDG data folder."
    )
    lang: Literal["vi", "en"] = Field("vi", description="Language of messages on the command line.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="Least severe log line that is written."
    )
    default_watch_area: str = Field("nam-tra-my", description="Watch area where none is asked for.")
    watch_areas: dict[str, WatchAreaSettings] = Field({"nam-tra-my": NAM_TRA_MY}, description="Watch areas by id.")
    gateway: GatewaySettings = GatewaySettings()
    auth: AuthSettings = AuthSettings()
    grpc: GrpcSettings = GrpcSettings()
    peers: PeersSettings = PeersSettings()
    crawler: CrawlerSettings = CrawlerSettings()
    media: MediaSettings = MediaSettings()
    sentiment: SentimentSettings = SentimentSettings()
    alerts: AlertSettings = AlertSettings()
    land: LandSettings = LandSettings()
    situation: SituationSettings = SituationSettings()
    retention: RetentionSettings = RetentionSettings()
    backup: BackupSettings = BackupSettings()
    observability: ObservabilitySettings = ObservabilitySettings()
    tracing: TracingSettings = TracingSettings()
    stores: StoresSettings = StoresSettings()
    nats: NatsSettings = NatsSettings()
    postgres: PostgresSettings = PostgresSettings()
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    kibana: KibanaSettings = KibanaSettings()
    _origins: _Origins = PrivateAttr(default_factory=lambda: _Origins())

    def origin(self, key: str) -> tuple[str, str]:
        """Where the value of a dotted key comes from, as `load` read it: what ("default", "file", …), and its name."""
        for known, where in self._origins.items():
            if f"{known}.".startswith(f"{key}.") or f"{key}.".startswith(f"{known}."):
                return where
        return ("default", "")


def load(
    path: Path | None = None, environ: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> Settings:
    """Read the settings.

    Args:
        path: a TOML file; None reads `ngoclinh.toml` of the working folder where there is one.
        environ: variables of the environment, default `os.environ`.
        flags: values from the command line by dotted key; None values are left out.

    Raises:
        InvalidField: an unknown key (the message names the nearest one) or a value out of range.
    """
    tree: dict[str, Any] = {}
    origins: dict[str, tuple[str, str]] = {}
    file = path or Path("ngoclinh.toml")
    if path is not None or file.is_file():
        try:
            tree = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise InvalidField(
                str(file), f"không đọc được: {error.strerror}", f"cannot be read: {error.strerror}"
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidField(str(file), f"không phải TOML đúng: {error}", f"is not valid TOML: {error}") from error
        origins = dict.fromkeys(_leaves(tree), ("file", str(file)))
    for key, value in (environ if environ is not None else os.environ).items():
        if key.startswith(ENV_PREFIX) and key != f"{ENV_PREFIX}CONFIG":
            parts = key[len(ENV_PREFIX) :].lower().split("__")
            _put(tree, parts, _env_value(value))
            origins[".".join(parts)] = ("environment", key)
    for key, value in (flags or {}).items():
        if value is not None:
            _put(tree, key.split("."), value)
            origins[key] = ("option", "")
    try:
        settings = Settings.model_validate(tree)
        settings._origins.update(origins)
        return settings
    except ValidationError as error:
        first = error.errors()[0]
        dotted = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(dotted, known_keys(), n=1, cutoff=0.4)
            hint = near[0] if near else "ngoclinh.example.toml"
            raise InvalidField(
                dotted, f"không có mục cài đặt này; gần nhất: {hint}", f"no such setting; the nearest is {hint}"
            ) from error
        raise InvalidField(dotted, f"giá trị không hợp lệ: {first['msg']}", f"invalid value: {first['msg']}") from error


def known_keys(section: type[BaseModel] = Settings, prefix: str = "") -> list[str]:
    """Dotted names of all settings, in the order of their declaration."""
    found: list[str] = []
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            found += known_keys(kind, f"{prefix}{name}.")
        else:
            found.append(prefix + name)
    return found


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> list[str]:
    found: list[str] = []
    for key, value in tree.items():
        found += _leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return found


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise InvalidField(".".join(path), "mục cha không phải một bảng", "its parent is not a table")
    tree[path[-1]] = value


def _env_value(text: str) -> Any:
    """Lists and tables are written as TOML values, everything else as plain text."""
    if text[:1] in "[{":
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text
