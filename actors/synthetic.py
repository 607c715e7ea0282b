"""A made-up market: the ticks of one symbol from a seed, without end, always the same for the same seed.

What it imitates, roughly and on purpose no more than that:

- a day with a shape: quiet around the New York evening, a peak at the London opening, a lull, a higher peak while
  London and New York overlap; flatter for yen pairs, flattest for coins. Tick rate and variance follow it.
- clusters: the logarithm of volatility wanders around its mean on two time scales (10 minutes, 4 hours), so calm
  follows calm and storm follows storm; ticks come faster in storms.
- jumps: about eight a day, each a tenth of a day's volatility or more, followed by a few wild minutes.
- spreads: a base for each symbol, wider with volatility, after jumps, in quiet hours and up to five times around the
  venue's midnight (17:00 in New York); never below a point.

Prices lie on the symbol's grid. A contract with trading hours is closed outside of them and opens with a gap; one
without never closes. Each symbol has random numbers of its own, drawn from seed and name.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec

from schemas.market import SymbolSpec, Tick

__all__ = ["SIM_START", "SyntheticSymbol", "server_offset_us"]

SIM_START = 1_704_873_600_000_000
"""2024-01-10 08:00 UTC, a Wednesday morning in London: where simulated time begins unless settings say otherwise."""

_SECOND = 1_000_000
_HOUR = 3_600 * _SECOND
_MINUTE = 60 * _SECOND
_DAY = 24 * _HOUR
_WEEK = 7 * _DAY
# 1970-01-01 was a Thursday: three days after a Monday.
_EPOCH_IN_WEEK = 3 * _DAY

# Activity by hour of the UTC day; straight lines between.
_PROFILE = (
    *(0.50, 0.60, 0.60, 0.50, 0.50, 0.60, 0.90, 1.50, 1.70, 1.50, 1.20, 1.10),
    *(1.20, 1.70, 2.00, 1.90, 1.60, 1.10, 0.80, 0.70, 0.60, 0.40, 0.35, 0.40),
)
_PROFILE_MEAN = sum(_PROFILE) / len(_PROFILE)

# About what one unit was worth in US dollars in January 2024: any pair's first price is a quotient of two.
_DOLLARS = {
    "AUD": 0.66,
    "BTC": 43_000.0,
    "CAD": 0.745,
    "CHF": 1.17,
    "CNH": 0.139,
    "CZK": 0.0445,
    "DKK": 0.147,
    "EUR": 1.095,
    "GBP": 1.27,
    "HKD": 0.128,
    "HUF": 0.00289,
    "ILS": 0.27,
    "JPY": 0.0069,
    "MXN": 0.059,
    "NOK": 0.097,
    "NZD": 0.62,
    "PLN": 0.252,
    "SEK": 0.0975,
    "SGD": 0.75,
    "THB": 0.0286,
    "TRY": 0.0333,
    "USD": 1.0,
    "XAU": 2_030.0,
    "ZAR": 0.0535,
}

_REFRESH = 5 * _SECOND
_FAST, _SLOW = 600.0, 4 * 3600.0  # seconds
_FAST_SD, _SLOW_SD = 0.45, 0.35
_VARIANCE = _FAST_SD**2 + _SLOW_SD**2
_JUMPS_A_DAY = 8.0
_JUMP_LEAST = _JUMP_MORE = 0.1  # of a day's volatility
_SHOCK, _SHOCK_FADES = 2.0, 60.0  # base spreads, seconds
_STIR = 0.8
_ROLLOVER = 4.0  # base spreads


class _Character(msgspec.Struct, frozen=True):
    """How a symbol behaves: volatility a year, trading days a year, base spread in points, depth of the day's shape."""

    volatility: float
    spread: float
    days: int = 252
    depth: float = 1.0
    rollover: float = _ROLLOVER


_CHARACTERS = {
    "EURUSD": _Character(0.07, 6),
    "GBPUSD": _Character(0.085, 9),
    "USDJPY": _Character(0.095, 9, depth=0.7),
    "XAUUSD": _Character(0.14, 25),
    "BTCUSD": _Character(0.55, 1_500, days=365, depth=0.4, rollover=0.0),
}


@cache
def _summer(year: int) -> tuple[int, int]:
    """When summer time begins and ends in New York by the rule in force since 2007, in UTC microseconds."""

    def sunday(month: int, nth: int, hour: int) -> int:
        first = datetime(year, month, 1, hour, tzinfo=UTC)
        day = first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))
        return round(day.timestamp()) * _SECOND

    return sunday(3, 2, 7), sunday(11, 1, 6)


def server_offset_us(at: int) -> int:
    """What the venue's clock, `America/New_York+7h`, is ahead of UTC at a time: two hours, in summer three.

    Its midnight is 17:00 in New York all year. By the rule since 2007, without a time zone database.
    """
    begins, ends = _summer(datetime.fromtimestamp(at // _SECOND, UTC).year)
    return 3 * _HOUR if begins <= at < ends else 2 * _HOUR


class SyntheticSymbol:
    """The ticks of one contract from `start` on: `rate` a second in the mean of a day. Iterate once.

    `jumps` counts the jumps so far.
    """

    def __init__(self, spec: SymbolSpec, *, seed: int, rate: float, start: int = SIM_START) -> None:
        pair = spec.currency_base + spec.currency_profit
        price = _DOLLARS[spec.currency_base] / _DOLLARS[spec.currency_profit]
        self.spec = spec
        self.jumps = 0
        self._random = random.Random(f"{seed}/{spec.symbol}")
        self._character = _CHARACTERS.get(pair) or _Character(0.09, max(5.0, price * 10**spec.digits * 1.2e-4))
        self._rate = rate
        self._at = start
        self._price = price
        self._fast = self._random.gauss(0.0, _FAST_SD)
        self._slow = self._random.gauss(0.0, _SLOW_SD)
        self._shock = 0.0
        self._refreshed = start
        # What `_refresh` works out: seconds between ticks, volatility of a square-root second, spread in points.
        self._gap = self._sigma = self._spread = 0.0
        self._second_sigma = self._character.volatility / math.sqrt(self._character.days * 86_400)
        self._day_sigma = self._second_sigma * math.sqrt(86_400)

    def __iter__(self) -> Iterator[Tick]:
        """Each next tick is later than the last."""
        spec, rng = self.spec, self._random
        venue, symbol, scale = spec.venue, spec.symbol, float(10**spec.digits)
        at, price = self._at, self._price
        closes: float = math.inf
        if spec.hours:
            at, closes = self._open_from(at)
        jump_at = at + rng.expovariate(_JUMPS_A_DAY) * _DAY
        self._refresh(at)
        while True:
            wait = rng.expovariate(1.0) * self._gap
            at += max(1, int(wait * _SECOND))
            if at >= closes:
                at, closes = self._open_from(at)
                price *= math.exp(rng.gauss(0.0, 0.3 * self._day_sigma))
            if at - self._refreshed >= _REFRESH:
                self._refresh(at)
            move = rng.gauss(0.0, self._sigma) * math.sqrt(wait)
            if at >= jump_at:
                move += self._jump()
                jump_at = at + rng.expovariate(_JUMPS_A_DAY) * _DAY
            price *= math.exp(move)
            spread = max(1, round(self._spread * (0.85 + 0.3 * rng.random())))
            bid = max(1, round(price * scale - spread / 2))
            yield Tick(venue=venue, symbol=symbol, at=at, bid=bid / scale, ask=(bid + spread) / scale)

    def _refresh(self, at: int) -> None:
        """Let time pass for all that changes slowly."""
        character, rng = self._character, self._random
        elapsed = (at - self._refreshed) / _SECOND
        self._refreshed = at
        keep = math.exp(-elapsed / _FAST)
        self._fast = self._fast * keep + rng.gauss(0.0, _FAST_SD * math.sqrt(1 - keep * keep))
        keep = math.exp(-elapsed / _SLOW)
        self._slow = self._slow * keep + rng.gauss(0.0, _SLOW_SD * math.sqrt(1 - keep * keep))
        self._shock *= math.exp(-elapsed / _SHOCK_FADES)
        mood = self._fast + self._slow
        storm = math.exp(mood - _VARIANCE)  # its square has the mean 1
        activity = 1.0 + character.depth * (_activity(at) - 1.0)
        self._gap = 1.0 / (self._rate * activity * math.exp(mood / 2 - _VARIANCE / 8))
        self._sigma = self._second_sigma * storm * math.sqrt(activity)
        wide = 1.0 + 0.5 * max(0.0, storm - 1.0) + 0.4 * max(0.0, 1.0 - activity) + self._shock
        self._spread = character.spread * (wide + character.rollover * _rollover(at))

    def _jump(self) -> float:
        """A jump's share of the logarithm of the price; it stirs up volatility and spread."""
        rng = self._random
        self.jumps += 1
        self._fast += _STIR
        self._shock += _SHOCK
        self._refresh(self._refreshed)
        size = self._day_sigma * (_JUMP_LEAST + rng.expovariate(1 / _JUMP_MORE))
        return size if rng.random() < 0.5 else -size  # noqa: PLR2004 - a coin

    def _open_from(self, at: int) -> tuple[int, int]:
        """The first time at or after `at` when the market is open, and when it closes after that."""
        while True:
            local = at + server_offset_us(at)
            monday = local - (local + _EPOCH_IN_WEEK) % _WEEK
            for opens, closes in self.spec.hours:
                if local < monday + closes * _MINUTE:
                    first = max(local, monday + opens * _MINUTE)
                    return _to_utc(first, at), _to_utc(monday + closes * _MINUTE, at)
            at = _to_utc(monday + _WEEK, at)


def _to_utc(local: int, near: int) -> int:
    """UTC of the venue's wall clock `local`, at most days after `near`."""
    return local - server_offset_us(local - server_offset_us(near))


def _activity(at: int) -> float:
    """The day's shape, around 1."""
    hour, rest = divmod(at % _DAY, _HOUR)
    part = rest / _HOUR
    return (_PROFILE[hour] * (1 - part) + _PROFILE[(hour + 1) % 24] * part) / _PROFILE_MEAN


def _rollover(at: int) -> float:
    """1 at the venue's midnight, fading within half an hour after it and a few minutes before."""
    after = (at + server_offset_us(at)) % _DAY / _MINUTE
    return math.exp(-min(after, 6.0 * (1440.0 - after)) / 12.0)
