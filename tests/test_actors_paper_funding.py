"""What a paper account was opened with stays so."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from actors.conversion import check_conversion
from actors.database import connect, migrate
from actors.paper_book import MIGRATIONS, load
from actors.paper_funding import hold
from actors.paper_venue import PaperConfig, config_from
from actors.symbols import FeedError
from schemas.settings import SettingsError, parse

CONFIG = config_from(parse(""), "paper", "")


def opened(path: Path, config: PaperConfig) -> tuple[str, int]:
    """Held to the configuration; what the book says."""
    with closing(connect(path, durable=False)) as book:
        load(book)
        hold(book, config)
        currency, deposit = book.execute("SELECT currency, deposit FROM funding").fetchone()
        return currency, deposit


def test_a_new_book_keeps_what_the_settings_say(tmp_path: Path) -> None:
    """In its own table, once."""
    path = tmp_path / "book.sqlite"
    assert opened(path, CONFIG) == opened(path, CONFIG) == ("USD", 1_000_000)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"currency": "EUR"}, r"account paper: the book \(.*book.sqlite\) is in USD, .* says EUR; expected USD"),
        ({"deposit": 2_000_000}, r"account paper: .* a deposit of 10000.00 USD, .* says 20000.00; expected 10000.00"),
        ({"deposit": 999_999}, "expected 10000.00"),
    ],
)
def test_other_settings_later_are_refused(tmp_path: Path, changes: dict[str, object], text: str) -> None:
    """The same money under another name, or money from nowhere; and the book stays as it is."""
    path = tmp_path / "book.sqlite"
    opened(path, CONFIG)
    with pytest.raises(SettingsError, match=text):
        opened(path, msgspec.structs.replace(CONFIG, **changes))
    assert opened(path, CONFIG) == ("USD", 1_000_000)


def test_a_book_of_before_is_taken_to_be_what_the_settings_say_now(tmp_path: Path) -> None:
    """It stores that, and is held to it from then on."""
    path = tmp_path / "book.sqlite"
    with closing(connect(path, durable=False)) as book:
        migrate(book, MIGRATIONS[:1])
        book.execute("INSERT INTO orders VALUES ('a', 1, 's', 'filled', '', 1, '')")
    euro = msgspec.structs.replace(CONFIG, currency="EUR", deposit=500_000)
    assert opened(path, euro) == ("EUR", 500_000)
    with pytest.raises(SettingsError, match="is in EUR"):
        opened(path, CONFIG)
    with closing(sqlite3.connect(path)) as book:
        assert book.execute("SELECT count(*) FROM orders").fetchone() == (1,)


@pytest.mark.parametrize(
    ("currency", "symbols", "text"),
    [
        (
            "XXX",
            '["EURUSD"]',
            r"session 's': the profit of EURUSD is in USD and .* in XXX: .*USDXXX or XXXUSD",
        ),
        ("EUR", '["EURUSD", "GBPUSD"]', r"the margin of GBPUSD is in GBP .* expected GBPEUR or EURGBP"),
        ("USD", '["EURUSD", "USDJPY", "XAUUSD"]', ""),
        ("JPY", '["USDJPY"]', ""),
        ("EUR", '["EURUSD"]', ""),
    ],
)
def test_a_session_whose_money_cannot_be_converted_is_refused(currency: str, symbols: str, text: str) -> None:
    """By name, with the pair that is missing; one that can be, by a pair or its inverse, is not."""
    accounts = f'[[account]]\nid = "a"\ncurrency = "{currency}"\n'
    settings = parse(f'{accounts}[[session]]\nid = "s"\naccount = "a"\nsymbols = {symbols}\n')
    if not text:
        check_conversion(settings)
        return
    with pytest.raises(FeedError, match=text):
        check_conversion(settings)
