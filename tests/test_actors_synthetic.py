"""The synthetic market: repeatable, on the grid, and with the traits that it claims, on a fixed seed."""

from __future__ import annotations

import math
import statistics
from datetime import UTC, datetime
from functools import cache
from itertools import islice, pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.feed_synthetic import SyntheticSource
from actors.symbols import CURRENCIES, KNOWN, UnknownSymbolError, symbol_spec
from actors.synthetic import SIM_START, SyntheticSymbol, server_offset_us
from schemas.market import SymbolSpec, Tick

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
DAYS = 5


def spec(symbol: str) -> SymbolSpec:
    """The contract as the synthetic feed uses it."""
    return symbol_spec(symbol, "paper", always_open=True)


@cache
def market(symbol: str) -> tuple[list[Tick], int]:
    """The ticks of some days at a tick every two seconds, and the number of jumps."""
    made = SyntheticSymbol(spec(symbol), seed=7, rate=0.5)
    ticks = list(takewhile(lambda tick: tick.at < SIM_START + DAYS * DAY, made))
    return ticks, made.jumps


def minute_returns(ticks: list[Tick]) -> list[float]:
    """Logarithmic returns from one minute's last bid to the next one's."""
    closes = {tick.at // MINUTE: tick.bid for tick in ticks}
    return [math.log(after / before) for before, after in pairwise(closes.values())]


def autocorrelation(values: list[float], lag: int) -> float:
    """Of a series with itself, `lag` places later."""
    mean = statistics.fmean(values)
    rest = [value - mean for value in values]
    return sum(one * two for one, two in zip(rest, rest[lag:], strict=False)) / sum(one * one for one in rest)


def spreads(ticks: list[Tick], point: float) -> list[int]:
    """In points."""
    return [round((tick.ask - tick.bid) / point) for tick in ticks]


def test_the_same_seed_gives_the_same_ticks() -> None:
    """Twice made, twice the same; another seed gives others."""
    one, two, other = (
        [(tick.symbol, tick.at, tick.bid, tick.ask) for tick in islice(iter(source.next, None), 2_000)]
        for source in (SyntheticSource([spec(name) for name in KNOWN], seed=seed, rate=2.0) for seed in (3, 3, 4))
    )
    assert one == two
    assert one != other


def test_the_ticks_of_a_seed_do_not_change_with_the_version() -> None:
    """Records are run again with later versions: if this fails, the generator is another one and has to say so."""
    ticks = list(islice(SyntheticSymbol(spec("EURUSD"), seed=1, rate=2.0), 1_000))
    assert [(tick.at - SIM_START, tick.bid, tick.ask) for tick in (ticks[0], ticks[-1])] == [
        (80_872, 1.09497, 1.09503),
        (301_964_091, 1.09479, 1.09485),
    ]


def test_a_symbol_more_leaves_the_others_as_they_are() -> None:
    """Each draws its own random numbers."""

    def gold(*names: str) -> list[Tick]:
        source = SyntheticSource([spec(name) for name in names], seed=1, rate=2.0)
        return list(islice((tick for tick in iter(source.next, None) if tick.symbol == "XAUUSD"), 300))

    assert gold("XAUUSD") == gold("EURUSD", "XAUUSD", "BTCUSD")


def test_symbols_are_merged_by_time() -> None:
    """Times never decrease over all symbols."""
    source = SyntheticSource([spec(name) for name in KNOWN], seed=1, rate=5.0)
    ticks = list(islice(iter(source.next, None), 5_000))
    assert all(one.at <= two.at for one, two in pairwise(ticks))
    assert {tick.symbol for tick in ticks} == set(KNOWN)


@given(
    symbol=st.sampled_from([*KNOWN, "AUDCAD", "USDHUF", "TRYJPY", "EURUSD.r"]),
    seed=st.integers(min_value=0, max_value=2**53),
    rate=st.sampled_from([0.01, 2.0, 10_000.0]),
)
def test_every_quote_is_on_the_grid_with_a_spread(symbol: str, seed: int, rate: float) -> None:
    """Whole points, ask above bid, time moving on; whatever the seed."""
    contract = spec(symbol)
    ticks = list(islice(SyntheticSymbol(contract, seed=seed, rate=rate), 50))
    for tick in ticks:
        for price in (tick.bid, tick.ask):
            assert price == round(price * 10**contract.digits) / 10**contract.digits
        assert 0 < tick.bid < tick.ask
    assert all(
        one.at < two.at for one, two in pairwise([Tick(venue="", symbol="", at=SIM_START, bid=1, ask=1), *ticks])
    )


@pytest.mark.parametrize("symbol", KNOWN)
def test_rate_and_volatility_are_near_what_was_asked_for(symbol: str) -> None:
    """Ticks a second within a fifth, volatility a year within a factor of its typical figure."""
    ticks, _ = market(symbol)
    assert len(ticks) / (DAYS * 86_400) == pytest.approx(0.5, rel=0.2)
    yearly = math.sqrt(sum(move * move for move in minute_returns(ticks)) / DAYS * 252)
    typical = {"EURUSD": 0.07, "GBPUSD": 0.085, "USDJPY": 0.095, "XAUUSD": 0.14, "BTCUSD": 0.55 * math.sqrt(252 / 365)}
    assert 0.7 < yearly / typical[symbol] < 1.6


@pytest.mark.parametrize("symbol", KNOWN)
def test_volatility_comes_in_clusters(symbol: str) -> None:
    """A minute's absolute return says something of those that follow; its sign says nothing."""
    returns = minute_returns(market(symbol)[0])
    sizes = [abs(move) for move in returns]
    noise = 3 / math.sqrt(len(returns))
    assert autocorrelation(sizes, 1) > 0.12
    assert statistics.fmean(autocorrelation(sizes, lag) for lag in range(2, 11)) > 0.08
    assert abs(autocorrelation(returns, 1)) < noise + 0.02


@pytest.mark.parametrize("symbol", KNOWN)
def test_there_are_a_few_jumps_a_day(symbol: str) -> None:
    """Around eight, and returns have the fat tails that follow from jumps and clusters."""
    ticks, jumps = market(symbol)
    assert 4 * DAYS < jumps < 13 * DAYS
    returns = minute_returns(ticks)
    deviation = statistics.pstdev(returns)
    kurtosis = statistics.fmean((move / deviation) ** 4 for move in returns)
    assert kurtosis > 5


@pytest.mark.parametrize("symbol", ["EURUSD", "GBPUSD", "USDJPY", "XAUUSD"])
def test_the_spread_is_widest_around_the_venues_midnight(symbol: str) -> None:
    """The ten minutes after 17:00 in New York beside the London morning."""
    ticks, _ = market(symbol)
    point = spec(symbol).point
    late = [tick for tick in ticks if (tick.at + server_offset_us(tick.at)) % DAY < 10 * MINUTE]
    morning = [tick for tick in ticks if 8 * HOUR <= tick.at % DAY < 10 * HOUR]
    assert statistics.median(spreads(late, point)) > 2 * statistics.median(spreads(morning, point))


def test_the_spread_widens_with_volatility() -> None:
    """The wildest tenth of the minutes has wider spreads than the calmest half, midnight left aside."""
    ticks, _ = market("BTCUSD")
    minutes: dict[int, list[Tick]] = {}
    for tick in ticks:
        minutes.setdefault(tick.at // MINUTE, []).append(tick)
    ranked = sorted(minutes.values(), key=lambda group: max(t.bid for t in group) / min(t.bid for t in group))
    calm = [spread for group in ranked[: len(ranked) // 2] for spread in spreads(group, 0.01)]
    wild = [spread for group in ranked[-len(ranked) // 10 :] for spread in spreads(group, 0.01)]
    assert statistics.fmean(wild) > 1.15 * statistics.fmean(calm)


def test_the_day_has_a_shape() -> None:
    """More ticks while London and New York overlap than around noon, and more then than in the late evening."""
    ticks, _ = market("EURUSD")
    count = [sum(hour * HOUR <= tick.at % DAY < (hour + 2) * HOUR for tick in ticks) for hour in (14, 10, 21)]
    assert count[0] > 1.2 * count[1] > 1.2 * 1.5 * count[2]


def test_a_contract_without_hours_trades_on_saturday() -> None:
    """The synthetic feed's contracts have none, so that there is always a market to look at."""
    saturday = round(datetime(2024, 1, 13, 12, tzinfo=UTC).timestamp() * 1e6)
    ticks = list(
        takewhile(
            lambda tick: tick.at < saturday + HOUR, SyntheticSymbol(spec("EURUSD"), seed=1, rate=1.0, start=saturday)
        )
    )
    assert len(ticks) > 1_000
    assert len({tick.bid for tick in ticks}) > 5


@pytest.mark.parametrize(
    ("start", "opens"),
    [
        (datetime(2024, 1, 12, 21, 59, tzinfo=UTC), datetime(2024, 1, 14, 22, tzinfo=UTC)),
        (datetime(2024, 3, 8, 21, 59, tzinfo=UTC), datetime(2024, 3, 10, 21, tzinfo=UTC)),
        (datetime(2024, 11, 1, 20, 59, tzinfo=UTC), datetime(2024, 11, 3, 22, tzinfo=UTC)),
    ],
)
def test_a_contract_with_hours_rests_at_the_weekend(start: datetime, opens: datetime) -> None:
    """From 17:00 in New York on Friday to 17:00 on Sunday, summer time or not; also when it starts in between."""
    begin, end = (round(time.timestamp() * 1e6) for time in (start, opens))
    contract = symbol_spec("EURUSD", "paper")
    ticks = list(islice(SyntheticSymbol(contract, seed=1, rate=1.0, start=begin), 500))
    before = [tick.at for tick in ticks if tick.at < begin + MINUTE]
    after = [tick.at for tick in ticks if tick.at >= begin + MINUTE]
    assert before
    assert end <= after[0] < end + 5 * MINUTE
    assert next(iter(SyntheticSymbol(contract, seed=1, rate=1.0, start=begin + 5 * HOUR))).at >= end


def test_gold_rests_an_hour_each_night() -> None:
    """Its hours leave out the first of each server day."""
    begin = round(datetime(2024, 1, 10, 21, 59, tzinfo=UTC).timestamp() * 1e6)
    ticks = list(islice(SyntheticSymbol(symbol_spec("XAUUSD", "paper"), seed=1, rate=1.0, start=begin), 300))
    assert not [tick for tick in ticks if begin + MINUTE <= tick.at < begin + 61 * MINUTE]
    assert ticks[-1].at > begin + 61 * MINUTE


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        (datetime(2024, 3, 10, 6, 59, 59, tzinfo=UTC), 2),
        (datetime(2024, 3, 10, 7, tzinfo=UTC), 3),
        (datetime(2024, 11, 3, 5, 59, 59, tzinfo=UTC), 3),
        (datetime(2024, 11, 3, 6, tzinfo=UTC), 2),
        (datetime(2026, 3, 8, 7, tzinfo=UTC), 3),
        (datetime(2026, 3, 1, 7, tzinfo=UTC), 2),
    ],
)
def test_the_venues_clock_follows_new_york(moment: datetime, hours: int) -> None:
    """Two hours ahead of UTC, three while New York has summer time."""
    assert server_offset_us(round(moment.timestamp() * 1e6)) == hours * HOUR


# ---- contracts


@pytest.mark.parametrize("symbol", [*KNOWN, "AUDNZD", "CADJPY", "EURUSD.r", "XAUUSD+", "GBPUSD#x"])
def test_contracts_are_whole(symbol: str) -> None:
    """Point and pip fit the digits, volumes lie on their own grid, hours are ordered within the week."""
    contract = symbol_spec(symbol, "paper")
    assert (contract.symbol, contract.venue) == (symbol, "paper")
    assert contract.point == float(f"1e-{contract.digits}")
    assert contract.pip == pytest.approx(10 * contract.point)
    assert 0 < contract.volume_step <= contract.volume_min < contract.volume_max
    assert contract.currency_base != contract.currency_profit
    assert all(0 <= opens < closes <= 7 * 1440 for opens, closes in contract.hours)
    assert all(one[1] <= two[0] for one, two in pairwise(contract.hours))


def test_bitcoin_is_always_open_and_euros_are_not() -> None:
    """Unless the market is one that never closes."""
    assert symbol_spec("BTCUSD", "paper").hours == ()
    assert symbol_spec("EURUSD", "paper").hours == ((0, 7200),)
    assert symbol_spec("EURUSD", "paper", always_open=True).hours == ()


@given(st.lists(st.sampled_from(sorted(CURRENCIES)), min_size=2, max_size=2, unique=True))
def test_every_pair_of_two_currencies_has_a_contract_and_a_market(codes: list[str]) -> None:
    """The rule for pairs, and a first price for each of them."""
    base, profit = codes
    contract = spec(base + profit)
    assert (contract.currency_base, contract.currency_profit) == (base, profit)
    assert next(iter(SyntheticSymbol(contract, seed=1, rate=1.0))).bid > 0


@pytest.mark.parametrize("symbol", ["", "EUR", "EURUSX", "USDUSD", "eurusd", "EURUSDX", "NASDAQ", "EUR/USD"])
def test_an_unknown_symbol_is_refused_with_what_is_known(symbol: str) -> None:
    """The message lists the table and the currencies."""
    with pytest.raises(UnknownSymbolError, match=r"expected one of EURUSD, .*BTCUSD, or a pair of two of .*AUD CAD"):
        symbol_spec(symbol, "paper")
