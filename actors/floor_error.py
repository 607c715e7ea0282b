"""Why a floor cannot be had, and the exit codes of every command."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Exit", "FloorError"]


class Exit(IntEnum):
    """Exit codes; docs/commands.md explains them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    ALREADY_RUNNING = 4
    DATA = 5
    ENVIRONMENT = 6
    INTERRUPTED = 130


class FloorError(Exception):
    """What was asked for cannot be done. The text is for people: what, where, and what was expected."""

    def __init__(self, code: Exit, text: str) -> None:
        super().__init__(text)
        self.code = code
