"""What the adapters of `Ledger` have in common about the audit log."""

from __future__ import annotations

from collections.abc import Sequence

from ngoclinh.access.v1.access_service_pb2 import AuditFilter
from ngoclinh.access.v1.user_pb2 import AuditEntry

from services.core.errors import InvalidPageToken
from services.core.ports import AuditPage

KEPT_US = 90 * 86_400 * 1_000_000
"""Microseconds for which no entry is forgotten: three months, what level 3 of Thông tư 12/2022/TT-BTTTT asks for."""


def condition(filter_: AuditFilter, after: Sequence[object] | None, mark: str) -> tuple[str, list[object]]:
    """A condition in SQL and its values.

    Args:
        filter_: which entries.
        after: key of the last entry of the page before.
        mark: how the database marks a value: "?" or "%s".

    Raises:
        InvalidPageToken: it is no key of a page of entries.
    """
    wanted: list[tuple[str, object]] = []
    if after is not None:
        if [type(value) for value in after] != [int]:
            raise InvalidPageToken
        wanted.append(("id < {}", after[0]))
    if filter_.user:
        wanted.append(('"user" = {}', filter_.user.removeprefix("users/")))
    if filter_.method:
        wanted.append(("method = {}", filter_.method))
    if filter_.only_failed:
        wanted.append(("outcome <> {}", "OK"))
    if filter_.HasField("start_time"):
        wanted.append(("time >= {}", filter_.start_time.ToMicroseconds()))
    if filter_.HasField("end_time"):
        wanted.append(("time < {}", filter_.end_time.ToMicroseconds()))
    clauses = " AND ".join(clause.format(mark) for clause, _ in wanted) or "TRUE"
    return clauses, [value for _, value in wanted]


def page(found: Sequence[tuple[int, bytes]], limit: int) -> AuditPage:
    """A page out of its rows (number, record), of which there may be one more than `limit`."""
    entries = []
    for number, record in found[:limit]:
        entry = AuditEntry.FromString(record)
        entry.name = f"auditEntries/{number}"
        entries.append(entry)
    return AuditPage(entries, [found[limit - 1][0]] if len(found) > limit else None)
