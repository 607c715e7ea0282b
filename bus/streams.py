"""The streams: what is stored, how safely, and how much of it.

Owns the definitions of ORDERS, FLOW, MARKET, JOBS and the leases in CORE and of LAST in FLOOR, their consumers and
their quotas; `ensure` makes the server agree with them. Requests go to `$JS.API` as JSON, because nats-py knows neither
`persist_mode` nor message TTLs. `rewind` gives a reader again what it has lost.

Every stream that captures a subject from FLOOR has `no_ack`: an acknowledgement goes to the reply subject of the
message, so a strategy could otherwise have the server itself say something on `venue.order.>`. Batches, roll-ups,
schedules and message TTLs, which a header could ask for, stay off for the same streams. Their duplicate window is the
shortest there is, and nobody trusted puts a message id on what they capture, so that no id can be taken from him.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from bus.interface import BusError

__all__ = ["Quotas", "consumers", "core_streams", "ensure", "floor_streams", "rewind"]

_MIB = 2**20
_SECOND = 1_000_000_000  # the API's durations are nanoseconds
_NOT_FOUND = 10059
_NO_CONSUMER = 10014


class Quotas(msgspec.Struct, frozen=True):
    """Bytes each stream may take: on disk `orders` to `jobs`, in the server's memory `leases` and `last`."""

    orders: int = 1024 * _MIB
    flow: int = 512 * _MIB
    market: int = 512 * _MIB
    jobs: int = 64 * _MIB
    leases: int = 4 * _MIB
    last: int = 64 * _MIB

    @classmethod
    def of(cls, store_mb: int, market_mb: int) -> Quotas:
        """Share `store_mb` MiB among the streams but MARKET: 5/8 to ORDERS, 11/32 to FLOW, the rest to JOBS."""
        orders, jobs = store_mb * _MIB * 5 // 8, store_mb * _MIB // 32
        return cls(orders=orders, flow=store_mb * _MIB - orders - jobs, market=market_mb * _MIB, jobs=jobs)

    @property
    def core_store(self) -> int:
        """Bytes on disk that CORE may take: its streams, and some for what consumers remember."""
        return self.orders + self.flow + self.market + self.jobs + 16 * _MIB

    @property
    def store(self) -> int:
        """Bytes on disk that the server may take."""
        return self.core_store + _MIB

    def variables(self) -> dict[str, int]:
        """What `bus.conf` reads of them."""
        return {
            "store_bytes": self.store,
            "memory_bytes": self.leases + self.last + 2 * _MIB,
            "core_store_bytes": self.core_store,
            "core_memory_bytes": self.leases + _MIB,
            "floor_memory_bytes": self.last + _MIB,
        }


def core_streams(quotas: Quotas, replicas: int = 1) -> list[dict[str, Any]]:
    """The configuration of CORE's streams, as the API spells it. With replicas nothing can be `async`."""
    common = {"num_replicas": replicas, "allow_direct": True, "storage": "file", "retention": "limits"}
    record = {**common, "discard": "old", "no_ack": True, "duplicate_window": _SECOND // 10}
    if replicas == 1:
        record["persist_mode"] = "async"
    return [
        {
            # Every write synced, by trusted publishers only; full means refused, never silently forgotten.
            **common,
            "name": "ORDERS",
            "subjects": ["order.update.>", "venue.report.>", "session.state.>", "risk.state.>", "audit.>"],
            "discard": "new",
            "max_bytes": quotas.orders,
            "duplicate_window": 120 * _SECOND,
        },
        {
            # For the record: no delivery depends on it.
            **record,
            "name": "FLOW",
            "subjects": [
                "signal.>",
                "order.intent.>",
                "order.cleared.>",
                "order.refused.>",
                "pnl.>",
                "alert.>",
                "incident.>",
                "health.state.>",
                "account.>",
                "session.stats.>",
                "log.>",
            ],
            "max_bytes": quotas.flow,
        },
        {**record, "name": "MARKET", "subjects": ["md.tick.>", "md.spec.>", "md.status.>"], "max_bytes": quotas.market},
        {
            **common,
            "name": "JOBS",
            "subjects": ["job.new.>"],
            "retention": "workqueue",
            "discard": "new",
            "max_bytes": quotas.jobs,
            "duplicate_window": 120 * _SECOND,
        },
        {
            # A bucket: one entry an actor, gone when it is not renewed in time. Without markers, which would make an
            # expired lease read as an entry without a value.
            **common,
            "name": "KV_LEASES",
            "subjects": ["$KV.LEASES.>"],
            "storage": "memory",
            "discard": "new",
            "max_msgs_per_subject": 1,
            "max_bytes": quotas.leases,
            "allow_msg_ttl": True,
            "allow_rollup_hdrs": True,
            "deny_delete": True,
            "duplicate_window": 120 * _SECOND,
        },
    ]


def floor_streams(quotas: Quotas, replicas: int = 1) -> list[dict[str, Any]]:
    """The configuration of FLOOR's only stream: the last word on every subject of state, for those who join late."""
    return [
        {
            "name": "LAST",
            "subjects": [
                "md.tick.>",
                "md.spec.>",
                "md.status.>",
                "account.>",
                "pnl.>",
                "risk.state.>",
                "session.state.>",
                "health.state.>",
            ],
            "retention": "limits",
            "storage": "memory",
            "discard": "old",
            "max_msgs_per_subject": 1,
            "max_bytes": quotas.last,
            "no_ack": True,
            "allow_direct": True,
            "num_replicas": replicas,
            "duplicate_window": _SECOND // 10,
        }
    ]


def consumers() -> list[tuple[str, dict[str, Any]]]:
    """CORE's durable pull consumers, with their stream. What is not acked in time comes again, without end.

    No more is under way to the recorder than it can take in well within that time: else what waits for it comes again
    and again while it waits, and the more the longer it takes.
    """
    reader = {"ack_policy": "explicit", "ack_wait": 2 * _SECOND, "max_deliver": -1, "max_ack_pending": 20_000}
    recorder = {**reader, "max_ack_pending": 500}
    return [
        ("ORDERS", {**recorder, "durable_name": "recorder"}),
        ("FLOW", {**recorder, "durable_name": "recorder_flow"}),
        ("JOBS", {**reader, "durable_name": "workers", "ack_wait": 30 * _SECOND}),
    ]


async def ensure(
    core: Client, floor: Client, quotas: Quotas | None = None, *, replicas: int = 1, timeout_s: float = 5.0
) -> None:
    """Create what is missing and update what differs, as the identities `bootstrap` and `bootstrap-floor`.

    Idempotent. Raises BusError with the server's reason, or when a request is not answered within `timeout_s` seconds.
    """
    quotas = quotas or Quotas()
    core_api, floor_api = _Api(core, timeout_s), _Api(floor, timeout_s)
    for config in core_streams(quotas, replicas):
        await core_api.make(config)
    for stream, config in consumers():
        await core_api.make_consumer(stream, config)
    for config in floor_streams(quotas, replicas):
        await floor_api.make(config)


async def rewind(
    core: Client, stream: str, durable: str, missing: Callable[[int], int], *, timeout_s: float = 5.0
) -> int:
    """Make a durable give again what its reader is missing, although it was acked: the reader's memory was lost.

    `missing` gets the stream's first sequence and returns the lowest one from there on that the reader does not have.
    When the durable's ack floor is there or beyond, it is made anew and begins there; what is returned is that
    sequence, otherwise 0. The reader must not run. As the identity `bootstrap`; raises BusError.
    """
    api = _Api(core, timeout_s)
    consumer = await api.call(f"CONSUMER.INFO.{stream}.{durable}", None)
    first = missing(int((await api.call(f"STREAM.INFO.{stream}", None))["state"]["first_seq"]))
    if int(consumer["ack_floor"]["stream_seq"]) < first:
        return 0
    config = next(config for name, config in consumers() if (name, config["durable_name"]) == (stream, durable))
    await api.call(f"CONSUMER.DELETE.{stream}.{durable}", None)
    await api.make_consumer(stream, {**config, "deliver_policy": "by_start_sequence", "opt_start_seq": first})
    return first


class _Api:
    """JetStream's API of the account that a client is in."""

    def __init__(self, client: Client, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s

    async def make(self, config: dict[str, Any]) -> None:
        """Create the stream, or update what differs."""
        name = config["name"]
        answer = await self.call(f"STREAM.INFO.{name}", None, allow=_NOT_FOUND)
        if "error" in answer:
            await self.call(f"STREAM.CREATE.{name}", config)
        elif any(answer["config"].get(key) != value for key, value in config.items()):
            await self.call(f"STREAM.UPDATE.{name}", {**answer["config"], **config})

    async def make_consumer(self, stream: str, config: dict[str, Any]) -> None:
        """Create the durable, from the stream's first message if `config` does not say otherwise, or update what
        differs; where an existing one began cannot be changed.
        """
        name = f"{stream}.{config['durable_name']}"
        answer = await self.call(f"CONSUMER.INFO.{name}", None, allow=_NO_CONSUMER)
        before = answer.get("config", {"replay_policy": "instant", "deliver_policy": "all"})
        if "error" in answer or any(before.get(key) != value for key, value in config.items()):
            request = {"stream_name": stream, "config": {**before, **config}}
            await self.call(f"CONSUMER.CREATE.{name}", request)

    async def call(self, what: str, request: dict[str, Any] | None, allow: int = 0) -> dict[str, Any]:
        """One request; an error other than the code `allow` is raised."""
        payload = b"" if request is None else msgspec.json.encode(request)
        try:
            message = await self._client.request(f"$JS.API.{what}", payload, timeout=self._timeout_s)
        except NatsError as error:
            raise BusError(f"{what}: no answer from JetStream: {str(error) or type(error).__name__}") from error
        answer: dict[str, Any] = msgspec.json.decode(message.data, type=dict[str, Any])
        failure = answer.get("error")
        if failure and failure.get("err_code") != allow:
            raise BusError(f"{what}: {failure.get('description')} ({failure.get('err_code')})")
        return answer
