"""Pictures of the screens from the frozen log: the same on every machine, because nothing in them is of this moment.

`python tests/screenshots.py` draws them all again: docs/floor.svg, and what tests/test_tui_screens.py compares with.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from textual.pilot import Pilot

from bus.clock import SimClock
from tui.app import FloorApp
from tui.frozen import thaw
from tui.replica import Replica

__all__ = ["KEPT", "PICTURE", "SHOTS", "Shot", "frozen_app", "taken"]

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / "tests" / "logs" / "floor.jsonl"
KEPT = ROOT / "tests" / "__snapshots__"
PICTURE = ROOT / "docs" / "floor.svg"

_SECOND = 1_000_000
_SAME = 3
# What a person's own terminal says would get into the picture.
_STRANGE = ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_DIM_FACTOR", "TEXTUAL_FILTERS")


class Shot(NamedTuple):
    """A picture: its name, the terminal's columns and lines, the keys that are pressed before, what was done to the
    view (`lost`: the link went three seconds ago; `empty`: nothing was heard yet) and the colours.
    """

    name: str
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    state: str = ""
    theme: str = "dark"


SHOTS = (
    Shot("floor-40x24", (40, 24)),
    Shot("floor-80x24", (80, 24)),
    Shot("floor-120x40", (120, 40)),
    Shot("floor-200x60", (200, 60)),
    Shot("light-120x40", (120, 40), theme="light"),
    Shot("lost-80x24", (80, 24), state="lost"),
    Shot("starting-80x24", (80, 24), state="empty"),
    Shot("zoomed-80x24", (80, 24), keys=("4", "z")),
    Shot("help-80x44", (80, 44), keys=("question_mark",)),
)


def frozen_app(state: str = "") -> FloorApp:
    """The app on the frozen floor, at the moment at which it was frozen."""
    if state == "empty":
        replica, now = Replica(), 0
        replica.link(False, "waiting for guard, router", now)
    else:
        frozen = thaw(LOG)
        replica, now = frozen.replica, frozen.at
    if state == "lost":
        replica.link(False, "connection refused", now, "connecting")
        now += 3 * _SECOND
    return FloorApp(None, title="var", replica=replica, clock=SimClock(now))


@contextmanager
def _ordinary() -> Iterator[None]:
    """Without what the environment says of colours."""
    taken_away = {name: os.environ.pop(name) for name in _STRANGE if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(taken_away)


async def taken(shot: Shot) -> str:
    """The picture as SVG."""
    with _ordinary():
        app = frozen_app(shot.state)
    app.theme = shot.theme
    async with app.run_test(size=shot.size) as pilot:
        app.look()
        await pilot.press(*shot.keys)
        return await settled(app, pilot)


async def settled(app: FloorApp, pilot: Pilot[None]) -> str:
    """The picture once nothing moves any more: Textual puts the footer together, and scrolls, a few messages later."""
    svg, same = "", 0
    while same < _SAME or not (app.screen.query("FooterKey") or app.screen.is_modal):
        await pilot.pause()
        before, svg = svg, app.export_screenshot(title="pitwire", simplify=True)
        same = same + 1 if svg == before else 0
    return svg


async def draw_all() -> None:
    """Draw every picture into its place."""
    KEPT.mkdir(exist_ok=True)
    for shot in SHOTS:
        svg = await taken(shot)
        (KEPT / f"{shot.name}.svg").write_text(svg, encoding="utf-8")
        if shot.name == "floor-120x40":
            PICTURE.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(draw_all())
