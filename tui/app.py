"""The terminal's side of the floor: `pitwire run` and `attach` show this.

Owns the redraw: whatever arrives is folded at once, what changed is drawn at most `redraws` times a second. Reads a
floor by `tui.floor_source`; says nothing on the bus itself. No threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from bus.clock import Clock, LiveClock
from tui.floor_source import Down, Find, FloorGone, FloorSource
from tui.replica import Replica
from tui.screens.floor import FloorScreen
from tui.themes import COLOURS, THEMES, variables
from tui.view_state import SECTIONS

__all__ = ["FloorApp"]

_LOOK_S = 1.0
_MOST_REDRAWS = 10


class FloorApp(App[None]):
    """The floor, until it is quit or gone.

    `find` finds the floor, `down` says why there is none (see `FloorSource`); without `find` `replica` is
    shown as it is. `redraws` a second, 1 to 10. After run(),
    `failure` is the one line that says why it ended by itself, "" when a person ended it; `return_code` is then 0.
    """

    CSS_PATH = Path(__file__).with_name("floor.tcss")
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(
        self,
        find: Find | None,
        *,
        title: str,
        redraws: int = _MOST_REDRAWS,
        down: Down | None = None,
        replica: Replica | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        self.title = title
        self.failure = ""
        self.replica = replica or Replica()
        self.clock = clock or LiveClock()
        self.animation_level = "none"
        self._find, self._down = find, down
        self.redraws = min(max(redraws, 1), _MOST_REDRAWS)
        self.floor = FloorScreen(title)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def get_default_screen(self) -> Screen[None]:
        """The floor."""
        return self.floor

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own colours in themes that do not know them."""
        return variables(self.current_theme)

    def on_mount(self) -> None:
        """Start looking, drawing and following."""
        self.call_after_refresh(self._draw_all)
        self.set_interval(1 / self.redraws, self.redraw)
        self.set_interval(_LOOK_S, self.look)
        if self._find is not None:
            source = FloorSource(self._find, self.replica, self.redraw, down=self._down, clock=self.clock)
            self.run_worker(self._follow(source))

    def redraw(self) -> None:
        """Draw the sections that have changed since the last time."""
        dirty = self.replica.view.dirty
        if dirty and self.is_running:
            sections = frozenset(dirty)
            dirty.clear()
            try:
                self.floor.draw(self.replica.view, sections, self.clock.now())
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends the app in order
                self._fail_by(error, "the screen can no longer be drawn")

    def look(self) -> None:
        """Once a second: what has not been heard of for too long, and ages, which grow by themselves."""
        self.replica.look(self.clock.now())
        self.replica.view.dirty |= {"actors", "link"}
        self.redraw()

    def _draw_all(self) -> None:
        """Draw everything, changed or not."""
        self.replica.view.dirty.update(SECTIONS)
        self.redraw()

    async def _follow(self, source: FloorSource) -> None:
        """Feed the replica; whatever ends that ends the app with one line."""
        try:
            await source.run()
        except asyncio.CancelledError:
            raise
        except FloorGone as gone:
            self._fail(str(gone))
        except Exception as error:
            logging.getLogger(__name__).exception("the floor can no longer be followed")
            self._fail(f"the floor can no longer be followed: {error!r}")

    def _fail_by(self, error: Exception, what: str) -> None:
        """End because of a defect: a person is told in one line, the log has the rest."""
        logging.getLogger(__name__).error(what, exc_info=error)
        self._fail(f"{what}: {error!r}")

    def _fail(self, text: str) -> None:
        """End with a reason."""
        self.failure = text
        self.exit(return_code=1)

    def action_help(self) -> None:
        """Every key, and what marks and colours mean."""
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.replica.view.link.gaps))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers."""
        floor = self.floor
        for panel in floor.panels:
            number = panel.NUMBER
            yield SystemCommand(
                f"Go to {panel.NAME}", f"The same as key {number}", lambda number=number: floor.action_panel(number)
            )
        yield SystemCommand("Zoom", "The panel with the keyboard on the whole screen, or back (z)", floor.action_zoom)
        yield SystemCommand("Orders: all, working, fills", "The next of them (f)", floor.action_orders)
        yield SystemCommand("Log level", "From the next level up (l)", floor.action_level)
        for name, words in COLOURS.items():
            yield SystemCommand(f"Colours: {words}", "", lambda name=name: setattr(self, "theme", name))
        yield SystemCommand("Help", "Every key, every mark (?)", self.action_help)
        yield SystemCommand("Quit", "Leave this screen (q)", self.exit)
