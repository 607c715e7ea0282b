"""NATS subject matching, for the in-process bus and for anything that sorts subjects."""

from __future__ import annotations

__all__ = ["matches"]


def matches(pattern: str, subject: str) -> bool:
    """Whether `subject` falls under `pattern`: `*` stands for one token, a last `>` for one or more."""
    want, have = pattern.split("."), subject.split(".")
    for index, part in enumerate(want):
        if part == ">":
            return len(have) > index
        if index >= len(have) or part not in {"*", have[index]}:
            return False
    return len(want) == len(have)
