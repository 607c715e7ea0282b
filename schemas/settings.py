"""`pitwire.toml`: the settings as Structs, with bounds, defaults and units in one place.

`load(path)` reads a file, `parse(text, where)` a text. An unknown key, a wrong type or a value out of bounds raises
SettingsError with the file, the key and what was expected. Everything has a default: no file is a valid configuration.
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

__all__ = [
    "AccountSettings",
    "BusSettings",
    "FeedSettings",
    "GuardSettings",
    "PortfolioSettings",
    "SessionSettings",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "TickFile",
    "load",
    "parse",
]

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,32}$", description="letters, digits, _ and -, at most 32")]
StrategyName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]{1,32}$|^[A-Za-z0-9_.]{1,60}:[A-Za-z0-9_]{1,40}$",
        description="a registered name, or module:Class",
    ),
]
SymbolName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._#+-]{1,32}$", description="a symbol's name")]
Positive = Annotated[float, Meta(gt=0)]
Milliseconds = Annotated[int, Meta(ge=1, le=3_600_000, description="milliseconds")]


_FLOOR = "floor"
_MOST_NAME = 32
_SLOWEST = 0.001
"""Times real time: below it no tick would come while anybody looks."""


class SettingsError(ValueError):
    """A configuration that cannot be used: the text says the file, the key and what was expected."""


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of `pitwire.toml`."""


class BusSettings(_Section, frozen=True, kw_only=True):
    """The NATS server: our own, on `port` with the binary `nats_server`; or with `url` an external one, whose
    identities are in the file `keys` and whose certificate is signed by those in the file `ca` ("": the system's).
    """

    url: str = ""
    keys: str = ""
    ca: str = ""
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    nats_server: str = ""
    store_mb: Annotated[int, Meta(ge=64, le=1_000_000)] = 2048


class TickFile(_Section, frozen=True, kw_only=True):
    """A file of recorded ticks, plain or `.gz`."""

    path: str
    symbol: SymbolName
    format: Literal["histdata", "csv"] = "histdata"


class FeedSettings(_Section, frozen=True, kw_only=True):
    """Where ticks come from. `speed`: how many times real time; 0 is simulated time, as fast as the floor can."""

    kind: Literal["synthetic", "recorded"] = "synthetic"
    venue: Name = "paper"
    symbols: Annotated[tuple[SymbolName, ...], Meta(min_length=1, max_length=50)] = (
        "EURUSD",
        "GBPUSD",
        "USDJPY",
        "XAUUSD",
        "BTCUSD",
    )
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 1
    rate: Annotated[float, Meta(gt=0, le=10_000, description="mean ticks a second and symbol")] = 2.0
    speed: Annotated[float, Meta(ge=0, le=100_000)] = 1.0
    seconds: Annotated[float, Meta(ge=0, le=1e9, description="market time to run; 0 is without end")] = 0.0
    start: Annotated[int, Meta(ge=0, description="first tick's time, UTC microseconds; 0: now, in SIM a fixed day")] = 0
    files: tuple[TickFile, ...] = ()


class AccountSettings(_Section, frozen=True, kw_only=True):
    """An account at a venue."""

    id: Name
    venue: Literal["paper"] = "paper"
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$", description="kept from the account's first start on")] = "USD"
    deposit: Annotated[float, Meta(ge=0.01, le=1e12, description="money; kept from the account's first start on")] = (
        10_000.0
    )
    leverage: Annotated[int, Meta(ge=1, le=5000)] = 100
    mode: Literal["hedging"] = "hedging"
    commission: Annotated[float, Meta(ge=0, description="money a lot and side")] = 0.0


ParamValue = int | float | str | bool | tuple[int | float, ...]
"""A strategy's parameter as `pitwire.toml` may say it; the strategy's own Struct says what it must be."""


class SessionSettings(_Section, frozen=True, kw_only=True):
    """One strategy on one account. `strategy` is a registered name or `module:Class`; `params` are its own."""

    id: Name
    account: Name = "paper"
    strategy: StrategyName = "ema_cross"
    symbols: Annotated[tuple[SymbolName, ...], Meta(min_length=1, max_length=50)] = ("EURUSD",)
    params: Mapping[str, ParamValue] = msgspec.field(default_factory=dict)


class GuardSettings(_Section, frozen=True, kw_only=True):
    """The risk guard's rules. Lots are the venue's; points are the symbol's."""

    state: Literal["active", "reducing", "halted"] = "active"
    max_tick_age_ms: Milliseconds = 5_000
    max_spread_points: Annotated[int, Meta(ge=1)] = 100_000
    price_collar_points: Annotated[int, Meta(ge=1, description="quote's move since the intent's own quote")] = 2_000
    max_order_lots: Positive = 1.0
    max_symbol_lots: Annotated[float, Meta(gt=0, description="gross open lots of a symbol, account-wide")] = 5.0
    max_account_lots: Annotated[float, Meta(gt=0, description="gross open lots of an account")] = 20.0
    max_positions: Annotated[int, Meta(ge=1, description="open positions of an account")] = 200
    intent_lifetime_ms: Annotated[Milliseconds, Meta(description="the longest life of an intent")] = 3_000
    skew_ms: Annotated[int, Meta(ge=0, le=10_000, description="clock difference allowed for")] = 250


class PortfolioSettings(_Section, frozen=True, kw_only=True):
    """How the whole is summed up. `currency` "": the first account's."""

    currency: Annotated[str, Meta(pattern=r"^([A-Z]{3})?$", description="three capital letters")] = ""
    max_tick_age_ms: Annotated[Milliseconds, Meta(description="an older quote values no position")] = 60_000


class StoreSettings(_Section, frozen=True, kw_only=True):
    """What is kept on disk."""

    inbox_logs: bool = True
    log_mb: Annotated[int, Meta(ge=1)] = 1024
    market_mb: Annotated[int, Meta(ge=16)] = 512


class Settings(_Section, frozen=True, kw_only=True):
    """The whole of `pitwire.toml`."""

    bus: BusSettings = BusSettings()
    feed: FeedSettings = FeedSettings()
    guard: GuardSettings = GuardSettings()
    portfolio: PortfolioSettings = PortfolioSettings()
    store: StoreSettings = StoreSettings()
    account: tuple[AccountSettings, ...] = (AccountSettings(id="paper"),)
    session: tuple[SessionSettings, ...] = (SessionSettings(id="ema-eurusd", params={"fast": 3, "slow": 6}),)


def parse(text: str, where: str = "pitwire.toml") -> Settings:
    """Settings from TOML text; `where` names it in errors."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{where}: not TOML: {error}"
        raise SettingsError(message) from error
    try:
        settings = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(where, str(error))) from error
    if "session" not in raw:
        settings = _with_session(settings)
    _cross_check(settings, where)
    return settings


def _with_session(settings: Settings) -> Settings:
    """With the session that there is when none is given, on what there is: the first account, the first symbol."""
    if not settings.account:
        return settings
    symbol = next(iter(_feed_symbols(settings.feed)))
    (session,) = Settings().session
    session = msgspec.structs.replace(
        session,
        id=re.sub(r"[^A-Za-z0-9_-]", "_", f"ema-{symbol.lower()}")[:_MOST_NAME],
        account=settings.account[0].id,
        symbols=(symbol,),
    )
    return msgspec.structs.replace(settings, session=(session,))


def _feed_symbols(feed: FeedSettings) -> tuple[str, ...]:
    """The symbols of which there will be ticks, each once, in their order."""
    return tuple(dict.fromkeys(file.symbol for file in feed.files) or dict.fromkeys(feed.symbols))


def load(path: Path) -> Settings:
    """Settings from a file. SettingsError when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read: {error}"
        raise SettingsError(message) from error
    return parse(text, str(path))


def _explain(where: str, text: str) -> str:
    """`Expected int - at $.guard.x` becomes `file: guard.x: expected int`."""
    found = re.match(r"(?s)(.*) - at `\$\.?(.*)`$", text)
    reason, key = (found[1], found[2]) if found else (text, "")
    unknown = re.match(r"Object contains unknown field `(.*)`", reason)
    if unknown:
        key = f"{key}.{unknown[1]}" if key else unknown[1]
        table = _known(key)
        return f"{where}: {key}: unknown key{f'; expected one of {table}' if table else ''}"
    reason = reason[:1].lower() + reason[1:]
    return f"{where}: {key}: {reason}" if key else f"{where}: {reason}"


def _known(key: str) -> str:
    """The keys of the table in which `key` was found, for the error's text."""
    tables: dict[str, type[msgspec.Struct]] = {
        "": Settings,
        "bus": BusSettings,
        "feed": FeedSettings,
        "feed.files": TickFile,
        "guard": GuardSettings,
        "portfolio": PortfolioSettings,
        "store": StoreSettings,
        "account": AccountSettings,
        "session": SessionSettings,
    }
    table = re.sub(r"\[[^]]*\]", "", key.rpartition(".")[0])
    kind = tables.get(table)
    return ", ".join(field.encode_name for field in msgspec.structs.fields(kind)) if kind else ""


def _cross_check(settings: Settings, where: str) -> None:
    """What no single key can say: names used once, and accounts, symbols and files that exist."""
    if 0 < settings.feed.speed < _SLOWEST:
        message = f"{where}: feed.speed: {settings.feed.speed:g}; expected 0 (simulated time) or at least {_SLOWEST:g}"
        raise SettingsError(message)
    problem = _bus_problem(settings.bus)
    if problem:
        message = f"{where}: {problem}"
        raise SettingsError(message)
    accounts = [account.id for account in settings.account]
    sessions = [session.id for session in settings.session]
    for key, names in (("account", accounts), ("session", sessions)):
        for name in names:
            if names.count(name) > 1:
                message = f"{where}: {key}: id {name!r} is used twice"
                raise SettingsError(message)
    if _FLOOR in accounts:
        message = f"{where}: account: id {_FLOOR!r} is the scope of the whole floor; expected another name"
        raise SettingsError(message)
    feed_symbols = _feed_symbols(settings.feed)
    _check_symbols("feed", settings.feed.symbols, where)
    for index, session in enumerate(settings.session):
        _check_symbols(f"session[{index}]", session.symbols, where)
        if session.account not in accounts:
            message = f"{where}: session[{index}].account: no account {session.account!r}; expected one of {accounts}"
            raise SettingsError(message)
        for symbol in session.symbols:
            if symbol not in feed_symbols:
                expected = ", ".join(sorted(feed_symbols))
                message = f"{where}: session[{index}].symbols: the feed has no {symbol!r}; expected one of {expected}"
                raise SettingsError(message)
    if settings.feed.kind == "recorded" and not settings.feed.files:
        message = f"{where}: feed.files: a recorded feed needs at least one file"
        raise SettingsError(message)


def _check_symbols(table: str, symbols: tuple[str, ...], where: str) -> None:
    for symbol in symbols:
        if symbols.count(symbol) > 1:
            message = f"{where}: {table}.symbols: {symbol!r} is named twice; expected each symbol once"
            raise SettingsError(message)


def _bus_problem(bus: BusSettings) -> str:
    """What is wrong with the address of an external server and what goes with it, or ""."""
    if not bus.url:
        stray = "keys" if bus.keys else "ca" if bus.ca else ""
        return f"bus.{stray}: only an external server needs it; expected bus.url beside it" if stray else ""
    problem = _address_problem(bus.url)
    if problem:
        return f"bus.url: {problem}"
    if bus.ca and not bus.url.startswith("tls://"):
        return "bus.ca: only for a bus.url that begins with tls://"
    if not bus.keys:
        return "bus.keys: an external server needs it; expected the file that `pitwire keys FILE` writes"
    return ""


def _address_problem(url: str) -> str:
    """Why a server cannot be connected to at this address, or ""."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.scheme not in {"nats", "tls"} or not host or port == 0 or any((parts.path, parts.query, parts.fragment)):
        return "expected nats://host:port or tls://host:port, one server"
    if "@" in parts.netloc:
        return "expected no user and no password in it: the identities are in the file of bus.keys"
    if parts.scheme == "nats" and not _is_loopback(host):
        return f"nats:// to {host} would send orders unencrypted; expected tls://{host}:{port or 4222}"
    return ""


def _is_loopback(host: str) -> bool:
    """Whether an address stays on this machine. A name other than localhost could lead anywhere tomorrow."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
