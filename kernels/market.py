"""The structs of market.h, `account`, and how plain values become exact whole numbers.

A float is taken as the decimal number that it was written as; whatever is no number, not finite or off a grid is an
`OptionError` with its name. `kernels.contract` makes symbols of this.
"""

from __future__ import annotations

from ctypes import POINTER, Structure, c_int, c_int32, c_int64
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from kernels import library as compiled
from kernels.errors import OptionError

if TYPE_CHECKING:
    import ctypes

__all__ = [
    "MINOR",
    "MOST_PRICE",
    "MOST_VOLUME",
    "Account",
    "Number",
    "PwHoursRow",
    "PwRate",
    "PwSymbol",
    "PwTick",
    "PwZoneRow",
    "account",
    "bound",
    "choice",
    "exact",
    "fraction",
    "positive",
    "whole",
]

MOST_PRICE = 1 << 36
MOST_VOLUME = 1 << 26
MOST_MONEY = 1 << 48
MOST_STOP_OUT = 16_000
MOST_WAIT = 10**12
MINOR = 100
"""Minor units in one unit of money."""
_MOST = 2**63 - 1

Number = int | float | str | Decimal | Fraction


class PwTick(Structure):
    """pw_tick: time in UTC microseconds, prices in points."""

    _fields_: ClassVar = [("time", c_int64), ("bid", c_int64), ("ask", c_int64)]
    time: int
    bid: int
    ask: int


class PwRate(Structure):
    """pw_rate."""

    _fields_: ClassVar = [(name, c_int64) for name in ("gain_num", "gain_den", "loss_num", "loss_den")]
    gain_num: int
    gain_den: int
    loss_num: int
    loss_den: int


class PwZoneRow(Structure):
    """pw_zone_row."""

    _fields_: ClassVar = [("start", c_int64), ("offset", c_int64)]


class PwHoursRow(Structure):
    """pw_hours_row."""

    _fields_: ClassVar = [("start", c_int64), ("end", c_int64)]


_WIDE = (
    *("unit_num", "unit_den", "pip", "volume_min", "volume_max", "lot_num", "lot_den", "stops_level"),
    *("commission_num", "commission_den", "margin_num", "margin_den", "hedged_num", "hedged_den"),
    *("swap_long_num", "swap_short_num", "swap_den", "price_den"),
)
_NARROW = (
    *("digits", "margin_mode", "hedged_use_leg", "swap_mode", "swap_rollover_day"),
    *("profit_from", "profit_symbol", "margin_from", "margin_symbol", "reserved"),
)


class PwSymbol(Structure):
    """pw_symbol; `Symbol` fills it."""

    _fields_: ClassVar = [
        *((name, c_int64) for name in _WIDE),
        *((name, c_int32) for name in _NARROW),
        ("zone", POINTER(PwZoneRow)),
        ("n_zone", c_int64),
        ("hours", POINTER(PwHoursRow)),
        ("n_hours", c_int64),
    ]


class Account(Structure):
    """pw_account_spec; `account` makes one."""

    _fields_: ClassVar = [
        *((name, c_int64) for name in ("deposit", "latency", "slippage", "fill_timeout", "stop_out")),
        *((name, c_int32) for name in ("netting", "close_by", "swap", "reserved")),
    ]
    deposit: int
    latency: int
    slippage: int
    fill_timeout: int
    stop_out: int
    netting: int
    close_by: int
    swap: int


SYMBOLS: dict[str, tuple[list[object], object]] = {
    "pw_symbol_check": ([POINTER(PwSymbol)], c_int),
    "pw_server_time": ([POINTER(PwSymbol), c_int64], c_int64),
    "pw_bucket": ([POINTER(PwSymbol), c_int64, c_int64], c_int64),
    "pw_server_day": ([POINTER(PwSymbol), c_int64], c_int64),
    "pw_weekday": ([c_int64], c_int32),
    "pw_day_end": ([POINTER(PwSymbol), c_int64], c_int64),
    "pw_is_open": ([POINTER(PwSymbol), c_int64], c_int),
    "pw_profit": (
        [POINTER(PwSymbol), POINTER(PwRate), c_int32, c_int64, c_int64, c_int64, POINTER(c_int64)],
        c_int,
    ),
    "pw_commission": ([POINTER(PwSymbol), c_int64, POINTER(c_int64)], c_int),
    "pw_floating": (
        [POINTER(PwSymbol), POINTER(PwRate), c_int32, c_int64, c_int64, c_int64, POINTER(PwTick), POINTER(c_int64)],
        c_int,
    ),
}


@cache
def bound() -> ctypes.CDLL:
    """The library with the functions above."""
    structs: dict[str, type[Structure]] = {
        "pw_tick": PwTick,
        "pw_rate": PwRate,
        "pw_zone_row": PwZoneRow,
        "pw_hours_row": PwHoursRow,
        "pw_symbol": PwSymbol,
        "pw_account_spec": Account,
    }
    return compiled.extend(SYMBOLS, structs)


def exact(owner: str, name: str, value: Number) -> Fraction:
    """A number as it was written: 0.1 is 1/10.

    Raises:
        OptionError: it is no number, or not finite, or has digits above 10^12 or only below 10^-12.
    """
    try:
        found = value if isinstance(value, Fraction) else Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        raise OptionError(owner, name, value, "a number") from None
    if isinstance(found, Decimal):
        if not found.is_finite():
            raise OptionError(owner, name, value, "a finite number")
        if found and not -13 < found.adjusted() < 13:  # noqa: PLR2004 (digits)
            raise OptionError(owner, name, value, "a number between 10^-12 and 10^12")
        found = Fraction(found)
    return found


def fraction(owner: str, name: str, value: Fraction) -> tuple[int, int]:
    """Numerator and denominator, both of which must fit.

    Raises:
        OptionError: they have too many digits.
    """
    if max(abs(value.numerator), value.denominator) > _MOST >> 16:
        raise OptionError(owner, name, str(value), "a number with fewer digits")
    return value.numerator, value.denominator


def whole(owner: str, name: str, value: object, low: int, high: int) -> int:
    """A whole number within its bounds.

    Raises:
        OptionError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise OptionError(owner, name, value, f"a whole number from {low} to {high}")
    return value


def positive(owner: str, name: str, value: Number) -> Fraction:
    """A number above 0."""
    found = exact(owner, name, value)
    if found <= 0:
        raise OptionError(owner, name, value, "a number above 0")
    return found


def choice(owner: str, name: str, value: str, choices: dict[str, int]) -> int:
    """The number of a named choice."""
    if value not in choices:
        raise OptionError(owner, name, value, f"one of {', '.join(choices)}")
    return choices[value]


def account(
    deposit: Number,
    *,
    netting: bool = False,
    latency_us: int = 0,
    slippage: int = 0,
    fill_timeout_us: int = 5_000_000,
    stop_out: Number = 50,
    close_by: bool = True,
    swap: bool = True,
) -> Account:
    """An account: deposit in money, slippage in points, stop-out level in percent (0 to 160).

    Raises:
        OptionError: with the name, the value and what was expected.
    """
    owner = "account"
    minor = exact(owner, "deposit", deposit) * MINOR
    if minor.denominator != 1 or not 0 <= minor <= MOST_MONEY:
        raise OptionError(owner, "deposit", deposit, f"money from 0 to {MOST_MONEY // MINOR} with two decimals")
    level = exact(owner, "stop_out", stop_out) * MINOR
    if level.denominator != 1 or not 0 <= level <= MOST_STOP_OUT:
        raise OptionError(owner, "stop_out", stop_out, "a percentage from 0 to 160 with two decimals")
    return Account(
        deposit=int(minor),
        latency=whole(owner, "latency_us", latency_us, 0, MOST_WAIT),
        slippage=whole(owner, "slippage", slippage, 0, MOST_PRICE // 64),
        fill_timeout=whole(owner, "fill_timeout_us", fill_timeout_us, 0, MOST_WAIT),
        stop_out=int(level),
        netting=int(netting),
        close_by=int(close_by),
        swap=int(swap),
    )
