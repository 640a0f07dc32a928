"""Who calls: the person behind a call, what they may do, and how services tell each other.

The process that has proven who somebody is passes it on in metadata. These are believed from our own processes only: over
the Unix socket, over mutual TLS, or where the settings say that nobody else reaches the port.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from ngoclinh.type.v1.access_pb2 import Role

from services.core.sections.doors import GrpcSettings
from services.rpc import tls

USER_KEY = "x-user"
"""Metadata key of the name of the person who calls."""
ROLES_KEY = "x-roles"
"""Metadata key of their roles, as `encode_roles` writes them."""
AREAS_KEY = "x-watch-areas"
"""Metadata key of the watch areas that they may see; absent for all."""
FROM_KEY = "x-from"
"""Metadata key of the address that they came from."""
PURPOSE_KEY = "x-purpose"
"""Metadata key of what a read is for, where it is more than a look. Example: ``export``."""
LOCAL_USER = "local"
"""Who calls where nobody is named: a program or the command line of this machine."""

KEYS = (USER_KEY, ROLES_KEY, AREAS_KEY, FROM_KEY, PURPOSE_KEY)
_PREFIX = "ROLE_"
Metadata = Iterable[tuple[str, Any]]


@dataclass(frozen=True)
class Caller:
    """Somebody who is known.

    Attributes:
        user: name.
        roles: what they may do.
        watch_areas: names of the watch areas that they may see; none means all.
        address: where they came from.
        purpose: what they read for, where it is more than a look.
    """

    user: str
    roles: frozenset[int]
    watch_areas: frozenset[str] = frozenset()
    address: str = ""
    purpose: str = ""

    def may(self, role: int) -> bool:
        """Do their roles include a role?"""
        return any(role in INCLUDES[each] for each in self.roles)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """How services tell each other."""
        areas = ",".join(sorted(self.watch_areas))
        values = (self.user, encode_roles(self.roles), areas, self.address, self.purpose)
        return tuple((key, value) for key, value in zip(KEYS, values, strict=True) if value or key == ROLES_KEY)


INCLUDES: dict[int, frozenset[int]] = {
    Role.ROLE_UNSPECIFIED: frozenset(),
    Role.ROLE_SIGNED_IN: frozenset({Role.ROLE_SIGNED_IN}),
    Role.ROLE_VIEWER: frozenset({Role.ROLE_SIGNED_IN, Role.ROLE_VIEWER}),
    Role.ROLE_ANALYST: frozenset({Role.ROLE_SIGNED_IN, Role.ROLE_VIEWER, Role.ROLE_ANALYST}),
    Role.ROLE_LAND_OFFICER: frozenset({Role.ROLE_SIGNED_IN, Role.ROLE_VIEWER, Role.ROLE_LAND_OFFICER}),
    Role.ROLE_ADMIN: frozenset(Role.values()) - {Role.ROLE_UNSPECIFIED},
}
"""The roles that each role includes."""

PROGRAM = Caller(LOCAL_USER, frozenset({Role.ROLE_ADMIN}))
"""A part of the product, or whoever works on a machine whose doors are open to this machine only."""

NOBODY = Caller("", frozenset())
"""Somebody who is not known."""

present: ContextVar[Caller | None] = ContextVar("caller", default=None)
"""Who is behind what is done now; None for the program itself."""


def reading_for(purpose: str) -> None:
    """From here on, reads of the present call are for a purpose, so that the audit log has them."""
    present.set(replace(present.get() or PROGRAM, purpose=purpose))


def encode_roles(roles: Iterable[int]) -> str:
    """Roles as text. Example: ``analyst,land_officer``."""
    words: dict[int, str] = {number: name.removeprefix(_PREFIX).lower() for name, number in Role.items()}
    return ",".join(sorted(words[role] for role in roles if role in words))


def decode_roles(text: str) -> frozenset[int]:
    """Roles from text; words that are no role are left out."""
    known = {name.removeprefix(_PREFIX).lower(): number for name, number in Role.items() if number}
    return frozenset(known[word] for word in text.split(",") if word in known)


def told(metadata: Metadata) -> Caller | None:
    """The person that a process of ours names; None where it names nobody and so works for itself."""
    values = {key: str(value) for key, value in metadata if key in KEYS}
    if USER_KEY not in values and ROLES_KEY not in values:
        return None
    areas = frozenset(filter(None, values.get(AREAS_KEY, "").split(",")))
    roles = decode_roles(values.get(ROLES_KEY, ""))
    return Caller(values.get(USER_KEY, ""), roles, areas, values.get(FROM_KEY, ""), values.get(PURPOSE_KEY, ""))


def is_ours(peer: str, settings: GrpcSettings) -> bool:
    """Does a call come from a process of ours?

    Only those can open the Unix socket; over TCP, only those have a certificate, or reach the port at all. Over TCP on
    loopback any program of this machine could write any name.
    """
    return peer.startswith("unix") or settings.trust_network or tls.is_mutual(settings)


def user_of(context: Any) -> str:
    """The name of the person who calls, under which what they write is kept."""
    caller = present.get()
    return caller.user if caller is not None and caller.user else LOCAL_USER
