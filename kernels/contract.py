"""A symbol's contract as the compiled code wants it: `Symbol`, made of what a venue says of a symbol, in plain values.

Owns the conversion of grids, money of a point, commission, margin, swap, server time and hours into exact whole numbers
and fractions (pw_symbol of market.h), and that of prices and lots of this symbol into points and steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from ctypes import byref, c_int64, pointer
from fractions import Fraction
from typing import Literal

from kernels.errors import KernelError, OptionError
from kernels.library import Status
from kernels.market import (
    MINOR,
    MOST_PRICE,
    MOST_VOLUME,
    Number,
    PwHoursRow,
    PwRate,
    PwSymbol,
    PwTick,
    PwZoneRow,
    bound,
    choice,
    exact,
    fraction,
    positive,
    whole,
)
from kernels.zones import zone_table

__all__ = ["RateFrom", "Symbol", "rate"]

RateFrom = Literal["given", "direct", "inverse"]
"""Where a currency's rate comes from: given, the quote of a symbol of the venue, or its inverse."""
_FROM = {"given": 0, "direct": 1, "inverse": 2}
_MARGIN = {"forex": 0, "cfd": 1}
_SWAP = {"disabled": 0, "points": 1, "money": 2, "percent": 3}
_GRID = 0.001
_YEAR_DAYS = 360
_WEEK_MINUTES = 7 * 24 * 60
_MOST_DIGITS = 10


def rate(gain: Number, loss: Number | None = None, *, owner: str = "rate") -> PwRate:
    """A rate into the account's currency: at which gains are converted, and losses (the same when not given).

    Raises:
        OptionError: one is not above 0.
    """
    gains = fraction(owner, "gain", positive(owner, "gain", gain))
    losses = gains if loss is None else fraction(owner, "loss", positive(owner, "loss", loss))
    return PwRate(*gains, *losses)


class Symbol:
    """A contract. `struct` is the pw_symbol; it points into this object, which must live as long.

    `volume_*` in lots, `pip` in price (10 points when not given), `commission` in money of the account a lot and side,
    `contract_size` and `margin_hedged` in units a lot, swaps in points, money of the account a lot, or percent a year,
    each for a night; `swap_rollover_day` 1 (Monday) to 5. `hours`: open minutes since Monday 00:00 of the server's
    time, [from, to); none: always. `zone`: a name, or names by date (see `kernels.zones`).

    Raises:
        OptionError: a value is not finite, off its grid or out of bounds: symbol, name, value, what is expected.
    """

    def __init__(  # noqa: PLR0913 (what a contract is; all but the name by keyword)
        self,
        name: str,
        *,
        digits: int,
        contract_size: Number,
        volume_min: Number,
        volume_max: Number,
        volume_step: Number,
        leverage: Number = 100,
        commission: Number = 0,
        pip: Number | None = None,
        margin_mode: str = "forex",
        margin_hedged: Number = 0,
        margin_hedged_use_leg: bool = False,
        stops_level: int = 0,
        swap_mode: str = "disabled",
        swap_long: Number = 0,
        swap_short: Number = 0,
        swap_rollover_day: int = 3,
        zone: str | Sequence[tuple[int, str]] = "America/New_York+7h",
        hours: Sequence[tuple[int, int]] = (),
        profit_rate: tuple[RateFrom, int] = ("given", 0),
        margin_rate: tuple[RateFrom, int] = ("given", 0),
    ) -> None:
        self.name = name
        self.digits = whole(name, "digits", digits, 0, _MOST_DIGITS)
        self._point = Fraction(1, 10**digits)
        self._step = positive(name, "volume_step", volume_step)
        contract = positive(name, "contract_size", contract_size)
        leveraged = positive(name, "leverage", leverage)
        self.struct = s = PwSymbol()
        s.digits, s.price_den = digits, 10**digits
        self.unit = contract * self._step * self._point * MINOR
        s.unit_num, s.unit_den = fraction(name, "contract_size", self.unit)
        s.lot_num, s.lot_den = fraction(name, "volume_step", self._step)
        s.pip = self._pip(pip)
        s.volume_min = self._volume("volume_min", volume_min)
        s.volume_max = self._volume("volume_max", volume_max)
        if s.volume_max < s.volume_min:
            raise OptionError(name, "volume_max", volume_max, f"at least volume_min, {volume_min}")
        s.stops_level = whole(name, "stops_level", stops_level, 0, MOST_PRICE)
        s.commission_num, s.commission_den = self._scaled("commission", commission, self._step * MINOR)
        s.margin_mode = choice(name, "margin_mode", margin_mode, _MARGIN)
        price = self._point if margin_mode == "cfd" else Fraction(1)
        s.margin_num, s.margin_den = fraction(name, "contract_size", contract * self._step * MINOR * price / leveraged)
        s.hedged_num, s.hedged_den = self._scaled(
            "margin_hedged", margin_hedged, self._step * MINOR * price / leveraged
        )
        s.hedged_use_leg = int(margin_hedged_use_leg)
        self._set_swap(swap_mode, swap_long, swap_short, swap_rollover_day)
        self._set_times(zone, hours)
        for which, (source, index) in {"profit": profit_rate, "margin": margin_rate}.items():
            setattr(s, f"{which}_from", choice(name, f"{which}_rate", source, _FROM))
            setattr(s, f"{which}_symbol", whole(name, f"{which}_rate", index, 0, 1023))
        if bound().pw_symbol_check(byref(s)) != Status.OK:
            raise KernelError(f"{name}: the library refused what was checked here")

    # ---- prices and volumes

    def points(self, price: float, name: str = "price") -> int:
        """A price as points.

        Raises:
            OptionError: it is not finite, not above 0, too high, or further than 0.001 point from the grid.
        """
        scaled = price * 10**self.digits
        found = round(scaled) if math.isfinite(scaled) else 0
        if not math.isfinite(scaled) or not 1 <= found <= MOST_PRICE:
            raise OptionError(self.name, name, price, "a finite price above 0")
        if abs(scaled - found) > _GRID:
            raise OptionError(self.name, name, price, f"a price on the grid of {self.digits} digits")
        return found

    def price(self, points: int) -> float:
        """Points as a price."""
        return float(points / 10**self.digits)

    def steps(self, volume: Number, name: str = "volume") -> int:
        """Lots as steps.

        Raises:
            OptionError: it is not on the grid or not within volume_min and volume_max.
        """
        found = self._volume(name, volume)
        if not self.struct.volume_min <= found <= self.struct.volume_max:
            bounds = f"{self.lots(self.struct.volume_min)} to {self.lots(self.struct.volume_max)}"
            raise OptionError(self.name, name, volume, f"lots from {bounds}")
        return found

    def lots(self, steps: int) -> float:
        """Steps as lots."""
        return float(steps * self._step)

    # ---- server time

    def server_time(self, time: int) -> int:
        """Server time of a UTC time, both in microseconds."""
        return int(bound().pw_server_time(byref(self.struct), time))

    def server_day(self, time: int) -> int:
        """The number of the server day of a UTC time, from 1970-01-01."""
        return int(bound().pw_server_day(byref(self.struct), time))

    def is_open(self, time: int) -> bool:
        """Whether the market is open at a UTC time."""
        return bool(bound().pw_is_open(byref(self.struct), time))

    # ---- money, minor units of the account's currency

    def profit(self, side: int, opened: int, closed: int, volume: int, at: PwRate | None = None) -> int:
        """What closing books, without commission: side 0 buy, 1 sell; prices in points, volume in steps.

        Raises:
            KernelError: it does not fit.
        """
        out = c_int64()
        given = at or PwRate(1, 1, 1, 1)
        if bound().pw_profit(byref(self.struct), byref(given), side, opened, closed, volume, byref(out)) != Status.OK:
            raise KernelError(f"{self.name}: a profit that does not fit, or no rate")
        return out.value

    def commission(self, volume: int) -> int:
        """What one deal costs: zero or negative."""
        out = c_int64()
        if bound().pw_commission(byref(self.struct), volume, byref(out)) != Status.OK:
            raise KernelError(f"{self.name}: a commission that does not fit")
        return out.value

    def floating(
        self, side: int, opened: int, volume: int, swap: int, bid: int, ask: int, at: PwRate | None = None
    ) -> int:
        """What closing at a quote would book: profit, swap and the closing commission.

        Raises:
            KernelError: it does not fit.
        """
        out = c_int64()
        given, tick = at or PwRate(1, 1, 1, 1), PwTick(0, bid, ask)
        status = bound().pw_floating(
            byref(self.struct), byref(given), side, opened, volume, swap, byref(tick), byref(out)
        )
        if status != Status.OK:
            raise KernelError(f"{self.name}: a profit that does not fit, or no rate")
        return out.value

    # ---- parts

    def _volume(self, name: str, volume: Number) -> int:
        steps = positive(self.name, name, volume) / self._step
        if steps.denominator != 1:
            raise OptionError(self.name, name, volume, f"a multiple of the volume step {float(self._step)}")
        if steps > MOST_VOLUME:
            raise OptionError(self.name, name, volume, f"at most {MOST_VOLUME} volume steps")
        return int(steps)

    def _pip(self, pip: Number | None) -> int:
        points = Fraction(10) if pip is None else positive(self.name, "pip", pip) / self._point
        if points.denominator != 1 or points > MOST_PRICE:
            raise OptionError(self.name, "pip", pip, f"a multiple of the point {float(self._point)}")
        return int(points)

    def _scaled(self, name: str, value: Number, by: Fraction) -> tuple[int, int]:
        found = exact(self.name, name, value)
        if found < 0:
            raise OptionError(self.name, name, value, "a number from 0")
        return fraction(self.name, name, found * by)

    def _set_swap(self, mode: str, long: Number, short: Number, rollover: int) -> None:
        s = self.struct
        s.swap_mode = choice(self.name, "swap_mode", mode, _SWAP)
        s.swap_rollover_day = rollover
        by = {
            "points": self.unit,
            "money": self._step * MINOR,
            "percent": self.unit / (100 * _YEAR_DAYS),
        }.get(mode, Fraction(0))
        amounts = [exact(self.name, "swap_long", long) * by, exact(self.name, "swap_short", short) * by]
        if mode != "disabled":
            whole(self.name, "swap_rollover_day", rollover, 1, 5)
        shared = math.lcm(*(amount.denominator for amount in amounts))
        for name, amount in zip(("swap_long", "swap_short"), amounts, strict=True):
            setattr(s, f"{name}_num", fraction(self.name, name, Fraction(int(amount * shared)))[0])
        s.swap_den = fraction(self.name, "swap_long", Fraction(shared))[0]

    def _set_times(self, zone: str | Sequence[tuple[int, str]], hours: Sequence[tuple[int, int]]) -> None:
        rows = zone_table(zone)
        self._zone = (PwZoneRow * len(rows))(*(PwZoneRow(*row) for row in rows))
        for row in hours:
            if not 0 <= row[0] < row[1] <= _WEEK_MINUTES:
                raise OptionError(self.name, "hours", row, f"(from, to) in minutes of the week, 0 to {_WEEK_MINUTES}")
        self._hours = (PwHoursRow * max(len(hours), 1))(*(PwHoursRow(*row) for row in hours))
        s = self.struct
        s.zone, s.n_zone = pointer(self._zone[0]) if rows else None, len(rows)
        s.hours, s.n_hours = pointer(self._hours[0]) if hours else None, len(hours)
