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
from typing import Any, Literal

from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from services.core.errors import InvalidField
from services.core.sections.base import Section
from services.core.sections.doors import AuthSettings, GatewaySettings, GrpcSettings, PeersSettings
from services.core.sections.stores import (
    ElasticsearchSettings,
    KibanaSettings,
    NatsSettings,
    PostgresSettings,
    StoresSettings,
)
from services.core.sections.upkeep import BackupSettings, ObservabilitySettings, RetentionSettings, TracingSettings
from services.core.sections.work import (
    AlertSettings,
    CrawlerSettings,
    LandSettings,
    MediaSettings,
    SentimentSettings,
    SituationSettings,
    WatchAreaSettings,
)

ENV_PREFIX = "NGOCLINH_"


def default_data_dir() -> Path:
    """The XDG data folder of the product."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "ngoclinh"


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
