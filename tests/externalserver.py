"""A nats-server that a test runs beside a floor, configured as docs/bus.md says, and settings that lead to it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from commandline import ROOT
from servers import NatsServer

from actors.floor_keys import FloorKeys
from actors.floor_plan import places
from actors.keys_file import write_keys
from schemas.settings import BusSettings, Settings

__all__ = ["ExternalNats", "external", "self_signed"]


class ExternalNats(NatsServer):
    """The repository's `bus.conf` with the documented variables and the given identities."""

    def __init__(self, folder: Path, include: str, more: str = "") -> None:
        folder.mkdir()
        super().__init__(folder)
        text = (ROOT / "bus.conf").read_text(encoding="utf-8")
        text = re.sub(r"(?m)^(log|pid)_?file.*$", "", text)  # the log goes to the helper's pipe
        self._conf.write_text(text.replace('store_dir: "store"', f'store_dir: "{folder / "store"}"') + more)
        (variables,) = re.findall(
            r"```conf\n(.*?)```", (ROOT / "docs" / "bus.md").read_text(encoding="utf-8"), re.DOTALL
        )
        assert "listen_port: 4222" in variables
        self._variables = folder / "variables.conf"
        self._variables.write_text(variables.replace("4222", str(self.port)), encoding="utf-8")
        (folder / "identities.conf").write_text(include, encoding="utf-8")

    def vary(self, old: str, new: str) -> None:
        """Replace a piece of the variables, for the next start."""
        text = self._variables.read_text(encoding="utf-8")
        assert old in text
        self._variables.write_text(text.replace(old, new), encoding="utf-8")


@contextmanager
def external(folder: Path, settings: Settings, more: str = "") -> Iterator[tuple[ExternalNats, Settings]]:
    """A running one that knows the keys of the settings' floor, in `folder`; with it settings that lead there."""
    keys = FloorKeys.make(places(settings))
    server = ExternalNats(folder / "server", keys.include, more)
    write_keys(folder / "keys.json", keys.kept())
    server.start()
    bus = BusSettings(url=server.url, keys=str(folder / "keys.json"))
    try:
        yield server, msgspec.structs.replace(settings, bus=bus)
    finally:
        server.stop()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=floor"
    files = ["-keyout", str(key), "-out", str(certificate), "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make.split(), *files], check=True, capture_output=True)
    return certificate, key
