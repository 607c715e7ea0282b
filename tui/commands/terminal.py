"""The terminal that a screen takes over: whether it can, what is kept away from it, how it is given back.

While it is held, whatever the process writes to its standard error goes to `<home>/log/tui.out`, and what the libraries
log or warn of to `<home>/log/tui.log`: a line in the middle of a screen is read by nobody and spoils what is.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from actors.floor_error import Exit, FloorError

if sys.platform != "win32":
    import termios

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

__all__ = ["held_terminal", "need_terminal"]

_Mode: TypeAlias = list[Any]
_NO_SCREEN = {"", "dumb", "unknown"}


def need_terminal(instead: str) -> None:
    """Raises FloorError where no screen can be shown; `instead` says what can be done there."""
    for stream, name in ((sys.__stdin__, "input"), (sys.__stdout__, "output")):
        if stream is None or stream.closed or not stream.isatty():
            raise FloorError(Exit.ENVIRONMENT, f"standard {name} is no terminal; {instead}")
    kind = os.environ.get("TERM", "")
    if kind in _NO_SCREEN and sys.platform != "win32":
        message = (
            f"TERM={kind or 'not set'}: such a terminal shows no screen; expected one like xterm-256color; {instead}"
        )
        raise FloorError(Exit.ENVIRONMENT, message)


@contextlib.contextmanager
def held_terminal(home: Path) -> Iterator[None]:
    """Keep everything but the screen away from the terminal, and leave it as it was found."""
    errors = _errors(home)
    screen = _Screen(os.dup(1))
    former = sys.__stderr__
    sys.__stderr__ = screen  # type: ignore[misc] # where Textual draws
    kept = os.dup(2)
    os.dup2(errors, 2)
    os.close(errors)
    log = _TuiLog(home / "log" / "tui.log")
    logging.getLogger().addHandler(log)
    logging.captureWarnings(capture=True)
    mode = _mode()
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        logging.getLogger().removeHandler(log)
        os.dup2(kept, 2)
        os.close(kept)
        sys.__stderr__ = former  # type: ignore[misc]
        with contextlib.suppress(OSError):
            screen.close()
        if mode is not None and sys.platform != "win32":
            with contextlib.suppress(termios.error):
                termios.tcsetattr(0, termios.TCSANOW, mode)


class _Screen(io.TextIOWrapper):
    """Where the screen is drawn. A terminal that is gone takes everything: what draws must live to end in order."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(open(descriptor, "wb"), encoding="utf-8", errors="replace")  # noqa: SIM115

    def write(self, text: str) -> int:
        """Write, or not."""
        with contextlib.suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, or not."""
        with contextlib.suppress(OSError):
            super().flush()


class _TuiLog(logging.Handler):
    """Writes what libraries log into `tui.log`, in the shape of every other log of the floor."""

    def __init__(self, path: Path) -> None:
        super().__init__(logging.WARNING)
        self._path = path
        self._log: BoundLogger | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write it down. A log that cannot be written is no reason to end a screen."""
        if record.name.startswith("pitwire."):  # the log itself
            return
        try:
            if self._log is None:
                from actors.logs import open_log

                self._log = open_log(self._path, "tui")
            self._log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)
        except (OSError, ValueError, TypeError):
            return


def _errors(home: Path) -> int:
    """A descriptor for what would else be written on the screen."""
    path = home / "log" / "tui.out"
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def _mode() -> _Mode | None:
    """How the terminal treats what is typed."""
    if sys.platform == "win32":
        return None
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None
