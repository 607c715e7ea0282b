"""What a client can learn of a server that somebody else runs, asked of real ones and of one that lies."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from externalserver import self_signed
from servers import make_stream, running, within

from bus.external import ExternalServer
from bus.interface import BusError
from bus.tls import StrictClient, tls_context


@asynccontextmanager
async def linked(url: str, down: asyncio.Event | None = None) -> AsyncIterator[ExternalServer]:
    """An open one, without identities; `down` is set when the link is lost."""

    def changed(up: bool) -> None:
        if not up and down is not None:
            down.set()

    server = ExternalServer(url, "")
    try:
        await server.open(changed, lambda _: None)
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def pretender(**greeting: Any) -> AsyncIterator[str]:
    """Something that greets as a nats-server with these words, and answers nothing but PING; its url."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = {"server_id": "X", "server_name": "x", "headers": True, "max_payload": 1_000_000, **greeting}
        writer.write(f"INFO {json.dumps(info)}\r\n".encode())
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_a_server_with_orders_in_files_is_fit(tmp_path: Path) -> None:
    """Before the first start the stream may be missing, afterwards not."""
    down = asyncio.Event()
    with running(tmp_path) as server:
        async with linked(server.url, down) as seen:
            assert await seen.problem(streams=False) == ""
            assert "no stream ORDERS" in await seen.problem()
            await make_stream(server, "ORDERS", ["order.update.>"])
            assert await seen.problem() == ""
            assert seen.version.startswith("2.")
            server.kill()
            assert await within(down.wait())
            assert await seen.problem() == f"no link to {server.url}"


async def test_orders_in_memory_are_refused(tmp_path: Path) -> None:
    """They would be gone with the server."""
    with running(tmp_path) as server:
        await make_stream(server, "ORDERS", ["order.update.>"], storage="memory")
        async with linked(server.url) as seen:
            assert "ORDERS is kept in storage 'memory'" in await seen.problem(streams=False)


@pytest.mark.parametrize(
    ("version", "old"),
    [("2.10.29", True), ("1.4.1", True), ("2.11.0", False), ("2.15.1-RC.1", False), ("3.0.0", False)],
)
async def test_a_server_that_is_too_old_is_refused_by_its_version(version: str, old: bool) -> None:
    """Leases need messages with a time to live; what it says of JetStream is then not asked."""
    async with pretender(version=version) as url, linked(url) as seen:
        asking = asyncio.ensure_future(seen.problem())
        await asyncio.wait({asking}, timeout=0.2)
        assert asking.done() == old
        asking.cancel()
        if old:
            assert f"nats-server {version}; expected 2.11" in asking.result()


async def test_a_server_without_tls_gets_nothing_from_a_tls_address(tmp_path: Path) -> None:
    """Whoever stands in between could otherwise have the orders in clear text by not offering encryption."""
    with running(tmp_path) as server:
        seen = ExternalServer(
            server.url.replace("nats:", "tls:"), "", tls_context("tls://x"), connect_timeout_us=500_000
        )
        with pytest.raises(BusError, match="does not speak TLS, which tls:// asks for"):
            await seen.open(lambda _: None, lambda _: None)
        await seen.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes this test's certificate")
async def test_tls_is_used_where_the_server_only_offers_it(tmp_path: Path) -> None:
    """And only with a certificate that is trusted."""
    certificate, key = self_signed(tmp_path)
    tls = f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\nallow_non_tls: true\n'
    with running(tmp_path, tls) as server:
        url = server.url.replace("nats:", "tls:")
        client = StrictClient()
        await within(client.connect(url, tls=tls_context(url, str(certificate))))
        await client.close()
        stranger = ExternalServer(url, "", tls_context(url), connect_timeout_us=500_000)
        with pytest.raises(BusError, match="certificate verify failed"):
            await stranger.open(lambda _: None, lambda _: None)
        await stranger.close()


async def test_addresses_that_a_server_announces_are_not_followed_in_clear_text() -> None:
    """A loopback address is allowed without TLS; what a server there names is somewhere else."""
    async with pretender(version="2.15.1", connect_urls=["192.0.2.1:4222"]) as url:
        client = StrictClient()
        await within(client.connect(url))
        assert client.discovered_servers == []
        await client.close()


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """Missing, or no certificates."""
    with pytest.raises(BusError, match=r"bus\.ca: .*gone\.pem.*No such file"):
        tls_context("tls://x:1", str(tmp_path / "gone.pem"))
    (tmp_path / "text.pem").write_text("no certificate", encoding="utf-8")
    with pytest.raises(BusError, match=r"bus\.ca: .*text\.pem.*PEM"):
        tls_context("tls://x:1", str(tmp_path / "text.pem"))
    assert tls_context("nats://127.0.0.1:1") is None
