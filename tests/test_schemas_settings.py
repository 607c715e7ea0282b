"""`pitwire.toml`: defaults, bounds, and errors that say file, key and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.settings import Settings, SettingsError, load, parse


def test_no_file_is_a_valid_configuration() -> None:
    """Every key has a default."""
    assert parse("") == Settings()


def test_values_are_read_into_their_tables() -> None:
    """Tables, arrays of tables and numbers without a fraction."""
    settings = parse(
        '[guard]\nmax_order_lots = 2\n[[account]]\nid = "a"\ndeposit = 500\n[[session]]\nid = "s"\naccount = "a"\n'
        'symbols = ["XAUUSD"]\nparams = {fast = 3}\n'
    )
    assert settings.guard.max_order_lots == 2.0
    assert settings.account[0].deposit == 500.0
    assert settings.session[0].params == {"fast": 3}


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("[guard]\nmax_lots = 1", "guard.max_lots", "unknown key"),
        ("speed = 1", "speed", "unknown key"),
        ("[guard]\nmax_order_lots = 0", "guard.max_order_lots", "> 0"),
        ('[guard]\nmax_order_lots = "1"', "guard.max_order_lots", "float"),
        ('[feed]\nkind = "live"', "feed.kind", "live"),
        ("[bus]\nport = 70000", "bus.port", "65535"),
        ('[bus]\nurl = "nats://127.0.0.1"', r"bus\.keys", "`pitwire keys FILE`"),
        ('[bus]\nurl = "nats://bus.example:4333"\nkeys = "k"', r"bus\.url", "expected tls://bus.example:4333"),
        ('[bus]\nurl = "nats://10.0.0.1"\nkeys = "k"', r"bus\.url", "unencrypted; expected tls://10.0.0.1:4222"),
        ('[bus]\nurl = "http://127.0.0.1"\nkeys = "k"', r"bus\.url", "nats://host:port or tls://host:port"),
        ('[bus]\nurl = "127.0.0.1:4222"\nkeys = "k"', r"bus\.url", "nats://host:port or tls://host:port"),
        ('[bus]\nurl = "tls://h:0"\nkeys = "k"', r"bus\.url", "nats://host:port or tls://host:port"),
        ('[bus]\nurl = "tls://h:99999"\nkeys = "k"', r"bus\.url", "nats://host:port or tls://host:port"),
        ('[bus]\nurl = "tls://h:1,tls://i:1"\nkeys = "k"', r"bus\.url", "one server"),
        ('[bus]\nurl = "tls://me:word@h:1"\nkeys = "k"', r"bus\.url", "no user and no password"),
        ('[bus]\nurl = "nats://localhost"\nkeys = "k"\nca = "c"', r"bus\.ca", "begins with tls://"),
        ('[bus]\nkeys = "k"', r"bus\.keys", "bus.url beside it"),
        ('[bus]\nca = "c"', r"bus\.ca", "bus.url beside it"),
        ('[[account]]\nid = "a b"', r"account\[0\].id", "regex"),
        ('[[account]]\nid = "a"\ndeposit = 1e300', r"account\[0\].deposit", "<= 1000000000000"),
        ('[[account]]\nid = "a"\ndeposit = 0.001', r"account\[0\].deposit", ">= 0.01"),
        ('[[session]]\nid = "s"\naccount = "x"', r"session\[0\].account", "no account 'x'"),
        ('[[session]]\nid = "s"\nsymbols = ["FOO"]', r"session\[0\].symbols", "no 'FOO'; expected one of BTCUSD"),
        ('[[session]]\nid = "s"\n[[session]]\nid = "s"', "session", "used twice"),
        ('[[session]]\nid = "s"\nsymbols = ["EURUSD", "GBPUSD", "EURUSD"]', r"session\[0\].symbols", "'EURUSD'.*twice"),
        ('[feed]\nsymbols = ["USDJPY", "USDJPY"]', "feed.symbols", "'USDJPY' is named twice"),
        ('[[account]]\nid = "floor"', "account", "'floor' is the scope of the whole floor"),
        ('[feed]\nkind = "recorded"', "feed.files", "at least one file"),
        ("[feed]\nseconds = inf", "feed.seconds", "<= 1000000000"),
        ("[feed]\nspeed = 1e-30", "feed.speed", "at least 0.001"),
        ("[guard\n", "", "not TOML"),
    ],
)
def test_a_bad_value_is_named_with_file_and_key(text: str, key: str, expected: str) -> None:
    """No traceback, no guess: the text leads to the place."""
    with pytest.raises(SettingsError, match=rf"my\.toml: {key}.*{expected}"):
        parse(text, "my.toml")


@pytest.mark.parametrize(
    ("text", "session", "account", "symbol"),
    [
        ('[feed]\nsymbols = ["XAUUSD", "EURUSD"]', "ema-xauusd", "paper", "XAUUSD"),
        ('[[account]]\nid = "mine"\n[[account]]\nid = "other"', "ema-eurusd", "mine", "EURUSD"),
        (
            '[feed]\nkind = "recorded"\nfiles = [{path = "t", symbol = "EURUSD.m#"}]',
            "ema-eurusd_m_",
            "paper",
            "EURUSD.m#",
        ),
    ],
)
def test_without_a_session_there_is_one_on_what_there_is(text: str, session: str, account: str, symbol: str) -> None:
    """Nobody is told of an error in a session that they did not write."""
    (made,) = parse(text).session
    assert (made.id, made.account, made.symbols) == (session, account, (symbol,))
    assert (made.strategy, made.params) == ("ema_cross", {"fast": 3, "slow": 6})
    assert parse("session = []\n" + text).session == ()


@pytest.mark.parametrize("url", ["nats://127.0.0.1:4222", "nats://[::1]", "nats://localhost", "tls://bus.example:4222"])
def test_an_external_server_is_encrypted_or_on_this_machine(url: str) -> None:
    """Loopback may do without TLS."""
    assert parse(f'[bus]\nurl = "{url}"\nkeys = "k"').bus.url == url


def test_an_unknown_key_is_told_the_known_ones() -> None:
    """A typing error is mended from the message alone."""
    with pytest.raises(SettingsError, match=r"expected one of .*max_order_lots"):
        parse("[guard]\nmax_orderlots = 1")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, or not text."""
    with pytest.raises(SettingsError, match=r"absent\.toml: cannot be read"):
        load(tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"binary\.toml: cannot be read"):
        load(tmp_path / "binary.toml")
