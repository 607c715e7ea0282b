"""The bus server's place as the settings want it: a server of our own, or the link to one that somebody else runs."""

from __future__ import annotations

from pathlib import Path

from actors.external_post import ExternalPost
from actors.floor_error import Exit, FloorError
from actors.floor_keys import FloorKeys
from actors.restart_budget import RestartBudget
from actors.server_post import ServerPost
from bus.external import ExternalServer
from bus.interface import BusError
from bus.server import Server
from bus.streams import Quotas
from bus.tls import tls_context
from schemas.settings import Settings

__all__ = ["bus_post"]


def bus_post(home: Path, settings: Settings, keys: FloorKeys) -> ServerPost | ExternalPost:
    """Nothing is started and nobody connects yet. Raises FloorError for a `bus.ca` that cannot be used."""
    bus, sim = settings.bus, settings.feed.speed == 0
    quotas = Quotas.of(bus.store_mb, settings.store.market_mb)
    if not bus.url:
        server = Server(home, bus.nats_server or None, port=bus.port, quotas=quotas)
        return ServerPost(server, keys, quotas, RestartBudget(0) if sim else RestartBudget())
    try:
        external = ExternalServer(bus.url, keys.seed("bootstrap"), tls_context(bus.url, bus.ca))
    except BusError as error:
        raise FloorError(Exit.DATA, str(error)) from error
    return ExternalPost(external, keys, quotas, once=sim)
