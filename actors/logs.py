"""Structured logs: one JSON object a line, by structlog, into the actor's own file.

`{"time": "...Z", "level": "info", "actor": "guard", "event": "...", ...}`. The file is rotated at `limit_bytes` (one
old file is kept). Lines from warning up are also handed to `publish`, for `log.<level>.<actor>` on the bus.
"""

from __future__ import annotations

import logging
import logging.handlers
from typing import TYPE_CHECKING, Any

import structlog

from bus.clock import utc_text, wall_us
from schemas.health import LogLine

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from pathlib import Path

__all__ = ["open_log"]

_PUBLISHED = {"warning", "error", "critical"}


def open_log(
    path: Path, actor: str, *, limit_bytes: int = 16 * 2**20, publish: Callable[[LogLine], None] | None = None
) -> structlog.stdlib.BoundLogger:
    """The actor's logger. OSError when the file cannot be opened."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=limit_bytes, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    base = logging.getLogger(f"pitwire.{actor}")
    base.setLevel(logging.INFO)
    base.propagate = False
    base.addHandler(handler)

    def stamp(_logger: object, level: str, values: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event = str(values.pop("event", ""))
        if publish is not None and level in _PUBLISHED:
            text = {key: str(value) for key, value in values.items() if key != "exception"}
            publish(LogLine(level=level, actor=actor, event=event, values=text))  # type: ignore[arg-type]
        return {"time": utc_text(wall_us()), "level": level, "actor": actor, "event": event, **values}

    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        base,
        processors=[structlog.processors.format_exc_info, stamp, structlog.processors.JSONRenderer(default=str)],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return logger
