"""The source on a real floor, strategies and all: joined late, its server killed, its portfolio killed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from test_tui_floor_source import Terminal

from actors.supervisor import Supervisor
from schemas.settings import FeedSettings, SessionSettings, Settings
from tui.floor_source import FloorAddress
from tui.view_state import View

SYMBOLS = ("EURUSD", "XAUUSD")


def pid_of(supervisor: Supervisor, name: str) -> int:
    """A process of the floor's."""
    return next(actor.pid for actor in supervisor.status().actors if actor.name == name)


def whole(view: View) -> bool:
    """Everything is live, and every open position has its profit."""
    return (
        view.link.phase == "live"
        and len(view.quotes) == len(SYMBOLS)
        and bool(view.positions)
        and all(row.profit is not None for row in view.positions.values())
    )


@pytest.mark.timeout(120)
async def test_a_terminal_on_a_real_floor_is_right_again_after_each_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It joins while strategies trade; the server and the portfolio are killed; what it shows is what there is."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    settings = Settings(
        feed=FeedSettings(symbols=SYMBOLS, rate=10),
        session=tuple(
            SessionSettings(
                id=name,
                strategy="busy_strategy:Busy",
                symbols=(symbol,),
                params={"every": 5, "seconds": 1_000_000.0, "most": 4},
            )
            for name, symbol in zip("ab", SYMBOLS, strict=True)
        ),
    )
    home = tmp_path / "home"
    supervisor = Supervisor(home, settings)
    await supervisor.start()
    seed = (home / "users" / "owner.seed").read_text(encoding="ascii").strip()
    first, second = (Terminal(FloorAddress(supervisor.server.url, seed)) for _ in range(2))
    try:
        first.start()
        await first.until(lambda view: whole(view) and len(view.fills) > 10)
        second.start()
        await second.until(whole)
        assert len(second.view.fills) > 10
        assert {row.state for row in second.view.sessions.values()} == {"running"}
        assert second.view.profits["portfolio", "floor"].equity is not None

        server = supervisor.server.pid
        assert server is not None
        os.kill(server, signal.SIGKILL)
        await asyncio.gather(*(one.until(lambda view: not view.link.up) for one in (first, second)))
        await asyncio.gather(*(one.until(whole) for one in (first, second)))

        os.kill(pid_of(supervisor, "portfolio"), signal.SIGKILL)
        await first.until(lambda view: view.actors["portfolio"].state == "dead")
        await first.until(lambda view: view.actors["portfolio"].state == "alive" and whole(view))
        third = Terminal(first.address)
        third.start()
        try:
            await third.until(lambda view: whole(view) and set(view.positions) == set(first.view.positions))
            both = set(third.view.positions)
            assert {key: third.view.positions[key].volume for key in both} == {
                key: first.view.positions[key].volume for key in both
            }
        finally:
            await third.end()
        assert (first.view.link.unreadable, second.view.link.unreadable) == (0, 0)
    finally:
        for one in (first, second):
            if one.task is not None:
                await one.end()
        await supervisor.stop()
