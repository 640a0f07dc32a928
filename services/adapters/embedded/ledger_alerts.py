"""The alert half of the SQLite ledger: rules with every change of them, alerts, acknowledgements."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from ngoclinh.media.v1.alert_pb2 import Alert, AlertRule
from ngoclinh.media.v1.alert_service_pb2 import AlertFilter

from services.adapters import ledger_rows as rows
from services.adapters.embedded.database import Database
from services.core.clock import Clock
from services.core.errors import NotFound
from services.core.ports import AlertPage

MIGRATION = """
    CREATE TABLE alert_rule_change (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        user TEXT NOT NULL,
        time INTEGER NOT NULL,
        record BLOB
    );
    CREATE INDEX alert_rule_change_name ON alert_rule_change (name, id);
    CREATE TABLE alert (
        name TEXT PRIMARY KEY,
        rule TEXT NOT NULL,
        article TEXT NOT NULL,
        severity INTEGER NOT NULL,
        raise_time INTEGER NOT NULL,
        open INTEGER NOT NULL,
        areas TEXT NOT NULL,
        record BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX alert_time ON alert (raise_time DESC, name);
    CREATE INDEX alert_rule ON alert (rule, raise_time);
"""
"""A rule is the newest record of its name; a change without a record is its end."""

_RULES = """
    SELECT record FROM alert_rule_change JOIN (SELECT max(id) AS id FROM alert_rule_change GROUP BY name) USING (id)
    WHERE record IS NOT NULL
"""


class SqliteAlerts:
    """The clauses of the port `Ledger` about alerts; a part of `SqliteLedger`."""

    _database: Database
    _clock: Clock

    async def put_alert_rule(self, rule: AlertRule, user: str) -> None:
        """Keep a rule, new or changed, with who and when."""
        await self._change_rule(rule.name, user, rule.SerializeToString())

    async def delete_alert_rule(self, name: str, user: str) -> None:
        """End a rule; its alerts stay.

        Raises:
            NotFound: there is no such rule.
        """
        if await self.alert_rule(name) is None:
            raise NotFound(name)
        await self._change_rule(name, user, None)

    async def alert_rule(self, name: str) -> AlertRule | None:
        """One rule, or None."""
        found = await self._database.read(
            lambda connection: connection.execute(
                "SELECT record FROM alert_rule_change WHERE name = ? ORDER BY id DESC LIMIT 1", (name,)
            ).fetchall()
        )
        return AlertRule.FromString(found[0][0]) if found and found[0][0] is not None else None

    async def alert_rules(self) -> list[AlertRule]:
        """All rules, in the order of their titles, then names."""
        found = await self._database.read(lambda connection: connection.execute(_RULES).fetchall())
        return rows.rules(record for (record,) in found)

    async def raise_alert(self, alert: Alert, silent_since: datetime | None = None) -> bool:
        """Keep an alert; True where it is kept, now or by an earlier call for the same article."""
        limit = rows.micros(silent_since) if silent_since is not None else None

        def work(connection: sqlite3.Connection) -> bool:
            kept = connection.execute("SELECT article FROM alert WHERE name = ?", (alert.name,)).fetchone()
            if kept is not None:
                return bool(kept[0] == alert.article)
            if (
                limit is not None
                and connection.execute(
                    "SELECT 1 FROM alert WHERE rule = ? AND raise_time >= ?", (alert.rule, limit)
                ).fetchone()
            ):
                return False
            moment = alert.raise_time.ToMicroseconds()
            areas = json.dumps(list(alert.areas))
            connection.execute(
                "INSERT INTO alert VALUES (?, ?, ?, ?, ?, TRUE, ?, ?)",
                (alert.name, alert.rule, alert.article, alert.severity, moment, areas, alert.SerializeToString()),
            )
            return True

        return await self._database.write(work)

    async def alerts(self, filter_: AlertFilter, limit: int, after: Sequence[object] | None = None) -> AlertPage:
        """Alerts that match, newest first, then by name.

        Raises:
            InvalidPageToken: `after` is no key that this method gave.
        """
        where, values = _condition(filter_)
        start, start_values = _after(rows.alert_key(after))

        def work(connection: sqlite3.Connection) -> AlertPage:
            total = connection.execute(f"SELECT count(*) FROM alert WHERE {where}", values).fetchone()[0]
            found = connection.execute(
                f"SELECT raise_time, name, record FROM alert WHERE {where} AND {start} "
                "ORDER BY raise_time DESC, name LIMIT ?",
                [*values, *start_values, limit + 1],
            ).fetchall()
            key: list[object] | None = list(found[limit - 1][:2]) if len(found) > limit else None
            return AlertPage([Alert.FromString(record) for *_, record in found[:limit]], key, total)

        return await self._database.read(work)

    async def alert(self, name: str) -> Alert | None:
        """One alert, or None."""
        found = await self._database.read(
            lambda connection: connection.execute("SELECT record FROM alert WHERE name = ?", (name,)).fetchone()
        )
        return Alert.FromString(found[0]) if found is not None else None

    async def acknowledge_alert(self, name: str, user: str, note: str) -> Alert:
        """Keep who took care of an alert, and when; the first one counts.

        Raises:
            NotFound: there is no such alert.
        """
        now = self._clock()

        def work(connection: sqlite3.Connection) -> Alert:
            row = connection.execute("SELECT record FROM alert WHERE name = ?", (name,)).fetchone()
            if row is None:
                raise NotFound(name)
            alert = Alert.FromString(row[0])
            if rows.acknowledge(alert, user, note, now):
                connection.execute(
                    "UPDATE alert SET open = FALSE, record = ? WHERE name = ?", (alert.SerializeToString(), name)
                )
            return alert

        return await self._database.write(work)

    async def _change_rule(self, name: str, user: str, record: bytes | None) -> None:
        now = rows.micros(self._clock())
        await self._database.write(
            lambda connection: connection.execute(
                "INSERT INTO alert_rule_change (name, user, time, record) VALUES (?, ?, ?, ?)",
                (name, user, now, record),
            )
        )


def _condition(filter_: AlertFilter) -> tuple[str, list[object]]:
    terms: list[str] = ["TRUE"]
    values: list[object] = []
    if filter_.only_open:
        terms.append("open")
    if filter_.rule:
        terms.append("rule = ?")
        values.append(filter_.rule)
    if severities := [severity for severity in filter_.severities if severity]:
        terms.append("severity IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(severities))
    if filter_.areas:
        terms.append("EXISTS (SELECT 1 FROM json_each(alert.areas) AS named JOIN json_each(?) AS wanted USING (value))")
        values.append(json.dumps(list(filter_.areas)))
    for field, comparison in (("start_time", ">="), ("end_time", "<")):
        if filter_.time_range.HasField(field):  # type: ignore[arg-type]  # a plain string, not a literal
            terms.append(f"raise_time {comparison} ?")
            values.append(getattr(filter_.time_range, field).ToMicroseconds())
    return " AND ".join(terms), values


def _after(key: tuple[int, str] | None) -> tuple[str, list[object]]:
    """Condition for the rows behind a sort key."""
    if key is None:
        return "TRUE", []
    time, name = key
    return "raise_time <= ? AND (raise_time < ? OR name > ?)", [time, time, name]
