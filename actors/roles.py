"""The actors by role: where each lives and what it is made of. Imported late, so that a process loads only its own."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import msgspec

from actors.actor import Actor

__all__ = ["ROLES", "Role", "load_role"]


class Role(msgspec.Struct, frozen=True):
    """An actor class with the types of its configuration and of its recovered state."""

    actor: type[Actor]
    config: type[msgspec.Struct]
    state: type[msgspec.Struct]

    def make(self, name: str, incarnation: int, config: msgspec.Struct, state: msgspec.Struct | None) -> Actor:
        """The actor, ready for its first message."""
        maker: Any = self.actor
        made: Actor = maker(name, incarnation, config, state)
        return made


ROLES: dict[str, tuple[str, str, str, str]] = {
    "feed": ("actors.feed", "Feed", "FeedConfig", "FeedState"),
    "guard": ("actors.guard", "Guard", "GuardConfig", "GuardState"),
    "router": ("actors.router", "Router", "RouterConfig", "RouterState"),
    "portfolio": ("actors.portfolio", "Portfolio", "PortfolioConfig", "PortfolioState"),
    "gateway": ("actors.paper", "Paper", "PaperConfig", "PaperState"),
    "watch": ("actors.watch", "Watch", "WatchConfig", "WatchState"),
    "recorder": ("actors.recorder", "Recorder", "RecorderConfig", "RecorderState"),
    "session": ("actors.runner", "Runner", "RunnerConfig", "RunnerState"),
}
"""Role to module, actor class, configuration and state."""


def load_role(role: str) -> Role:
    """Import a role. KeyError for one that there is not."""
    module_name, actor, config, state = ROLES[role]
    module = import_module(module_name)
    return Role(getattr(module, actor), getattr(module, config), getattr(module, state))
