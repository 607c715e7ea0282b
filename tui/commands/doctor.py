"""`pitwire doctor`: everything a floor needs, looked at one by one."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import typer

from actors.floor_error import Exit, FloorError
from actors.home import bytes_in, read_home
from bus.clock import wall_us
from bus.server import ServerError, find_binary
from bus.streams import Quotas
from schemas.settings import Settings
from tui.commands.options import ConfigOption, HomeOption, JsonOption, find_settings, say, settings_name, usable
from tui.commands.status import judge

__all__ = ["Finding", "doctor"]

_DAY_US = 86_400_000_000
_HOUR_US = 3_600_000_000
_FEW_DAYS = 7
_MIB = 2**20


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. `ok` is False for what keeps a floor from running well."""

    name: str
    ok: bool
    text: str


def doctor(home: HomeOption = Path("var"), config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check the machine, folder, settings and the running floor."""
    findings = list(_examine(home.absolute(), config))
    well = all(finding.ok for finding in findings)
    if as_json:
        body = {"ok": well, "checks": findings}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n")
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            say(f"{'ok ' if finding.ok else 'BAD'}  {finding.name.ljust(width)}  {finding.text}")
    raise typer.Exit(Exit.OK if well else Exit.FAILED)


def _examine(home: Path, config: Path | None) -> Iterator[Finding]:
    settings = Settings()

    def configuration() -> str:
        nonlocal settings
        settings = find_settings(home, config)
        usable(settings, settings_name(home, config))
        return f"{len(settings.account)} accounts, {len(settings.session)} sessions, {settings.feed.kind} feed"

    yield _look("python", _python)
    yield _look("packages", _packages)
    yield _look("settings", configuration)
    yield _look("nats-server", lambda: _server(settings))
    yield _look("folder", lambda: _folder(home))
    yield _look("disk", lambda: _disk(home, settings))
    verdict = judge(home)
    if verdict.verdict == "down" and not settings.bus.url:
        yield _look("port", lambda: _port(home, settings))
    text = "; ".join(verdict.troubles)
    yield Finding("floor", verdict.verdict in {"well", "down"}, f"{verdict.verdict}{f': {text}' if text else ''}")


def _look(name: str, work: Callable[[], str]) -> Finding:
    """What the check found, or why it failed."""
    try:
        return Finding(name, ok=True, text=work())
    except (FloorError, ServerError, OSError) as error:
        return Finding(name, ok=False, text=str(error))


def _python() -> str:
    return f"{platform.python_version()}, {sys.executable}"


def _packages() -> str:
    """Versions of what a floor runs with."""
    names = ("msgspec", "nats-py", "uvloop", "aiosqlite", "structlog", "pynacl", "psutil", "typer", "textual")
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        raise FloorError(Exit.ENVIRONMENT, f"not installed: {', '.join(missing)}")
    return ", ".join(found)


def _server(settings: Settings) -> str:
    if settings.bus.url:
        return asyncio.run(_external(settings))
    binary = find_binary(settings.bus.nats_server or None)
    answer = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
    version = answer.stdout.strip().removeprefix("nats-server:").strip()
    if answer.returncode or not version:
        raise FloorError(Exit.ENVIRONMENT, f"{binary}: does not tell its version: {answer.stderr.strip()[:200]}")
    return f"{version}, {binary}"


async def _external(settings: Settings) -> str:
    """What a client can see of the server at `bus.url`."""
    from actors.floor_keys import FloorKeys
    from bus.external import ExternalServer
    from bus.interface import BusError
    from bus.tls import tls_context

    bus = settings.bus
    seed = FloorKeys.of(settings).seed("bootstrap")
    try:
        server = ExternalServer(bus.url, seed, tls_context(bus.url, bus.ca))
        try:
            await server.open(lambda _: None, lambda _: None)
            problem = await server.problem(streams=False)
        finally:
            await server.close()
    except BusError as error:
        problem = str(error)
    if problem:
        raise FloorError(Exit.ENVIRONMENT, f"bus.url: {problem}")
    return (
        f"external, {server.version} at {bus.url}, JetStream works; "
        "not known, because only its own configuration says it: whether every write is synced (sync_always)"
    )


def _folder(home: Path) -> str:
    """Whether it can be written to; a folder that is not there yet is asked for in the nearest one that is."""
    read_home(home)
    place = _nearest(home)
    with tempfile.TemporaryFile(dir=place) as file:
        file.write(b"pitwire")
    return f"{home}{'' if place == home else ' (not made yet)'}"


def _nearest(home: Path) -> Path:
    return next(path for path in (home, *home.parents) if path.exists())


def _disk(home: Path, settings: Settings) -> str:
    """Free space, against what the streams may take and what the folder grew by until now."""
    free = shutil.disk_usage(_nearest(home)).free
    used = bytes_in(home)
    wanted = Quotas.of(settings.bus.store_mb, settings.store.market_mb).store
    text = f"{free // _MIB:,} MiB free, the folder takes {used // _MIB:,} MiB"
    if free + used < wanted and not settings.bus.url:
        message = f"{text}; the streams may take {wanted // _MIB:,} MiB (bus.store_mb, store.market_mb)"
        raise FloorError(Exit.ENVIRONMENT, message)
    info = read_home(home)
    age_us = wall_us() - info.made if info is not None else 0
    if age_us < _HOUR_US or not used:
        return f"{text}, days left not known yet"
    days = free / (used / age_us * _DAY_US)
    text = f"{text}, full in {days:,.0f} days at the rate so far"
    if days < _FEW_DAYS:
        raise FloorError(Exit.ENVIRONMENT, text)
    return text


def _port(home: Path, settings: Settings) -> str:
    """Whether the port that the floor would take is free."""
    port = settings.bus.port
    if not port:
        with contextlib.suppress(OSError, ValueError):
            port = int((home / "nats" / "port").read_text(encoding="ascii"))
    if not port:
        return "chosen at the first start"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"{port}: {error.strerror}; expected a free port (bus.port, or {home / 'nats' / 'port'})"
            raise FloorError(Exit.ENVIRONMENT, message) from error
    return f"{port} is free"
