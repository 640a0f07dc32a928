"""Servicers of tests that answer only what their test asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from services.rpc import methods

T = TypeVar("T")


def answering(service: str) -> Callable[[type[T]], type[T]]:
    """A class decorator: every method of the service that the class does not write itself fails the test when called.

    Args:
        service: full name. Example: ``ngoclinh.land.v1.ImportService``.
    """

    def complete(fake: type[T]) -> type[T]:
        for method in methods.service(service).methods:
            if method.name not in vars(fake):
                setattr(fake, method.name, _unexpected(method.name))
        return fake

    return complete


def _unexpected(name: str) -> Any:
    async def unexpected(self: Any, request: Any, context: Any) -> Any:
        raise AssertionError(f"{name} was not expected")

    return unexpected
