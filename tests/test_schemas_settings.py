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
        ('[[account]]\nid = "a b"', r"account\[0\].id", "regex"),
        ('[[session]]\nid = "s"\naccount = "x"', r"session\[0\].account", "no account 'x'"),
        ('[[session]]\nid = "s"\nsymbols = ["FOO"]', r"session\[0\].symbols", "no 'FOO'; expected one of BTCUSD"),
        ('[[session]]\nid = "s"\n[[session]]\nid = "s"', "session", "used twice"),
        ('[feed]\nkind = "recorded"', "feed.files", "at least one file"),
        ("[guard\n", "", "not TOML"),
    ],
)
def test_a_bad_value_is_named_with_file_and_key(text: str, key: str, expected: str) -> None:
    """No traceback, no guess: the text leads to the place."""
    with pytest.raises(SettingsError, match=rf"my\.toml: {key}.*{expected}"):
        parse(text, "my.toml")


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
