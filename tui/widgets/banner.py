"""The banner across the top: what keeps the figures from being those of now, in words. Hidden while all is well."""

from __future__ import annotations

from textwrap import wrap

from textual.events import Resize
from textual.strip import Strip

from tui.view_state import LinkView, View
from tui.widgets.figures import ago, clock, count, plain
from tui.widgets.tones import Toned, fitted

__all__ = ["Banner", "warning"]

_MOST_LINES = 3
_NARROWEST = 16


def warning(view: View, now: int) -> str:
    """What to warn of, "" for nothing. `now` in UTC microseconds."""
    link = view.link
    figures = f": figures are of {clock(link.last_received)}" if link.last_received else ""
    if link.floor == "down":
        return f"The floor is down{f' ({plain(link.floor_reason)})' if link.floor_reason else ''}{figures}"
    if link.up and not link.stale:
        return _linked(link)
    if not link.last_received:
        return _starting(link)
    if link.up:
        return f"Nothing heard from the floor for {ago(now - link.last_received)}{figures}"
    reason = f" ({plain(link.reason)})" if link.reason else ""
    return f"No link to the floor for {ago(now - link.changed_at)}{figures}{reason}"


def _linked(link: LinkView) -> str:
    """What to warn of though the floor is heard."""
    if link.floor == "stopping":
        return "The floor is being taken down"
    if link.behind:
        return f"This screen cannot keep up: {count(link.recent, 'event')} missed in the last minute"
    return "" if link.phase == "live" else _starting(link)


def _starting(link: LinkView) -> str:
    """What is being waited for before anything can be shown, or shown whole."""
    words = {"waiting": "Starting", "connecting": "Connecting to the floor", "reading": "Reading what there was before"}
    return f"{words.get(link.phase, 'Starting')}{f': {plain(link.reason)}' if link.reason else ''}"


class Banner(Toned):
    """As many lines as the text takes, none when there is nothing to say."""

    text = ""

    def say(self, text: str, *, lost: bool) -> None:
        """Show a text, or nothing for "". `lost`: the figures below are old."""
        self.set_class(bool(text), "-shown")
        self.set_class(lost, "-lost")
        if text != self.text:
            self.text = text
            self._fit()
            self.refresh()

    def on_resize(self, event: Resize) -> None:
        """It may take more lines, or fewer."""
        self._fit()

    def _fit(self) -> None:
        """Take the lines that are needed."""
        if self.text:
            self.styles.height = len(self._lines())

    def _lines(self) -> list[str]:
        """The text, wrapped."""
        width = self.screen.size.width if self.is_attached else 0
        return wrap(self.text, max(width - 2, _NARROWEST))[:_MOST_LINES]

    def render_line(self, y: int) -> Strip:
        """One line of it."""
        lines = self._lines()
        return self.painted([(fitted(f" {lines[y]}" if y < len(lines) else "", self.size.width), "")], self.size.width)
