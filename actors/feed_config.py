"""What a feed is made of: its configuration, the contracts of its symbols, its source of ticks.

Owns the check before anything starts (`check_feed`): bad settings or data are a FeedError, with nothing begun.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from actors.symbols import symbol_spec
from actors.ticks import FileSummary, check_files
from schemas.settings import FeedSettings

if TYPE_CHECKING:
    from schemas.market import SymbolSpec, Tick

__all__ = ["FeedConfig", "Source", "check_feed", "feed_config", "feed_specs", "make_source"]


class FeedConfig(FeedSettings, frozen=True, kw_only=True):
    """The settings, the actors to wait for, and the SHA-256 (hex) of each of `files`, empty for not checked."""

    expect: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    @property
    def sim(self) -> bool:
        """Whether the feed is the clock."""
        return self.speed == 0


class Source(Protocol):
    """Where a feed's ticks come from: the same configuration gives the same ticks, so a feed can be run again."""

    @property
    def skipped(self) -> Mapping[str, int]:
        """Quotes left out so far, by symbol."""

    def next(self) -> Tick | None:
        """The next tick by time, `number` 0, or None at the end. FeedError where the data stops being good."""


def feed_config(
    settings: FeedSettings, *, expect: Sequence[str] = (), digests: Sequence[str] = (), now: int = 0
) -> FeedConfig:
    """The feed's configuration. `now` (UTC microseconds) becomes the start of a live synthetic market without one."""
    fields = msgspec.structs.asdict(settings)
    if settings.kind == "synthetic" and settings.speed and not settings.start:
        fields["start"] = now
    return FeedConfig(**{**fields, "expect": tuple(expect), "digests": tuple(digests)})


def feed_specs(settings: FeedSettings) -> tuple[SymbolSpec, ...]:
    """The contracts of the feed's symbols, each once. A synthetic market is always open: its contracts have no hours.

    Raises:
        UnknownSymbolError: a symbol has no contract.
    """
    if settings.kind == "recorded":
        symbols = dict.fromkeys(file.symbol for file in settings.files)
        return tuple(symbol_spec(symbol, settings.venue) for symbol in symbols)
    return tuple(symbol_spec(symbol, settings.venue, always_open=True) for symbol in dict.fromkeys(settings.symbols))


def make_source(config: FeedConfig) -> Source:
    """The ticks of this configuration, from the first.

    Raises:
        FeedError: a symbol has no contract, or a file is not there or not the one that was checked.
    """
    if config.kind == "recorded":
        from actors.feed_recorded import RecordedSource

        return RecordedSource(config.files, config.venue, digests=config.digests, start=config.start)
    from actors.feed_synthetic import SyntheticSource

    return SyntheticSource(feed_specs(config), seed=config.seed, rate=config.rate, start=config.start)


def check_feed(settings: FeedSettings) -> tuple[FileSummary, ...]:
    """Find out before anything starts whether there can be a feed: read all files to the end.

    Returns what is in each of `files`, in their order; nothing for a synthetic feed.

    Raises:
        FeedError: a symbol has no contract, or a file is not good.
    """
    feed_specs(settings)
    return check_files(settings.files, settings.venue) if settings.kind == "recorded" else ()
