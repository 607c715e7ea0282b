"""The portfolio: what is not known is not told, what is told is right, once a second, and to whom it belongs."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest
from guard_desk import GOLD, SECOND, SPEC, START, make_fill, make_terms, make_update
from portfolio_desk import CONFIG, Floor, account, position

from actors.cell import Cell
from actors.effects import EventIn, Failed, LinkChanged, Publish, SetTimer, TimerIn
from actors.portfolio import Portfolio, config_from, recover
from actors.portfolio_state import AccountConfig, Member, PortfolioState
from schemas.account import AccountState, PositionMark, PositionProfits, ProfitLoss
from schemas.health import Hello
from schemas.market import MarketStatus, Tick
from schemas.order import OrderState, OrderUpdate
from schemas.registry import subject_of
from schemas.session import SessionState
from schemas.settings import AccountSettings, FeedSettings, PortfolioSettings, SessionSettings, Settings


def deal(number: int, ticket: int, cents: int, volume: float = 0.01, **terms: object) -> OrderUpdate:
    """A fill with this profit."""
    fill = make_fill(make_terms(number, volume=volume, **terms), ticket)
    assert fill.deal is not None
    return msgspec.structs.replace(fill, deal=msgspec.structs.replace(fill.deal, profit=cents / 100))


def running() -> Floor:
    """Both venues have spoken, both accounts are flat."""
    return Floor().market().hear(account(), account(500.0, name="other"))


# ---- what the figures are


def test_an_open_position_is_worth_what_closing_it_would_book() -> None:
    """0.01 lots bought at 1.1, bid 1.10250: 2.50 less 0.035 of closing commission, which is rounded by itself."""
    floor = running().hear(deal(1, 7, 0), account(positions=1))
    floor.quote("EURUSD", 1.1025, 1.1026).wait()
    marks = floor.marks()
    assert marks is not None
    assert (marks[7].price, marks[7].profit) == (1.1025, 2.46)
    for scope, name in (("strategy", "ema/ema_cross"), ("session", "ema"), ("account", "paper")):
        told = floor.figures(scope, name)
        assert told is not None
        assert (told.floating, told.realised, told.positions, told.deals) == (2.46, 0.0, 1, 1)
    assert (floor.paper().balance, floor.paper().equity) == (10_000.0, 10_002.46)
    assert (floor.whole().floating, floor.whole().equity) == (2.46, 10_502.46)
    session = floor.figures("session", "ema")
    assert session is not None
    assert (session.equity, session.balance) == (None, None)


def test_a_short_position_is_marked_at_the_ask_and_swap_is_part_of_it() -> None:
    """Gold: one lot is here 100,000 units, so a cent is 10.00 on 0.01 lots."""
    fill = deal(1, 7, 0, symbol="XAUUSD", side="sell")
    assert fill.deal is not None
    fill = msgspec.structs.replace(fill, deal=msgspec.structs.replace(fill.deal, price=2000.33))
    floor = running().hear(fill, position(7, 0.01, "ema", symbol="XAUUSD", side="sell", swap=-1.5)).wait()
    marks = floor.marks()
    assert marks is not None
    assert (marks[7].price, marks[7].profit) == (2000.3, 30.0 - 0.04 - 1.5)


def test_realised_profit_is_the_sum_of_the_deals_by_whom_they_are() -> None:
    """Strategy, session, account and whole; each deal once."""
    floor = running()
    closing = deal(2, 7, 1234, side="sell", position=7)
    floor.hear(deal(1, 7, -7), closing, closing, deal(1, 8, -100, account="other", session="far")).wait()
    told = {(one.scope, one.id): (one.realised, one.deals) for one in floor.said if isinstance(one, ProfitLoss)}
    assert told == {
        ("strategy", "ema/ema_cross"): (12.27, 2),
        ("strategy", "far/ema_cross"): (-1.0, 1),
        ("session", "ema"): (12.27, 2),
        ("session", "far"): (-1.0, 1),
        ("account", "paper"): (12.27, 2),
        ("account", "other"): (-1.0, 1),
        ("portfolio", "floor"): (11.27, 3),
    }


def test_a_position_that_nobody_here_opened_counts_in_its_account_only() -> None:
    """And no longer when the venue says that it is closed."""
    floor = running().hear(position(99, 0.02), account(positions=1)).wait()
    assert (floor.paper().positions, floor.paper().floating) == (1, -0.07)
    session = floor.figures("session", "ema")
    assert session is not None
    assert session.positions == 0
    floor.hear(position(99, 0.0), account()).wait()
    assert (floor.paper().positions, floor.paper().floating, floor.marks()) == (0, 0.0, {})


def test_a_position_of_ours_that_only_the_venue_knows_is_believed_after_a_while() -> None:
    """Its deal may be under way; a stream that was lost has none."""
    floor = running().hear(position(99, 0.02, "ema"), account(positions=1)).wait()
    assert (floor.paper().positions, floor.paper().equity) == (0, None)
    floor.wait(2)
    session = floor.figures("session", "ema")
    assert session is not None
    assert (session.positions, floor.paper().equity) == (1, 9_999.93)


def test_accounts_in_other_currencies_are_converted_at_the_side_that_is_worse() -> None:
    """500 EUR at bid 1.1, a loss of 1000 EUR at ask 1.1001."""
    accounts = CONFIG.accounts | {"other": AccountConfig("EUR", "paper")}
    floor = Floor(msgspec.structs.replace(CONFIG, accounts=accounts)).market()
    floor.hear(account(), account(1500.0, name="other", currency="EUR"))
    floor.hear(deal(1, 8, -100_000, account="other", session="far", position=8, side="sell"))
    floor.hear(account(500.0, name="other", currency="EUR")).wait()
    other = floor.figures("account", "other")
    assert other is not None
    assert (other.currency, other.realised, other.balance) == ("EUR", -1000.0, 500.0)
    assert (floor.whole().currency, floor.whole().realised, floor.whole().balance) == ("USD", -1100.1, 10_550.0)


# ---- what is not known


def test_nothing_is_claimed_before_it_is_known() -> None:
    """After a start the realised profit is on record; what venues and markets have to say is not known, and not 0."""
    state = recover(CONFIG, [deal(1, 7, 0), deal(2, 6, 1234, side="sell", position=6)])
    floor = Floor(state=msgspec.json.decode(msgspec.json.encode(state), type=PortfolioState)).wait()
    for told in (floor.paper(), floor.whole()):
        assert (told.realised, told.deals, told.positions) == (12.34, 2, 1)
        assert (told.floating, told.equity, told.balance) == (None, None, None)
    assert floor.marks() is None
    floor.market().hear(account(10_012.34, 1), account(500.0, name="other")).wait()
    assert (floor.paper().floating, floor.paper().equity, floor.whole().equity) == (-0.04, 10_012.30, 10_512.30)


def test_an_account_of_which_its_venue_has_not_spoken_may_hold_what_nobody_here_knows() -> None:
    """Even if none of ours is open: a session's floating profit is known to be 0, the account's is not known."""
    floor = Floor().market().wait()
    session = floor.figures("session", "ema")
    assert session is not None
    assert (session.floating, floor.paper().floating, floor.whole().floating) == (0.0, None, None)


@pytest.mark.parametrize("state", ["closed", "ended"])
def test_over_a_weekend_the_last_quote_stays(state: Literal["closed", "ended"]) -> None:
    """A quote grows old only while its market is open; when that opens again the old one is none until the next."""
    floor = running().hear(deal(1, 7, 0), account(positions=1)).quote("EURUSD", 1.11, 1.1101).wait()
    assert floor.whole().equity == 10_509.96
    floor.hear(MarketStatus(venue="paper", symbol="EURUSD", state=state)).wait(7_200)
    assert floor.whole().equity == 10_509.96
    floor.hear(MarketStatus(venue="paper", symbol="EURUSD", state="open")).wait()
    assert floor.whole().equity is None
    floor.quote("EURUSD", 1.11, 1.1101).wait()
    assert floor.whole().equity == 10_509.96


def test_a_lost_link_forgets_that_a_market_was_closed() -> None:
    """It may have opened, moved and closed meanwhile: there is no quote until the next tick, closed or not."""
    floor = running().hear(deal(1, 7, 0), account(positions=1)).quote("EURUSD", 1.11, 1.1101)
    floor.hear(MarketStatus(venue="paper", symbol="EURUSD", state="closed")).wait()
    floor.link(up=False).link(up=True).hear(account(positions=1)).wait()
    assert floor.marks() == {7: PositionMark(7, None, None)}
    floor.quote("EURUSD", 1.11, 1.1101).wait()
    assert floor.marks() == {7: PositionMark(7, 1.11, 9.96)}
    floor.wait(61)
    assert floor.marks() == {7: PositionMark(7, None, None)}


@pytest.mark.parametrize(
    "breaks",
    [
        lambda floor: floor.quote("EURUSD", 1.1002, 1.1001),
        lambda floor: floor.quote("EURUSD", 0.0, 1.1001),
        lambda floor: floor.quote("EURUSD", 1.1000004, 1.1001),
        lambda floor: floor.quote("EURUSD", 1e300, 1e300),
        lambda floor: floor.hear(MarketStatus(venue="paper", symbol="EURUSD", state="stale")),
        lambda floor: floor.hear(msgspec.structs.replace(SPEC, contract_size=0.0)),
        lambda floor: floor.hear(msgspec.structs.replace(SPEC, currency_profit="JPY")),
        lambda floor: floor.wait(60),
    ],
    ids=["crossed", "no bid", "off the grid", "absurd", "feed broke", "absurd contract", "no rate", "stale"],
)
def test_without_a_usable_quote_or_rate_no_sum_above_is_known(breaks: object) -> None:
    """The position itself, its strategy, session, account and the whole; other accounts and realised profit stay."""
    floor = running().hear(deal(1, 7, 0), account(positions=1)).quote("EURUSD", 1.11, 1.1101).wait()
    assert floor.whole().equity == 10_509.96
    breaks(floor)  # type: ignore[operator]
    floor.wait()
    marks = floor.marks()
    assert marks is not None
    assert (marks[7].price, marks[7].profit) == (None, None)
    for scope, name in (
        ("strategy", "ema/ema_cross"),
        ("session", "ema"),
        ("account", "paper"),
        ("portfolio", "floor"),
    ):
        told = floor.figures(scope, name)
        assert told is not None
        assert (told.floating, told.equity, told.realised, told.positions) == (None, None, 0.0, 1)
    assert floor.whole().balance == 10_500.0
    other = floor.figures("account", "other")
    assert other is not None
    assert other.equity == 500.0
    floor.hear(SPEC).quote("EURUSD", 1.1, 1.1001).wait()
    assert floor.whole().equity == 10_499.96


def test_a_lost_link_makes_everything_unknown_until_it_is_told_again() -> None:
    """Nothing is said meanwhile; then hello, and nobody's last word from before counts."""
    floor = running().hear(deal(1, 7, 0), position(99, 0.02), account(positions=2)).wait().forget()
    floor.link(up=False).wait(5)
    assert floor.said == []
    floor.link(up=True).wait()
    assert floor.hellos() == 1
    assert (floor.paper().positions, floor.paper().floating, floor.whole().balance) == (1, None, None)
    session = floor.figures("session", "ema")
    assert session is not None
    assert (session.positions, session.floating) == (1, None)
    floor.market().hear(account(positions=1), account(500.0, name="other")).wait()
    assert floor.whole().equity == 10_499.96


def test_an_account_whose_venue_is_not_connected_has_no_balance() -> None:
    """Its gateway says so."""
    floor = running().wait()
    assert floor.whole().equity == 10_500.0
    floor.hear(account(connected=False)).wait()
    assert (floor.paper().balance, floor.whole().equity) == (None, None)


# ---- balances and deals that come by different ways


def test_a_balance_ahead_of_its_deal_is_not_mixed_with_positions_behind_it() -> None:
    """While the closing order is under way the account is as the deals say; then both agree."""
    floor = running().hear(deal(1, 7, 0), account(positions=1))
    close = make_terms(2, side="sell", position=7)
    floor.hear(make_update(close, OrderState.SUBMITTING), account(10_012.0)).wait()
    assert (floor.paper().balance, floor.paper().positions) == (10_000.0, 1)
    floor.hear(deal(2, 7, 1200, side="sell", position=7)).wait()
    assert (floor.paper().balance, floor.paper().equity, floor.paper().positions) == (10_012.0, 10_012.0, 0)


def test_a_balance_behind_its_deal_is_not_known_until_the_venue_speaks_again() -> None:
    """It is asked to, once."""
    floor = running().hear(deal(1, 7, 0), account(positions=1)).wait().forget()
    floor.hear(deal(2, 7, 1200, side="sell", position=7)).wait()
    assert (floor.paper().balance, floor.paper().equity, floor.paper().realised) == (None, None, 12.0)
    floor.wait(10)
    assert floor.hellos() == 1
    floor.hear(account(10_012.0)).wait()
    assert floor.paper().equity == 10_012.0


def test_a_deposit_is_believed_after_a_while() -> None:
    """No deal explains it, so it is no deal."""
    floor = running().wait().hear(account(11_000.0)).wait()
    assert (floor.paper().balance, floor.whole().balance) == (None, None)
    floor.wait(2)
    assert (floor.paper().balance, floor.whole().equity) == (11_000.0, 11_500.0)


def test_a_position_that_was_closed_by_hand_goes_after_a_while() -> None:
    """The venue says closed, no order of ours is under way, and no deal comes."""
    floor = running().hear(deal(1, 7, 0), position(7, 0.01, "ema"), account(positions=1)).wait()
    floor.hear(position(7, 0.0, "ema"), account(10_003.0)).wait()
    assert floor.paper().equity is None
    floor.wait(3)
    assert (floor.paper().positions, floor.paper().equity, floor.paper().realised) == (0, 10_003.0, 0.0)


# ---- when it is told


def test_what_changed_is_told_once_a_second_and_nothing_else() -> None:
    """Three ticks within a second are one word on what they change; a quiet second is silence."""
    floor = running().hear(deal(1, 7, 0), account(positions=1)).wait().forget()
    for bid in (1.1001, 1.1002, 1.1003):
        floor.quote("EURUSD", bid, 1.1004)
    assert floor.said == []
    floor.wait()
    told = [one.id if isinstance(one, ProfitLoss) else subject_of(one) for one in floor.said]
    assert told == ["ema/ema_cross", "ema", "paper", "floor", "pnl.positions.paper"]
    floor.forget().wait(5)
    assert floor.said == []


def test_a_guard_that_is_new_hears_everything_again() -> None:
    """Also what has not changed; a session's hello changes nothing."""
    floor = running().wait().forget()
    floor.hear(Hello(actor="session-ema", role="guard")).wait()
    assert floor.said == []
    floor.hear(Hello(actor="guard", role="guard")).wait()
    assert len(floor.said) == 9


def test_simulated_time_is_told_each_minute_at_the_end_and_when_it_is_stopped() -> None:
    """By ticks alone: there is no timer."""
    floor = Floor(msgspec.structs.replace(CONFIG, sim=True, max_tick_age_us=0))
    assert floor.timers == {}
    floor.market().hear(account(), account(500.0, name="other"), deal(1, 7, 0), account(positions=1)).forget()
    floor.wait(59).quote("EURUSD", 1.2, 1.2001)
    assert {one.time for one in floor.said} == {START + 59 * SECOND}
    floor.forget().quote("EURUSD", 1.3, 1.3001)
    assert floor.said == []
    floor.wait(86_400).hear(MarketStatus(venue="paper", symbol="EURUSD", state="ended"))
    assert floor.whole().floating == 199.96
    assert not any(isinstance(one, Hello) for one in floor.said)
    floor.forget().stop()
    assert floor.said == []
    floor.quote("EURUSD", 1.4, 1.4001).forget().quote("EURUSD", 1.5, 1.5001).stop()
    assert floor.whole().floating == 399.96


def test_a_session_that_the_supervisor_tells_of_is_told_before_its_first_deal() -> None:
    """With zeros, which are true; one on an account that is not here is none of ours."""
    floor = running()
    for name, where in (("new", "paper"), ("gone", "elsewhere")):
        floor.hear(SessionState(session=name, account=where, strategy="grid", symbols=("EURUSD",), state="running"))
    floor.wait()
    new = floor.figures("strategy", "new/grid")
    assert new is not None
    assert (new.realised, new.floating, new.deals) == (0.0, 0.0, 0)
    assert floor.figures("session", "gone") is None


# ---- what is not believed, and what fails


def test_an_event_on_another_subject_is_not_believed() -> None:
    """A gateway may speak of its own account only; a hello without a name is none."""
    floor = running()
    floor.take(EventIn("account.state.other", account(1.0)))
    floor.take(EventIn("hello.session-ema", Hello(actor="", role="session")))
    floor.wait()
    assert floor.whole().balance == 10_500.0
    assert floor.portfolio.gauges()["misplaced"] == 2


def test_what_would_make_the_figures_wrong_ends_the_process_and_a_tick_does_not() -> None:
    """A tick that was lost is no quote, what cannot be summed up is tried again later; an update that was lost is found
    in the stream after a start.
    """
    floor = running().hear(deal(1, 7, 0), account(positions=1)).wait()
    tick = Tick(venue="paper", symbol="EURUSD", at=START, bid=1.2, ask=1.2001)
    floor.take(Failed(EventIn(subject_of(tick), tick), "overload: the mailbox is full")).wait()
    assert floor.paper().floating is None
    update = deal(2, 8, 0)
    floor.timers.clear()
    floor.take(Failed(TimerIn("tell"), "OverflowError: 1"))
    assert floor.timers == {"tell": floor.now + 10 * SECOND}
    for lost in (EventIn(subject_of(update), update), LinkChanged(up=True)):
        with pytest.raises(RuntimeError, match="KeyError: 1"):
            floor.take(Failed(lost, "KeyError: 1"))


def test_the_same_messages_give_the_same_bytes() -> None:
    """What `pitwire verify` relies on, after a start from the stream too."""
    state = recover(CONFIG, [deal(1, 6, -7), deal(3, 6, 1234, side="sell", position=6)])
    raw = msgspec.json.encode(state)
    floor = Floor(state=msgspec.json.decode(raw, type=PortfolioState)).market()
    floor.hear(account(), account(500.0, name="other"), deal(5, 7, -3), position(7, 0.01, "ema"), account(positions=1))
    floor.wait(3).link(up=False).link(up=True).market().hear(account(positions=1)).wait(3)
    again = Cell(Portfolio("portfolio", 3, CONFIG, msgspec.json.decode(raw, type=PortfolioState)))
    out = []
    for message, now in floor.taken:
        out += again.start(now) if message is None else again.handle(message, now)
    assert [one.data for one in out] == floor.out
    assert sum(isinstance(one.effect, Publish) for one in out) > 10
    assert any(isinstance(one.effect, SetTimer) for one in out)


def test_the_settings_say_the_currencies_and_how_old_a_quote_may_be() -> None:
    """Of the first account unless another is wanted; in simulated time no quote grows old."""
    settings = Settings(
        account=(AccountSettings(id="a", currency="EUR", commission=2.0), AccountSettings(id="b")),
        session=(SessionSettings(id="s", account="b"),),
    )
    config = config_from(settings)
    assert (config.currency, config.max_tick_age_us, config.sim) == ("EUR", 60_000_000, False)
    assert config.accounts["a"] == AccountConfig("EUR", "paper", 2.0)
    assert config.sessions == {"s": Member("b", "ema_cross")}
    chosen = msgspec.structs.replace(
        settings, portfolio=PortfolioSettings(currency="GBP", max_tick_age_ms=5), feed=FeedSettings(speed=0)
    )
    assert (config_from(chosen).currency, config_from(chosen).max_tick_age_us) == ("GBP", 0)


def test_gold_is_not_valued_at_the_quote_of_another_venue() -> None:
    """A position's own venue counts."""
    floor = running()
    elsewhere = make_fill(make_terms(1, symbol="XAUUSD", venue="moon"), 7)
    floor.hear(elsewhere, account(positions=1), msgspec.structs.replace(GOLD, venue="moon")).wait()
    assert floor.paper().floating is None
    found = [one for one in floor.said if isinstance(one, PositionProfits | AccountState)]
    assert found != []
