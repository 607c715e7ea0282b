"""Structured logs: one JSON object a line, by structlog, into the actor's own file.

`{"time": "...Z", "level": "info", "actor": "guard", "event": "...", ...}`, the members in this order. The file is
rotated at `limit_bytes` (one old file is kept). Every line is also offered to `publish`, for `log.<level>.<actor>`.
NKey seeds, and whatever else the caller knows to be secret, are masked in both.
"""

from __future__ import annotations

import logging
import logging.handlers
import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import structlog

from actors.error_text import encodable
from bus.clock import utc_text, wall_us

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence
    from pathlib import Path

__all__ = ["ALERT", "LIMIT_BYTES", "Offer", "log_alert", "open_log"]

ALERT = "alert"
"""The `event` of a line that is an alert: on the bus it is one already."""
LIMIT_BYTES = 16 * 2**20
MASK = "[secret]"

Offer: TypeAlias = "Callable[[str, str, Mapping[str, Any]], None]"
"""Takes a line's level, event and values."""

_SEED = r"S[ACNOUX][A-Z2-7]{56}"  # an NKey's secret half, whoever's it is
_LEVELS = {"exception": "error", "warn": "warning", "fatal": "critical"}  # methods whose names are no levels
_METHODS: dict[str, Literal["info", "warning", "error"]] = {"info": "info", "warning": "warning", "critical": "error"}


def open_log(
    path: Path,
    actor: str,
    *,
    limit_bytes: int = LIMIT_BYTES,
    publish: Offer | None = None,
    secrets: Sequence[str] = (),
) -> structlog.stdlib.BoundLogger:
    """The actor's logger. OSError when the file cannot be opened."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _end_last_line(path)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=limit_bytes, backupCount=1, encoding="utf-8")
    handler.setFormatter(_Bare())
    base = logging.getLogger(f"pitwire.{actor}@{path.absolute()}")
    base.setLevel(logging.INFO)
    base.propagate = False
    for former in base.handlers[:]:  # opened before in this process: it would write each line twice
        base.removeHandler(former)
        former.close()
    base.addHandler(handler)
    hidden = re.compile("|".join([_SEED, *(re.escape(secret) for secret in secrets if secret)]))

    def stamp(_logger: object, level: str, values: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event = encodable(str(values.pop("event", "")))
        values = {key: encodable(value) if isinstance(value, str) else value for key, value in values.items()}
        level = _LEVELS.get(level, level)
        if publish is not None:
            publish(level, hidden.sub(MASK, event), {key: _masked(value, hidden) for key, value in values.items()})
        return {"time": utc_text(wall_us()), "level": level, "actor": actor, "event": event, **values}

    def rendered(logger: object, level: str, values: MutableMapping[str, Any]) -> str:
        return hidden.sub(MASK, str(render(logger, level, values)))

    render = structlog.processors.JSONRenderer(default=str)
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        base,
        processors=[structlog.processors.format_exc_info, stamp, rendered],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return logger


def log_alert(
    log: structlog.stdlib.BoundLogger, severity: str, code: str, text: str, values: Mapping[str, str] | None = None
) -> None:
    """Write an alert of one's own as a line: level info, warning or error for info, warning or critical."""
    more = {"values": dict(values)} if values else {}
    getattr(log, _METHODS[severity])(ALERT, code=code, severity=severity, text=text, **more)


class _Bare(logging.Formatter):
    """The line and nothing else: what was raised is in it, and masked."""

    def format(self, record: logging.LogRecord) -> str:
        """Without the traceback that `logging` would put behind it."""
        return record.getMessage()


def _masked(value: Any, hidden: re.Pattern[str]) -> Any:  # noqa: ANN401 - whatever was logged
    return value if isinstance(value, int | float | None) else hidden.sub(MASK, str(value))


def _end_last_line(path: Path) -> None:
    """A process that was killed may have left half a line: the next one gets a line of its own."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        size = file.seek(0, 2)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")
