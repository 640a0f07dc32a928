"""What the health tells beside the stores, as the program that serves it looks at it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ngoclinh.operations.v1.operations_service_pb2 import Alarm, CertificateHealth, ServiceHealth
from ngoclinh.type.v1.type_pb2 import LocalizedText


async def _no_doubt() -> LocalizedText | None:
    return None


@dataclass(frozen=True)
class Outlook:
    """Looks at what no store tells; by itself nothing is looked at.

    Attributes:
        alarms: the alert rules that are raised.
        services: calls of the services of this process.
        waiting_since: since when events of a queue wait.
        certificates: when they end; reads files.
        clock_doubt: why the clock is in doubt; None where it is not.
        last_backup: when the newest daily backup was made; None where there is none. Reads a folder.
        backs_up: this process makes the daily backup.
        last_retention: when something was last forgotten. Reads a file.
    """

    alarms: Callable[[], Iterable[Alarm]] = field(default=lambda: ())
    services: Callable[[], Iterable[ServiceHealth]] = field(default=lambda: ())
    waiting_since: Callable[[str], datetime | None] = field(default=lambda queue: None)
    certificates: Callable[[], Iterable[CertificateHealth]] = field(default=lambda: ())
    clock_doubt: Callable[[], Awaitable[LocalizedText | None]] = field(default=_no_doubt)
    last_backup: Callable[[], datetime | None] = field(default=lambda: None)
    backs_up: bool = False
    last_retention: Callable[[], datetime | None] = field(default=lambda: None)


NOTHING = Outlook()
"""Nothing is looked at."""
