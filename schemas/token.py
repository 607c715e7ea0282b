"""A piece of text as one subject token, and back.

Owns the escaping that symbols, users, accounts, sessions and file names share: every byte of the UTF-8 text outside
`A-Za-z0-9_-` becomes `=XX` (upper-case hex), so a token holds no dot, wildcard, space or path separator and two texts
never share a token. `EURUSD.r` is `EURUSD=2Er`.
"""

from __future__ import annotations

import re

__all__ = ["token", "untoken"]

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_ESCAPED = tuple(chr(byte) if byte in _PLAIN else f"={byte:02X}" for byte in range(256))
_IS_PLAIN = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_IS_TOKEN = re.compile(r"(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+").fullmatch


def token(text: str) -> str:
    """The token for `text`.

    Raises:
        ValueError: `text` is empty (a subject has no empty token) or holds a lone surrogate, which UTF-8 cannot carry.
    """
    if _IS_PLAIN(text):
        return text
    if not text:
        raise ValueError("a subject token cannot be empty")
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{text!r} is not valid Unicode text, so it cannot be a subject token") from None
    return "".join([_ESCAPED[byte] for byte in raw])


def untoken(token: str) -> str:
    """The text whose token this is: the inverse of `token`.

    Raises:
        ValueError: no text has this token: it is empty, holds a character that should be escaped, a broken or needless
            escape, or bytes that are not UTF-8.
    """
    if _IS_PLAIN(token):
        return token
    if not _IS_TOKEN(token):
        raise ValueError(f"{token!r} is not a subject token: expected A-Z a-z 0-9 _ - and =XX (upper-case hex) only")
    first, *escaped = token.split("=")
    try:
        text = (first.encode() + b"".join(bytes((int(part[:2], 16),)) + part[2:].encode() for part in escaped)).decode()
    except UnicodeDecodeError:
        raise ValueError(f"{token!r} is not a subject token: its escapes are not UTF-8 text") from None
    if "".join([_ESCAPED[byte] for byte in text.encode()]) != token:
        raise ValueError(f"{token!r} is not a subject token: it escapes a character that needs no escape")
    return text
