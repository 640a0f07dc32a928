"""The alert half of the PostgreSQL ledger: rules with every change of them, alerts, acknowledgements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ngoclinh.media.v1.alert_pb2 import Alert, AlertRule
from ngoclinh.media.v1.alert_service_pb2 import AlertFilter

from services.adapters import ledger_rows as rows
from services.adapters.cluster.postgres import Postgres
from services.adapters.cluster.postgres_pool import Connection
from services.core.clock import Clock
from services.core.errors import NotFound
from services.core.ports import AlertPage

_RULE = "SELECT record FROM alert_rule_change WHERE name = %s ORDER BY id DESC LIMIT 1"
_RULES = "SELECT DISTINCT ON (name) record FROM alert_rule_change ORDER BY name, id DESC"
_CHANGE = 'INSERT INTO alert_rule_change (name, "user", time, record) VALUES (%s, %s, %s, %s)'


class PostgresAlerts:
    """The clauses of the port `Ledger` about alerts; a part of `PostgresLedger`."""

    _database: Postgres
    _clock: Clock

    async def put_alert_rule(self, rule: AlertRule, user: str) -> None:
        """Keep a rule, new or changed, with who and when."""
        row = (rule.name, user, rows.micros(self._clock()), rule.SerializeToString())
        await self._database.write(lambda connection: connection.execute(_CHANGE, row))

    async def delete_alert_rule(self, name: str, user: str) -> None:
        """End a rule; its alerts stay.

        Raises:
            NotFound: there is no such rule.
        """
        now = rows.micros(self._clock())

        async def work(connection: Connection) -> None:
            await _alone(connection, name)
            found = await (await connection.execute(_RULE, (name,))).fetchone()
            if found is None or found[0] is None:
                raise NotFound(name)
            await connection.execute(_CHANGE, (name, user, now, None))

        await self._database.write(work)

    async def alert_rule(self, name: str) -> AlertRule | None:
        """One rule, or None."""
        found = await self._database.fetch(_RULE, (name,))
        return AlertRule.FromString(found[0][0]) if found and found[0][0] is not None else None

    async def alert_rules(self) -> list[AlertRule]:
        """All rules, in the order of their titles, then names."""
        return rows.rules(record for (record,) in await self._database.fetch(_RULES) if record is not None)

    async def raise_alert(self, alert: Alert, silent_since: datetime | None = None) -> bool:
        """Keep an alert; True where it is kept, now or by an earlier call for the same article."""
        limit = rows.micros(silent_since) if silent_since is not None else None

        async def work(connection: Connection) -> bool:
            await _alone(connection, alert.rule)
            kept = await connection.execute("SELECT article FROM alert WHERE name = %s", (alert.name,))
            if known := await kept.fetchone():
                return bool(known[0] == alert.article)
            lately = "SELECT FROM alert WHERE rule = %s AND raise_time >= %s LIMIT 1"
            if limit is not None and (await connection.execute(lately, (alert.rule, limit))).rowcount:
                return False
            moment = alert.raise_time.ToMicroseconds()
            await connection.execute(
                "INSERT INTO alert (name, rule, article, severity, raise_time, open, areas, record) "
                "VALUES (%s, %s, %s, %s, %s, TRUE, %s, %s)",
                (
                    alert.name,
                    alert.rule,
                    alert.article,
                    alert.severity,
                    moment,
                    list(alert.areas),
                    alert.SerializeToString(),
                ),
            )
            return True

        return await self._database.write(work, idempotent=True)

    async def alerts(self, filter_: AlertFilter, limit: int, after: Sequence[object] | None = None) -> AlertPage:
        """Alerts that match, newest first, then by name.

        Raises:
            InvalidPageToken: `after` is no key that this method gave.
        """
        where, values = _condition(filter_)
        start, start_values = _after(rows.alert_key(after))

        async def work(connection: Connection) -> AlertPage:
            counted = await (await connection.execute(f"SELECT count(*) FROM alert WHERE {where}", values)).fetchone()
            assert counted is not None
            chosen = await connection.execute(
                f"SELECT raise_time, name, record FROM alert WHERE {where} AND {start} "
                "ORDER BY raise_time DESC, name LIMIT %s",
                [*values, *start_values, limit + 1],
            )
            found = await chosen.fetchall()
            key: list[object] | None = list(found[limit - 1][:2]) if len(found) > limit else None
            return AlertPage([Alert.FromString(record) for *_, record in found[:limit]], key, counted[0])

        return await self._database.read(work)

    async def alert(self, name: str) -> Alert | None:
        """One alert, or None."""
        found = await self._database.fetch("SELECT record FROM alert WHERE name = %s", (name,))
        return Alert.FromString(found[0][0]) if found else None

    async def acknowledge_alert(self, name: str, user: str, note: str) -> Alert:
        """Keep who took care of an alert, and when; the first one counts.

        Raises:
            NotFound: there is no such alert.
        """
        now = self._clock()

        async def work(connection: Connection) -> Alert:
            found = await connection.execute("SELECT record FROM alert WHERE name = %s FOR UPDATE", (name,))
            row = await found.fetchone()
            if row is None:
                raise NotFound(name)
            alert = Alert.FromString(row[0])
            if rows.acknowledge(alert, user, note, now):
                await connection.execute(
                    "UPDATE alert SET open = FALSE, record = %s WHERE name = %s", (alert.SerializeToString(), name)
                )
            return alert

        return await self._database.write(work, idempotent=True)


async def _alone(connection: Connection, rule: str) -> None:
    """Wait until no other transaction decides about the same rule."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (rule,))


def _condition(filter_: AlertFilter) -> tuple[str, list[object]]:
    terms: list[str] = ["TRUE"]
    values: list[object] = []
    if filter_.only_open:
        terms.append("open")
    if filter_.rule:
        terms.append("rule = %s")
        values.append(filter_.rule)
    if severities := [severity for severity in filter_.severities if severity]:
        terms.append("severity = ANY(%s)")
        values.append(severities)
    if filter_.areas:
        terms.append("areas && %s")
        values.append(list(filter_.areas))
    for field, comparison in (("start_time", ">="), ("end_time", "<")):
        if filter_.time_range.HasField(field):  # type: ignore[arg-type]  # a plain string, not a literal
            terms.append(f"raise_time {comparison} %s")
            values.append(getattr(filter_.time_range, field).ToMicroseconds())
    return " AND ".join(terms), values


def _after(key: tuple[int, str] | None) -> tuple[str, list[object]]:
    """Condition for the rows behind a sort key."""
    if key is None:
        return "TRUE", []
    time, name = key
    return "raise_time <= %s AND (raise_time < %s OR name > %s)", [time, time, name]
