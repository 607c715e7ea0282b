"""The floor on one screen: head, six panels, keys. It is told which sections of the view have changed."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Footer

from tui.view_state import SECTIONS, View
from tui.widgets.actors import Actors
from tui.widgets.banner import Banner, warning
from tui.widgets.equity import Equity
from tui.widgets.journal import Journal
from tui.widgets.orders import Orders
from tui.widgets.panel import Panel
from tui.widgets.positions import Positions
from tui.widgets.prices import Prices
from tui.widgets.summary import Summary

__all__ = ["FloorScreen"]

_HEAD = frozenset({"link", "risk", "actors", "profits", "sessions"})


class FloorScreen(Screen[None]):
    """Everything at a glance. Sections that change while their panel is out of sight are shown when it is back."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-medium"), (160, "-wide")]  # noqa: RUF012 - an attribute of the instance in Textual
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "app.quit", "Quit"),
        Binding("question_mark", "app.help", "Help", key_display="?"),
        Binding("1", "panel(1)", "Panel", key_display="1-6"),
        *(Binding(str(number), f"panel({number})", show=False) for number in range(2, 7)),
        Binding("z", "zoom", "Zoom"),
        Binding("escape", "whole", "Whole floor", show=False),
        Binding("f", "orders", "Fills"),
        Binding("l", "level", "Log level"),
    ]

    def __init__(self, title: str) -> None:
        super().__init__()
        self.summary = Summary(title)
        self.banner = Banner()
        self.orders, self.actors, self.journal = Orders(), Actors(), Journal()
        self.panels: tuple[Panel, ...] = (
            Prices(),
            Positions(),
            self.orders,
            self.actors,
            Equity(),
            self.journal,
        )
        self.zoomed: Panel | None = None
        self._phase = ("", False)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self.banner
        yield self.summary
        yield Container(*self.panels, id="panels")
        yield Footer()

    def draw(self, view: View, sections: AbstractSet[str], now: int) -> None:
        """Show what has changed. `now` in UTC microseconds."""
        self.actors.now = now
        link = view.link
        if (link.phase, link.lost) != self._phase:  # panels say whether what they show is known, and is of now
            self._phase, sections = (link.phase, link.lost), frozenset(SECTIONS)
        self.set_class(link.lost, "-stale")
        self.banner.say(warning(view, now), lost=link.lost)
        if sections & _HEAD or "quotes" in sections:
            self.summary.show(view)
        for panel in self.panels:
            if panel.SECTIONS & sections and (self.zoomed is None or panel is self.zoomed):
                panel.look(view)

    def action_panel(self, number: int) -> None:
        """Put the keyboard into a panel; while one is zoomed, zoom that one instead."""
        panel = next(panel for panel in self.panels if number == panel.NUMBER)
        if self.zoomed is not None and self.zoomed is not panel:
            self._zoom(panel)
        self.set_focus(panel.inside)  # at once: the next key may be here already

    def action_zoom(self) -> None:
        """The panel with the keyboard takes the whole screen, or gives it back."""
        if self.zoomed is not None:
            self._zoom(None)
            return
        focused = self.focused
        self._zoom(next((panel for panel in self.panels if focused in panel.walk_children()), self.panels[0]))

    def action_whole(self) -> None:
        """Every panel again."""
        if self.zoomed is not None:
            self._zoom(None)

    def action_orders(self) -> None:
        """All, working orders, fills."""
        self.orders.narrow()

    def action_level(self) -> None:
        """The log from the next level up."""
        self.journal.narrow()

    def _zoom(self, panel: Panel | None) -> None:
        """Zoom a panel, or none."""
        self.zoomed = panel
        self.set_class(panel is not None, "-zoomed")
        for other in self.panels:
            other.set_class(other is panel, "-zoom")
            if panel is None or other is panel:
                other.again()
