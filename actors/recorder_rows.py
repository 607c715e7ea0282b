"""Events to rows: for each event that is kept, the statements that bring its tables up to date.

Every statement may run twice and in any order of the messages: what is older never replaces what is newer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from schemas.account import AccountState, ProfitLoss
from schemas.base import Event
from schemas.command import AuditEntry, RiskState
from schemas.health import Alert, HealthState, LogLine
from schemas.order import ENDED, OrderUpdate
from schemas.session import SessionState

__all__ = ["Statement", "minor", "statements", "unrecordable"]

Value: TypeAlias = int | float | str | bytes | None
Statement: TypeAlias = tuple[str, tuple[Value, ...]]

_MINUTE = 60_000_000
_INTEGER = 2**63
_MOST_TEXT = 4096
_MOST_DETAIL = 16_384
_SEVERITY = {"late": "warning", "dead": "critical", "failed": "critical"}


def _upsert(table: str, columns: str, key: str, newer: str = "excluded.seq > seq", keep: str = "") -> str:
    """INSERT that replaces the row of the same `key` if the condition `newer` holds. `keep`: a column that holds the
    smallest value ever seen.
    """
    names, keys = columns.split(), key.split()
    changed = [name for name in names if name not in keys and name != keep]
    marks = ", ".join("?" * len(names))
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT ({', '.join(keys)}) DO UPDATE SET "  # noqa: S608
    if not keep:
        return sql + ", ".join(f"{name} = excluded.{name}" for name in changed) + f" WHERE {newer}"
    sets = [f"{name} = iif({newer}, excluded.{name}, {name})" for name in changed]
    return sql + ", ".join([*sets, f"{keep} = min({keep}, excluded.{keep})"])


# As `life_cycle.supersedes`: an ended order stays, a newer router is right, then the higher revision. A message that
# comes late is put before the row that is there.
_ENDED = ", ".join(f"'{state}'" for state in sorted(ENDED))
_SUPERSEDES = (
    f"iif(excluded.seq > seq, state NOT IN ({_ENDED})"
    " AND (excluded.incarnation, excluded.revision) > (incarnation, revision),"
    f" excluded.state IN ({_ENDED}) OR (excluded.incarnation, excluded.revision) >= (incarnation, revision))"
)

_ACCOUNT = _upsert(
    "accounts",
    "account venue currency balance equity margin leverage mode positions connected updated_at seq",
    "account",
)
_METRIC = _upsert(
    "performance_metrics",
    "source scope id minute at currency balance equity margin realised floating positions seq",
    "source scope id minute",
    newer="(excluded.at, excluded.seq) > (at, seq)",
)
_SESSION = _upsert(
    "sessions", "session account strategy symbols state reason first_at updated_at seq", "session", keep="first_at"
)
_STRATEGY = _upsert(
    "strategies",
    "session strategy account symbols params first_at updated_at seq",
    "session strategy",
    keep="first_at",
)
_ORDER = _upsert(
    "orders",
    "id account session strategy venue symbol kind order_class side volume limit_price sl tp closes submitted_at"
    " expires_at state incarnation revision filled price position reason cycle comment updated_at seq",
    "id",
    newer=_SUPERSEDES,
)
_FILL = _upsert(
    "fills",
    "account ticket order_id report session strategy position entry symbol side volume price at profit commission swap"
    " reason seq",
    "account ticket",
)
_EVENT = _upsert("monitoring_events", "stream seq at kind severity code actor text detail", "stream seq")
_LOG = _upsert("log_lines", "stream seq at level actor event detail", "stream seq")
_AUDIT = _upsert("audit", "seq number at user action scope result detail previous digest", "seq")

# Every closing fill of a position, with what is known of its opening: again whenever the position gets a fill.
_TRADES = (
    "INSERT INTO trades (account, ticket, position, order_id, session, strategy, symbol, side, volume, entry_at,"
    " entry_price, exit_at, exit_price, profit, commission, swap)"
    " SELECT o.account, o.ticket, o.position, o.order_id, o.session, o.strategy, o.symbol,"
    " iif(o.side = 'buy', 'sell', 'buy'), o.volume, i.at, i.price, o.at, o.price, o.profit, o.commission, o.swap"
    " FROM fills AS o, (SELECT min(at) AS at,"
    " iif(min(price) = max(price), min(price), sum(volume * price) / sum(volume)) AS price"
    " FROM fills WHERE account = ?1 AND position = ?2 AND entry = 'in') AS i"
    " WHERE o.account = ?1 AND o.position = ?2 AND o.entry = 'out'"
    " ON CONFLICT (account, ticket) DO UPDATE SET entry_at = excluded.entry_at, entry_price = excluded.entry_price"
)


def minor(amount: float) -> int:
    """Money as whole hundredths."""
    return round(amount * 100)


def _known(amount: float | None) -> int | None:
    return None if amount is None else minor(amount)


def _json(value: Any) -> str:  # noqa: ANN401 - anything that JSON has
    return msgspec.json.encode(value).decode()


def _text(text: str) -> str:
    """As much of a text as a row of something that anybody may say should have."""
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}... ({len(text)} characters)"


def _detail(values: dict[str, str]) -> str:
    detail = _json(values)
    return detail if len(detail) <= _MOST_DETAIL else _json({"left_out": f"{len(detail)} characters"})


def _account(event: AccountState, _stream: str, seq: int) -> list[Statement]:
    at = event.time
    balance, equity, margin = minor(event.balance), minor(event.equity), minor(event.margin)
    row = (
        event.account,
        event.venue,
        event.currency,
        balance,
        equity,
        margin,
        event.leverage,
        event.mode,
        event.positions,
        int(event.connected),
        at,
        seq,
    )
    metric = (
        "account_state",
        "account",
        event.account,
        at - at % _MINUTE,
        at,
        event.currency,
        balance,
        equity,
        margin,
        None,
        None,
        event.positions,
        seq,
    )
    return [(_ACCOUNT, row), (_METRIC, metric)]


def _profit(event: ProfitLoss, _stream: str, seq: int) -> list[Statement]:
    at = event.time
    metric = (
        "profit_loss",
        event.scope,
        event.id,
        at - at % _MINUTE,
        at,
        event.currency,
        _known(event.balance),
        _known(event.equity),
        None,
        minor(event.realised),
        _known(event.floating),
        event.positions,
        seq,
    )
    return [(_METRIC, metric)]


def _session(event: SessionState, _stream: str, seq: int) -> list[Statement]:
    symbols, at = _json(event.symbols), event.time
    return [
        (
            _SESSION,
            (event.session, event.account, event.strategy, symbols, event.state, event.reason, at, at, seq),
        ),
        (
            _STRATEGY,
            (event.session, event.strategy, event.account, symbols, _json(event.params), at, at, seq),
        ),
    ]


def _order(event: OrderUpdate, _stream: str, seq: int) -> list[Statement]:
    terms, deal = event.terms, event.deal
    row = (
        event.order,
        event.account,
        event.session,
        terms.strategy,
        terms.venue,
        terms.symbol,
        terms.kind,
        event.order_class,
        terms.side,
        terms.volume,
        terms.price,
        terms.sl,
        terms.tp,
        terms.position,
        terms.submitted_at,
        terms.expires_at,
        event.state.value,
        event.incarnation,
        event.revision,
        event.filled,
        event.price,
        event.position,
        event.reason,
        terms.cycle,
        terms.comment,
        event.time,
        seq,
    )
    if deal is None:
        return [(_ORDER, row)]
    fill = (
        event.account,
        deal.ticket,
        event.order,
        event.report,
        event.session,
        terms.strategy,
        deal.position,
        deal.entry,
        deal.symbol,
        deal.side,
        deal.volume,
        deal.price,
        deal.at,
        minor(deal.profit),
        minor(deal.commission),
        minor(deal.swap),
        deal.reason,
        seq,
    )
    return [(_ORDER, row), (_FILL, fill), (_TRADES, (event.account, deal.position))]


def _alert(event: Alert, stream: str, seq: int) -> list[Statement]:
    detail, text = _detail(event.values), _text(event.text)
    return [(_EVENT, (stream, seq, event.time, "alert", event.severity, _text(event.code), event.actor, text, detail))]


def _log(event: LogLine, stream: str, seq: int) -> list[Statement]:
    row = (stream, seq, event.time, event.level, event.actor, _text(event.event), _detail(event.values))
    return [(_LOG, row)]


def _health(event: HealthState, stream: str, seq: int) -> list[Statement]:
    severity = _SEVERITY.get(event.state, "info")
    detail = _json({"pid": event.pid, "restarts": event.restarts})
    return [(_EVENT, (stream, seq, event.time, "health", severity, event.state, event.actor, event.reason, detail))]


def _risk(event: RiskState, stream: str, seq: int) -> list[Statement]:
    severity = "info" if event.state == "active" else "warning"
    detail = _json({"scope": event.scope, "id": event.id, "epoch": event.epoch})
    return [(_EVENT, (stream, seq, event.time, "risk", severity, event.state, event.source, event.reason, detail))]


def _audit(event: AuditEntry, _stream: str, seq: int) -> list[Statement]:
    row = (
        seq,
        event.number,
        event.time,
        event.user,
        event.action,
        event.scope,
        event.result,
        _json(event.detail),
        event.previous,
        event.digest,
    )
    return [(_AUDIT, row)]


_ROWS: dict[type[Event], Callable[[Any, str, int], list[Statement]]] = {
    AccountState: _account,
    Alert: _alert,
    AuditEntry: _audit,
    HealthState: _health,
    LogLine: _log,
    OrderUpdate: _order,
    ProfitLoss: _profit,
    RiskState: _risk,
    SessionState: _session,
}


def statements(event: Event, stream: str, seq: int) -> list[Statement]:
    """The rows of the message `seq` of `stream`; none for a type that is not kept.

    Raises ValueError for an event with a value that no column can hold.
    """
    rows = _ROWS.get(type(event))
    if rows is None:
        return []
    try:
        made = rows(event, stream, seq)
    except OverflowError as error:
        raise ValueError(str(error)) from error
    for _, values in made:
        for value in values:
            if isinstance(value, int) and not -_INTEGER <= value < _INTEGER:
                message = f"{value} does not fit into 64 bits"
                raise ValueError(message)
            if isinstance(value, str) and not value.isascii():
                value.encode()  # UnicodeEncodeError is a ValueError
    return made


def unrecordable(event: Event, stream: str, seq: int, reason: str) -> list[Statement]:
    """What is kept of an event that fits no table: that it was there."""
    kind = type(event).__name__
    text = f"{kind}: {reason}".encode("ascii", "backslashreplace").decode()
    at = event.time if abs(event.time) < _INTEGER else 0
    return [(_EVENT, (stream, seq, at, "recorder", "critical", "unrecordable", "", text, "{}"))]
