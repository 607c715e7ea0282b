"""The colours: on a dark ground, on a light one, and those of the terminal itself."""

from __future__ import annotations

from textual.theme import Theme

__all__ = ["COLOURS", "THEMES", "variables"]

_DARK = {"gain": "#5fd38d", "loss": "#ff7b72", "warn": "#f0b35a", "quiet": "#8b949e", "line": "#1c2530"}
_LIGHT = {"gain": "#0b6e3a", "loss": "#b3202a", "warn": "#8a5300", "quiet": "#5b6470", "line": "#dfe5ec"}
_TERMINAL = {
    "gain": "ansi_green",
    "loss": "ansi_red",
    "warn": "ansi_yellow",
    "quiet": "ansi_bright_black",
    "line": "ansi_default",
}

THEMES = (
    Theme(
        name="dark",
        primary="#2f6fb0",
        secondary="#3a5a7c",
        accent="#f0b35a",
        warning=_DARK["warn"],
        error=_DARK["loss"],
        success=_DARK["gain"],
        foreground="#e6edf3",
        background="#0d1117",
        surface="#0d1117",
        panel="#161b22",
        variables=_DARK,
    ),
    Theme(
        name="light",
        primary="#1f5f9f",
        secondary="#5b7fa3",
        accent="#8a5300",
        warning=_LIGHT["warn"],
        error=_LIGHT["loss"],
        success=_LIGHT["gain"],
        foreground="#16202a",
        background="#fbfcfd",
        surface="#fbfcfd",
        panel="#eef1f5",
        dark=False,
        variables=_LIGHT,
    ),
)

COLOURS = {"dark": "on a dark ground", "light": "on a light ground", "ansi-dark": "the terminal's own"}
"""What a person can choose: the name of a theme, and its words."""


def variables(theme: Theme) -> dict[str, str]:
    """Our colours for a theme that does not name them itself."""
    if theme.ansi:
        return dict(_TERMINAL)
    return dict(_DARK if theme.dark else _LIGHT)
