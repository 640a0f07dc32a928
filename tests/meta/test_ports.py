"""Every port has two adapters, and both are held to the same clauses."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import tests.contracts
from services import stores
from services.core import config

SUITES = {
    "article_index": "ArticleIndexContract",
    "bus": "BusContract",
    "classifier": "ClassifierContract",
    "ledger": "LedgerContract",
    "ledger_access": "AccessLedgerContract",
    "ledger_alerts": "AlertLedgerContract",
    "ledger_retention": "RetentionLedgerContract",
    "ledger_watch_areas": "WatchAreaLedgerContract",
    "parcel_store": "ParcelStoreContract",
}
"""Module of clauses → the class that holds them."""


def modules() -> list[ModuleType]:
    """The modules of the contract tests."""
    names = [
        module.name for module in pkgutil.iter_modules(tests.contracts.__path__) if module.name.startswith("test_")
    ]
    return [importlib.import_module(f"tests.contracts.{name}") for name in names]


def test_every_module_of_clauses_is_known_here() -> None:
    found = {
        path.stem: name
        for path in Path(tests.contracts.__path__[0]).glob("[!_t]*.py")
        for name, _ in inspect.getmembers(importlib.import_module(f"tests.contracts.{path.stem}"), inspect.isclass)
        if name.endswith("Contract")
    }
    assert found == SUITES


@pytest.mark.parametrize("suite", SUITES)
def test_two_adapters_keep_the_clauses_of_every_port(suite: str) -> None:
    contract = getattr(importlib.import_module(f"tests.contracts.{suite}"), SUITES[suite])
    factories = {
        getattr(kept, "factory", kept.__module__)
        for module in modules()
        for _, kept in inspect.getmembers(module, inspect.isclass)
        if issubclass(kept, contract) and kept is not contract
    }
    assert len(factories) >= 2, f"{suite}: {factories}"


@pytest.mark.parametrize("suite", SUITES)
def test_an_adapter_that_keeps_a_clause_otherwise_says_why(suite: str) -> None:
    contract = getattr(importlib.import_module(f"tests.contracts.{suite}"), SUITES[suite])
    clauses = {name for name, _ in inspect.getmembers(contract, inspect.isfunction) if name.startswith("test_")}
    silent = [
        f"{kept.__name__}.{name}"
        for module in modules()
        for _, kept in inspect.getmembers(module, inspect.isclass)
        if issubclass(kept, contract) and kept is not contract
        for name in clauses & set(vars(kept))
        if not inspect.getdoc(vars(kept)[name])
    ]
    assert silent == []


def test_every_store_has_a_maker_for_either_mode() -> None:
    settings = config.Settings()
    names = ("bus", "ledger", "index", "parcels")
    for mode in ("embedded", "cluster"):
        made = {name: stores.open_store(settings.model_copy(update={"mode": mode}), name) for name in names}
        assert len({type(store) for store in made.values()}) == len(names), "no store is opened before its first use"
