"""Settings → the ports, each with its adapter. Servers are reached at the first use, not when a store is made."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from services.adapters.embedded.bus_sqlite import SqliteBus
from services.adapters.embedded.files import Files
from services.adapters.embedded.index_sqlite import SqliteArticleIndex
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.adapters.embedded.parcels_sqlite import SqliteParcelStore
from services.adapters.observed import observed
from services.core.config import Settings
from services.core.errors import InvalidField
from services.core.observation import Observations
from services.core.ports import ArticleIndex, Bus, Classifier, Ledger, ParcelStore


@dataclass
class Stores:
    """The four ports that keep something, each with an adapter."""

    bus: Bus
    ledger: Ledger
    index: ArticleIndex
    parcels: ParcelStore


NAMES = tuple(field.name for field in fields(Stores))


def open_classifier(settings: Settings) -> Classifier:
    """The model that the settings ask for, loaded: only who serves it needs it."""
    if settings.sentiment.model_dir is not None:
        from services.sentiment.phobert.opening import open_model

        return open_model(settings.sentiment)
    from services.sentiment.baseline import Baseline

    return Baseline(max_text_chars=settings.sentiment.max_text_chars)


def _source_titles(settings: Settings) -> Mapping[str, str]:
    from crawlers.catalogue import declared

    return {f"sources/{source.id}": source.title for source in declared(settings)}


_EMBEDDED: Mapping[str, Callable[[Settings], Any]] = {
    "bus": lambda settings: SqliteBus(Files(settings.data_dir).bus),
    "ledger": lambda settings: SqliteLedger(Files(settings.data_dir).ledger),
    "index": lambda settings: SqliteArticleIndex(Files(settings.data_dir).index),
    "parcels": lambda settings: SqliteParcelStore(Files(settings.data_dir).parcels),
}


def require(module: str) -> Any:
    """A module of the cluster adapters, which need packages that the embedded mode goes without.

    Raises:
        InvalidField: a package is missing.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise InvalidField(
            "mode",
            f"thiếu gói {error.name}; hãy chạy: pip install 'ngoclinh[cluster]'",
            f"the package {error.name} is missing; run: pip install 'ngoclinh[cluster]'",
        ) from error


_CLUSTER: Mapping[str, Callable[[Settings], Any]] = {
    "bus": lambda settings: require("services.adapters.cluster.bus_nats").NatsBus(settings.nats),
    "ledger": lambda settings: require("services.adapters.cluster.ledger_postgres").PostgresLedger(settings.postgres),
    "index": lambda settings: require("services.adapters.cluster.index_elastic").ElasticArticleIndex(
        settings.elasticsearch, lambda: _source_titles(settings)
    ),
    "parcels": lambda settings: require("services.adapters.cluster.parcels_postgis").PostgisParcelStore(
        settings.postgres
    ),
}


def adapter(settings: Settings, name: str) -> str:
    """Which adapter stands behind a port: "embedded" or "cluster"."""
    return getattr(settings.stores, name) or settings.mode


def open_store(settings: Settings, name: str) -> Any:
    """The store of one name of `Stores`: the adapter that the settings ask for."""
    makers = {"embedded": _EMBEDDED, "cluster": _CLUSTER}[adapter(settings, name)]
    return makers[name](settings)


def open_stores(settings: Settings, **given: Any) -> Stores:
    """The adapters that the settings ask for.

    Args:
        settings: mode, addresses, the data folder, limits.
        **given: stores by the names of `Stores` that are used instead, in tests.
    """
    return Stores(**{name: given[name] if name in given else open_store(settings, name) for name in NAMES})


def watch(stores: Stores, seen: Observations) -> Stores:
    """The same stores, whose calls are told."""
    return replace(stores, **{name: observed(getattr(stores, name), name, seen) for name in NAMES})
