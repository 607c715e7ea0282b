"""Help: every key, and what marks, words and colours mean."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.widgets.figures import count
from tui.widgets.marks import marks

__all__ = ["HelpScreen"]

_TEXT = f"""\
PITWIRE: THE FLOOR

KEYS
  1 2 3 4 5 6       Prices, Positions, Orders, Actors, Equity, Log
  tab, shift+tab    the next panel, the one before
  z                 the panel with the keyboard alone, and back
  escape            all panels again
  up, down, page up, page down, home, end
                    scroll the panel with the keyboard
  f                 Orders: all, only working ones, only fills
  l                 Log: from info up, from WARN up, from ERROR up, all
  ctrl+p            every command by name, colours among them
  ?                 this page
  q, ctrl+c         quit

FIGURES
  -                 not known; never a zero
  {marks.up} {marks.down}               the bid's last change was up, was down
  + -               a gain, a loss (also green, red)
  x                 the market is closed, or its price is stale
  *                 events about this row were missed: it may be old,
                    until it is told or read again
  Spr               the spread, in points
  Open P/L          what closing everything now would book
  Realised          what was booked: profit, commission, swap
  Times             UTC

HEALTH
  live              what you see is what the floor says now
  NO LINK           nothing is heard: all figures are old, and dim
  DOWN              the floor was ended, or has failed
  LATE, DEAD        an actor has not beaten for 2 s, for 3 s
  TROUBLED          it lives, and says that it cannot do its work
  FAILED            it is not started again by itself
  Risk REDUCING     only closing orders pass the guard
  Risk HALTED       the guard has stopped trading of that scope
  UNKNOWN           an order whose outcome the venue has not told
  N missed          events of the last minute that were sent and never came
  BEHIND            so many that this screen cannot keep up: it may be old
  as of             so it was when something was last heard, not now

A wider or higher terminal shows more columns. Any of ?, escape or q closes this page.
"""


class HelpScreen(ModalScreen[None]):
    """One scrolling page."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "Close")]

    def __init__(self, missed: int = 0) -> None:
        super().__init__()
        self._missed = missed

    def compose(self) -> ComposeResult:
        """The page; it is no markup. Last how many events were `missed` since this terminal was opened, if any."""
        total = f"\nMissed since this screen was opened: {count(self._missed, 'event')}.\n" if self._missed else ""
        with VerticalScroll():
            yield Static(f"{_TEXT}{total}", markup=False)
