"""What was raised, as text that can be sent, stored and shown: whoever wrote a strategy may raise anything."""

from __future__ import annotations

__all__ = ["MOST", "encodable", "error_text"]

MOST = 4_000
"""Characters of an error's text."""


def encodable(text: str) -> str:
    """The text with every lone surrogate, which neither UTF-8 nor JSON can carry, as a backslash and its number."""
    return text.encode("utf-8", "backslashreplace").decode()


def error_text(error: BaseException) -> str:
    """`Type: text`, encodable and at most `MOST` characters of it; never raises, though the error's own text may."""
    try:
        text = str(error)
    except Exception as worse:  # noqa: BLE001 - __str__ is somebody's code too
        text = f"(its text cannot be had: {type(worse).__name__})"
    return encodable(f"{type(error).__name__}: {text}"[:MOST])
