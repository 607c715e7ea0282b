"""Who may say what: the one table from role to subjects, enforced by the server.

Everything that is not listed is denied. `{name}`, `{account}`, `{session}` and `{scope}` stand for escaped tokens of
the identity; a placeholder with several values gives one subject for each. What people ask arrives in CORE with a reply
subject `_R_...` of the server's making, so a role that serves them may publish `_R_.>`; a gateway may answer into
the router's inbox. Nobody gets `allow_responses`, which would follow a reply subject of the sender's choice: a session
that says hello to a gateway may give any.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["ROLES", "Account", "Rights"]

Account = Literal["CORE", "FLOOR", "PEOPLE", "SYS"]


class Rights(msgspec.Struct, frozen=True):
    """What a role may do: subjects with placeholders."""

    account: Account
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


_INBOX = ("_INBOX.{name}.>",)
_ANSWERS = ("_R_.>",)
# What every actor says of itself, and the market, which everyone may hear.
_ACTOR_SAYS = ("hello.{name}", "health.beat.{name}", "log.*.{name}", "alert.*.{name}", "sim.done.{name}")
_ACTOR_HEARS = (*_INBOX, "md.>")
# The actors of CORE have a lease besides.
_CORE_SAYS = (
    *_ACTOR_SAYS,
    "$KV.LEASES.{name}",
    "$JS.API.DIRECT.GET.KV_LEASES.$KV.LEASES.{name}",
)
_ORDERS = ("$JS.API.DIRECT.GET.ORDERS", "$JS.API.DIRECT.GET.ORDERS.>")
_OUTWARD = (
    *_INBOX,
    "md.>",
    "signal.>",
    "order.update.>",
    "order.refused.>",
    "account.>",
    "pnl.>",
    "risk.state.>",
    "session.>",
    "health.>",
    "alert.>",
    "incident.>",
    "job.>",
    "log.>",
)
_READS = (
    "$JS.API.DIRECT.GET.LAST",
    "$JS.API.DIRECT.GET.LAST.>",
    "$SRV.PING.>",
    "$SRV.PING",
    "$SRV.INFO.>",
    "$SRV.INFO",
    "$SRV.STATS.>",
    "$SRV.STATS",
)


def _service(name: str) -> tuple[str, ...]:
    """The subscriptions of a service: commands, questions, discovery."""
    return (f"ctl.*.*.{name}.>", f"ask.*.*.{name}.>", "$SRV.>")


def _durable(stream: str, durable: str) -> tuple[str, ...]:
    """Publishing rights that reading a durable pull consumer takes: ask for the next, acknowledge."""
    return (f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", f"$JS.ACK.{stream}.{durable}.>")


ROLES: dict[str, Rights] = {
    # The server's own launcher: health and reload through the system account.
    "launcher": Rights(
        "SYS",
        (
            "$SYS.REQ.SERVER.*.RELOAD",
            "$SYS.REQ.SERVER.*.HEALTHZ",
            "$SYS.REQ.SERVER.*.JSZ",
            "$SYS.REQ.SERVER.*.IDZ",
        ),
        _INBOX,
    ),
    # Creates streams, consumers and buckets; nobody else may (a consumer reads past the rules for subscribing).
    "bootstrap": Rights("CORE", ("$JS.API.>",), _INBOX),
    "supervisor": Rights(
        "CORE",
        (
            *_CORE_SAYS,
            *_ANSWERS,
            *_ORDERS,
            "ctl.{name}.>",
            "ask.{name}.>",
            "health.process.>",
            "session.state.>",
            "audit.>",
            "alert.>",
            "job.new.>",
            "$JS.API.DIRECT.GET.KV_LEASES.>",
        ),
        (*_ACTOR_HEARS, *_service("supervisor"), "health.>", "hello.>", "alert.>", "incident.>", "session.>", "log.>"),
    ),
    "feed": Rights(
        "CORE", (*_CORE_SAYS, *_ANSWERS, "md.>"), (*_ACTOR_HEARS, *_service("feed"), "hello.>", "sim.done.>")
    ),
    "guard": Rights(
        "CORE",
        (*_CORE_SAYS, *_ANSWERS, *_ORDERS, "order.cleared.>", "order.refused.>", "risk.state.>", "_INBOX.supervisor.>"),
        (
            *_ACTOR_HEARS,
            *_service("risk"),
            "order.intent.>",
            "order.update.>",
            "account.>",
            "pnl.>",
            "session.state.>",
            "risk.>",
            "hello.>",
            "health.state.>",
            "health.beat.watch",
        ),
    ),
    "router": Rights(
        "CORE",
        (*_CORE_SAYS, *_ANSWERS, *_ORDERS, "order.update.>", "order.sync.>", "venue.order.>"),
        (
            *_ACTOR_HEARS,
            *_service("router"),
            "order.cleared.>",
            "order.update.>",
            "venue.report.>",
            "hello.>",
            "risk.state.>",
        ),
    ),
    # One account's gateway to a venue.
    "gateway": Rights(
        "CORE",
        (
            *_CORE_SAYS,
            *_ANSWERS,
            "venue.report.{account}",
            "account.state.{account}",
            "account.position.{account}.>",
            "_INBOX.router.>",
        ),
        (*_ACTOR_HEARS, "venue.order.{account}", "hello.>", "risk.state.>", "$SRV.>"),
    ),
    "portfolio": Rights(
        "CORE",
        (*_CORE_SAYS, *_ANSWERS, *_ORDERS, "pnl.>"),
        (
            *_ACTOR_HEARS,
            *_service("portfolio"),
            "order.update.>",
            "account.>",
            "session.state.>",
            "hello.guard",
            "hello.recorder",
        ),
    ),
    "recorder": Rights(
        "CORE",
        (
            *_CORE_SAYS,
            *_ANSWERS,
            *_ORDERS,
            *_durable("ORDERS", "recorder"),
            *_durable("FLOW", "recorder_flow"),
            "$JS.API.DIRECT.GET.FLOW",
            "$JS.API.DIRECT.GET.FLOW.>",
            "$JS.API.DIRECT.GET.MARKET",
            "$JS.API.DIRECT.GET.MARKET.>",
        ),
        (*_ACTOR_HEARS, *_service("history"), "health.state.>", "log.>"),
    ),
    "watch": Rights(
        "CORE",
        (*_CORE_SAYS, *_ANSWERS, "health.state.>", "incident.>"),
        (
            *_ACTOR_HEARS,
            *_service("watch"),
            "health.>",
            "hello.>",
            "alert.>",
            "log.>",
            "account.>",
            "session.>",
            "risk.state.>",
            "order.update.>",
        ),
    ),
    "auditor": Rights("CORE", (*_CORE_SAYS, *_ANSWERS, *_ORDERS, "audit.>"), (*_ACTOR_HEARS, *_service("audit"))),
    # Backtests and tuning.
    "worker": Rights(
        "CORE", (*_CORE_SAYS, *_durable("JOBS", "workers"), "job.progress.>", "job.result.>"), _ACTOR_HEARS
    ),
    # Hears everything, says nothing: the bus log of `--record`, the demo, the bench.
    "observer": Rights("CORE", (), (">",)),
    # Creates LAST.
    "bootstrap-floor": Rights("FLOOR", ("$JS.API.>",), _INBOX),
    # A strategy's process: its own intents and nothing of JetStream or the services.
    "session": Rights(
        "FLOOR",
        (*_ACTOR_SAYS, "order.intent.{account}.{session}", "signal.{session}.>", "session.stats.{session}"),
        (
            *_ACTOR_HEARS,
            "order.update.{account}.{session}.>",
            "order.refused.{account}.{session}",
            "order.sync.{account}.{session}",
            "session.state.{session}",
        ),
    ),
    # People. A viewer has no ctl at all; an operator has it for the scopes named, an admin for all.
    "viewer": Rights("PEOPLE", (*_READS, "ask.{name}.{scope}.>"), _OUTWARD),
    "operator": Rights("PEOPLE", (*_READS, "ask.{name}.{scope}.>", "ctl.{name}.{scope}.>"), _OUTWARD),
    "admin": Rights("PEOPLE", (*_READS, "ctl.{name}.>", "ask.{name}.>"), _OUTWARD),
}
