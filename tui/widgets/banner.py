"""The banner across the top: what keeps the figures from being those of now, in words. Hidden while all is well."""

from __future__ import annotations

from textual.strip import Strip

from tui.view_state import LinkView, View
from tui.widgets.figures import ago, clock, plain
from tui.widgets.tones import Toned, fitted

__all__ = ["Banner", "warning"]


def warning(view: View, now: int) -> str:
    """What to warn of, "" for nothing. `now` in UTC microseconds."""
    link = view.link
    if link.up and not link.stale:
        return "" if link.phase == "live" else _starting(link)
    figures = f": figures are of {clock(link.last_received)}" if link.last_received else ""
    reason = f" ({plain(link.reason)})" if link.reason else ""
    if not link.last_received:
        return _starting(link)
    if link.up:
        return f"Nothing heard from the floor for {ago(now - link.last_received)}{figures}{reason}"
    return f"No link to the floor for {ago(now - link.changed_at)}{figures}{reason}"


def _starting(link: LinkView) -> str:
    """What is being waited for before anything can be shown, or shown whole."""
    words = {"waiting": "Starting", "connecting": "Connecting to the floor", "reading": "Reading what there was before"}
    return f"{words.get(link.phase, 'Starting')}{f': {plain(link.reason)}' if link.reason else ''}"


class Banner(Toned):
    """One line, hidden by its class when there is nothing to say."""

    text = ""

    def say(self, text: str, *, lost: bool) -> None:
        """Show a text, or nothing for "". `lost`: the figures below are old."""
        self.set_class(bool(text), "-shown")
        self.set_class(lost, "-lost")
        if text != self.text:
            self.text = text
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The text, cut if it must be: what it says first matters most."""
        return self.painted([(fitted(f" {self.text}", self.size.width), "")], self.size.width)
