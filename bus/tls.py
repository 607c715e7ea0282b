"""TLS to a server on another machine: whom to trust, and that `tls://` means TLS whatever the server says.

nats-py leaves it to the server's greeting whether a connection is encrypted, and follows addresses that a server of a
cluster announces. Whoever stands in between could thus have the orders in clear text; `StrictClient` lets neither
happen.
"""

from __future__ import annotations

import ssl
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NatsError

from bus.interface import BusError

__all__ = ["StrictClient", "tls_context"]


def tls_context(url: str, ca: str = "") -> ssl.SSLContext | None:
    """How to check the server of `url`: by the certificates in the file `ca`, else by the system's; None for nats://.

    Raises BusError when the file cannot be used.
    """
    if not url.startswith("tls://"):
        return None
    try:
        return ssl.create_default_context(cafile=ca or None)
    except OSError as error:  # ssl.SSLError among them
        reason = error.strerror or error
        raise BusError(f"bus.ca: {ca}: {reason}; expected a file of certificates in PEM form") from error


class StrictClient(Client):
    """nats-py's client, encrypted as its address says: with `tls://` always, with `nats://` to that address only."""

    @property
    def server_version(self) -> str:
        """What the server calls its version; "" before the first connection."""
        return str(self._server_info.get("version", ""))

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        """Read the server's greeting. Raises nats.errors.Error when an address with `tls://` would be clear text."""
        if self._current_server is None or self._current_server.uri.scheme != "tls":
            info.pop("connect_urls", None)
        elif initial_connection:
            if not (info.get("tls_required") or info.get("tls_available")):
                raise NatsError("the server does not speak TLS, which tls:// asks for")
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)
