"""The floor's screen at every size: nothing clipped, nothing invented, and the pictures of a frozen floor."""

import os
import re

import pytest
from floorview import NOW, SECOND, floor_app, line_with, position, quote, rows, screen_text
from screenshots import KEPT, PICTURE, SHOTS, Shot, settled, taken

from schemas.account import ProfitLoss
from schemas.command import RiskState
from tui.view_state import ActorRow, LogRow, View

SIZES = [(40, 20), (80, 24), (120, 40), (200, 60)]
EVIL = "[red]not[/red] \x1b[31m\u202eabc\n\t]"


@pytest.mark.parametrize("size", SIZES)
async def test_every_figure_is_whole_at_every_size(size: tuple[int, int]) -> None:
    """Columns are left out, figures are never cut: not even the longest."""

    def huge(view: View) -> None:
        view.profits["portfolio", "floor"] = ProfitLoss(
            scope="portfolio",
            id="floor",
            currency="USD",
            realised=-1234567890.12,
            floating=-1234567.5,
            equity=1234567890.12,
            balance=9876543210.0,
        )
        view.positions["demo", 1].profit = -1234567890.12

    app = floor_app(huge)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        text = "\n".join(screen_text(app))
        for figure in ("1,234,567,890.12 USD", "9,876,543,210.00", "-1,234,567.50", "Realised -1,234,567,890.12"):
            assert figure in text
        for name in ("1", "2", "3", "4", "5", "6"):
            await pilot.press(name)
            await pilot.pause()
        await pilot.press("2")
        await pilot.pause()
        assert any("-1,234,567,890.12" in line for line in rows(app, "positions"))
        await pilot.press("z")
        await pilot.pause()
        assert any("-1,234,567,890.12" in line for line in rows(app, "positions"))


@pytest.mark.parametrize("size", SIZES)
async def test_every_panel_can_be_reached(size: tuple[int, int]) -> None:
    """With its number, and then its first rows are in sight."""
    app = floor_app()
    async with app.run_test(size=size) as pilot:
        for panel in app.floor.panels:
            await pilot.press(str(panel.NUMBER))
            await pilot.pause()
            assert f">{panel.NUMBER} {panel.NAME}" in "\n".join(screen_text(app))


async def test_tab_goes_through_the_panels_in_their_order() -> None:
    """And round again."""
    app = floor_app()
    async with app.run_test(size=(120, 40)) as pilot:
        order = []
        for _ in range(7):
            order.append(next(panel.NUMBER for panel in app.floor.panels if panel.has_focus_within))
            await pilot.press("tab")
            await pilot.pause()
        assert order == [1, 2, 3, 4, 5, 6, 1]


async def test_resizing_keeps_what_is_shown() -> None:
    """From wide to narrow and back the same figures come back."""
    app = floor_app()
    async with app.run_test(size=(200, 60)) as pilot:
        await pilot.pause()
        before = screen_text(app)
        for size in [(40, 20), (80, 24), (120, 40), (200, 60)]:
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert "10,012.34 USD" in "\n".join(screen_text(app))
        assert screen_text(app) == before


async def test_nothing_is_wider_than_the_terminal() -> None:
    """Long names are cut with an ellipsis, never the line."""

    def long(view: View) -> None:
        view.quotes["paper", "A"] = quote("A_SYMBOL_WITH_A_NAME_THAT_HAS_NO_END.cash#2", 1.5)
        view.actors["a"] = ActorRow("an_actor_with_a_name_that_is_far_too_long", "dead", "no beat " * 20)

    app = floor_app(long)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert {len(line) for line in screen_text(app)} == {80}
        assert "…" in line_with(app, "A_")
        assert "1.50000" in line_with(app, "A_")


async def test_text_from_events_is_only_text() -> None:
    """Neither markup nor what a terminal acts upon gets through, wherever a text comes from."""

    def evil(view: View) -> None:
        view.quotes.clear()
        view.quotes["paper", EVIL] = quote(EVIL, 1.5)
        row = position(1)
        row.symbol = row.session = row.strategy = row.account = row.currency = EVIL
        view.positions["demo", 1] = row
        view.actors[EVIL] = ActorRow(EVIL, EVIL, EVIL)
        view.log.append(LogRow(NOW, EVIL, EVIL, EVIL, EVIL))
        view.link.up, view.link.reason = False, EVIL
        view.risk["session", EVIL] = RiskState(scope="session", id=EVIL, state="halted", epoch=1)

    app = floor_app(evil)
    app.floor.summary.title = EVIL
    async with app.run_test(size=(200, 60)) as pilot:
        await pilot.pause()
        lines = screen_text(app)
        assert len(lines) == 60
        assert all(line.isprintable() for line in lines)
        assert "".join(lines).count("[red]not[/red]") > 5
        assert "[red]not[/red] ·[31m·abc  ]" in lines[0]


async def test_what_is_not_known_is_a_dash() -> None:
    """A position without a quote has no profit, a floor whose balance was not read has none: neither is zero."""

    def unknown(view: View) -> None:
        view.profits["portfolio", "floor"] = ProfitLoss(scope="portfolio", id="floor", currency="USD", realised=0.0)
        view.positions.clear()
        view.positions["demo", 3] = position(3, None)

    app = floor_app(unknown)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        money = line_with(app, "Equity -")
        assert re.search(r"Equity - USD +Balance - +Open P/L - +Realised 0\.00", money)
        assert rows(app, "positions")[2].rstrip().endswith(" -")


async def test_volumes_have_no_dust_and_signs_are_there() -> None:
    """0.1 + 0.2 lots are 0.30, a gain has a plus."""
    app = floor_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        panel = "\n".join(rows(app, "positions"))
        assert " 0.30 " in panel
        assert "+12.50" in panel
        assert "-1,234.50" in panel


async def test_figures_stand_in_the_same_place_while_they_change() -> None:
    """A figure that gets shorter moves nothing."""
    app = floor_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        row = app.replica.view.positions["demo", 2]
        before = rows(app, "positions")[1]
        row.profit = -1.0
        app.replica.view.dirty.add("positions")
        app.redraw()
        await pilot.pause()
        assert rows(app, "positions")[1] == before
        assert re.search(r" {5,}-1\.00 ", "\n".join(rows(app, "positions")))


async def test_an_empty_floor_says_so() -> None:
    """Each panel has a sentence, and it is another one while nothing was read yet."""

    def empty(view: View) -> None:
        for section in (view.quotes, view.positions, view.orders, view.fills, view.actors, view.log, view.curve):
            section.clear()

    app = floor_app(empty)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        text = "\n".join(screen_text(app))
        for sentence in ("No prices", "No positions", "No orders and no fills", "No actor has been heard yet"):
            assert sentence in text
        assert "Nothing reported yet" in text
        app.replica.view.link.phase = "reading"
        app.replica.view.dirty.add("link")
        app.redraw()
        await pilot.pause()
        text = "\n".join(screen_text(app))
        assert "No positions" not in text
        assert "Not known yet" in text


@pytest.mark.parametrize("size", SIZES)
async def test_amounts_of_several_currencies_carry_theirs(size: tuple[int, int]) -> None:
    """At every width; with one currency the rows need none."""

    def two(view: View) -> None:
        view.positions.clear()
        view.positions["demo", 1], view.positions["swiss", 2] = position(1, 12.5), position(2, -7.0)
        view.positions["swiss", 2].currency = "CHF"
        for number, fill in enumerate(view.fills):
            fill.currency, fill.profit, fill.entry = ("CHF", "USD", "")[number % 3], 3.5, "out"

    app = floor_app(two)
    async with app.run_test(size=size) as pilot:
        await pilot.press("2")
        await pilot.pause()
        text = "\n".join(rows(app, "positions"))
        assert "+12.50 USD" in text
        assert "-7.00 CHF" in text
        await pilot.press("f", "f", "3", "z")
        await pilot.pause()
        text = "\n".join(rows(app, "orders"))
        assert "+3.50 CHF" in text
        assert "+3.50 USD" in text
        assert "+3.50 ?" in text
    app = floor_app()
    async with app.run_test(size=size) as pilot:
        await pilot.press("2")
        await pilot.pause()
        assert "+12.50 USD" not in "\n".join(rows(app, "positions"))


async def test_the_newest_hundred_fills_are_called_so() -> None:
    """There may have been more."""

    def many(view: View) -> None:
        view.fills += [view.fills[0]] * 94

    app = floor_app(many)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "newest 100 fills" in rows(app, "orders")[0]


@pytest.mark.parametrize("title", ["/srv/a/folder/with/a/long/name/of/a/floor", "var"])
async def test_the_head_keeps_to_two_lines(title: str) -> None:
    """At 80 columns, with a long folder and something wrong: the title gives way, what is wrong does not."""

    def wrong(view: View) -> None:
        view.link.recent, view.link.left_out = 12_345, 17
        view.actors["watch"].state = "late"

    app = floor_app(wrong)
    app.floor.summary.title = title
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        text = screen_text(app)
        for fact in ("Pitwire", "live 22:13:20 UTC", "Risk active", "1 LATE", "12,345 missed", "17 not shown"):
            assert fact in text[0]
        assert "Equity" in text[1]
        assert "1 Prices" in text[2]


async def test_columns_stand_still_from_the_first_price_on() -> None:
    """Room for the figures and the chart is there before they are."""

    def early(view: View) -> None:
        for row in view.quotes.values():
            row.history, row.bid, row.ask, row.digits = row.history[:1], 1.1, 1.1, None

    app = floor_app(early)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        before = rows(app, "prices")[1]
        row = app.replica.view.quotes["paper", "EURUSD"]
        row.bid, row.ask, row.digits, row.history = 1.12345, 1.12357, 5, [1.1] * 60
        app.replica.view.dirty.add("quotes")
        app.redraw()
        await pilot.pause()
        assert rows(app, "prices")[1] == before
        assert "1.12345" in line_with(app, "EURUSD +1")


async def test_titles_of_columns_are_never_cut() -> None:
    """A column that has no room for its name is left out."""
    for width in (40, 80, 104, 200):
        app = floor_app()
        async with app.run_test(size=(width, 40)) as pilot:
            await pilot.pause()
            for panel in ("positions", "orders", "actors", "prices"):
                assert "…" not in rows(app, panel)[1]


async def test_two_thousand_positions_are_scrolled_not_built() -> None:
    """Only rows in sight are made; the last is one key away."""

    def many(view: View) -> None:
        view.positions.clear()
        for ticket in range(2_000):
            view.positions["demo", ticket] = position(ticket, float(ticket))

    app = floor_app(many)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("2")
        await pilot.pause()
        assert "2,000 positions" in rows(app, "positions")[0]
        await pilot.press("end")
        await pilot.pause()
        assert "+1,999.00" in rows(app, "positions")[-1]
        app.replica.view.positions["demo", 1_999].profit = -7.0
        app.replica.view.dirty.add("positions")
        app.redraw()
        await pilot.pause()
        assert "-7.00" in rows(app, "positions")[-1]
        assert "+1,998.00" in rows(app, "positions")[-2]


async def test_rows_that_go_leave_nothing_behind() -> None:
    """A closed position's line is empty again."""
    app = floor_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        app.replica.view.positions.clear()
        app.replica.view.dirty.add("positions")
        app.redraw()
        await pilot.pause()
        lines = rows(app, "positions")
        assert lines[1].strip() == "No positions"
        assert not "".join(lines[2:]).strip()


async def test_missed_events_are_marked_on_their_row() -> None:
    """With a star, not by colour alone, and in the head how many."""

    def missed(view: View) -> None:
        view.quotes["paper", "EURUSD"].missed = 2
        view.link.recent = 2

    app = floor_app(missed)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert rows(app, "prices")[2].startswith("*EURUSD")
        assert "2 missed" in screen_text(app)[0]


async def test_the_log_follows_its_end_unless_it_is_scrolled() -> None:
    """New entries come into sight; whoever reads an old one is left alone and told so."""
    app = floor_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "entry 39" in rows(app, "log")[-1]
        add(app.replica.view, "newest 1")
        app.redraw()
        await pilot.pause()
        assert "newest 1" in rows(app, "log")[-1]
        await pilot.press("6", "home")
        await pilot.pause()
        add(app.replica.view, "newest 2")
        app.redraw()
        await pilot.pause()
        assert "entry 0" in rows(app, "log")[1]
        assert "scrolled" in rows(app, "log")[0]
        await pilot.press("end")
        add(app.replica.view, "newest 3")
        app.redraw()
        await pilot.pause()
        assert "newest 3" in rows(app, "log")[-1]
        assert "scrolled" not in rows(app, "log")[0]


def add(view: View, text: str, level: str = "info") -> None:
    """One more entry."""
    view.log.append(LogRow(NOW, level, "guard", text))
    view.dirty.add("log")


async def test_rows_that_were_left_out_of_the_log_are_counted() -> None:
    """In the row that stands for them."""

    def flood(view: View) -> None:
        view.log.append(LogRow(NOW, "warning", "main", "refused", "refused", 37))

    app = floor_app(flood)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "main: refused ... and 37 more like it" in rows(app, "log")[-1]


async def test_the_log_from_a_level_up() -> None:
    """L hides what is less important and says so; at the end of the round all is back."""
    app = floor_app(lambda view: add(view, "the limit is near", "warning"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("l", "l")
        await pilot.pause()
        text = "\n".join(rows(app, "log"))
        assert "the limit is near" in text
        assert "entry" not in text.split("\n", 1)[1]
        assert "from WARN up" in text
        await pilot.press("l")
        await pilot.pause()
        assert "Nothing of level error or above" in "\n".join(rows(app, "log"))
        await pilot.press("l")
        await pilot.pause()
        assert "entry 39" in "\n".join(rows(app, "log"))


async def test_orders_and_fills_can_be_narrowed() -> None:
    """F shows only working orders, then only fills, then both."""
    app = floor_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        both = "\n".join(rows(app, "orders"))
        assert "UNKNOWN" in both
        assert "closed" in both
        assert "0.25/1.00" in both
        await pilot.press("f")
        await pilot.pause()
        assert "closed" not in "\n".join(rows(app, "orders"))
        await pilot.press("f")
        await pilot.pause()
        fills = "\n".join(rows(app, "orders")[1:])
        assert "UNKNOWN" not in fills
        assert "closed" in fills


async def test_the_worst_actor_comes_first_and_into_the_head() -> None:
    """What is wrong is in sight whatever the size."""

    def dead(view: View) -> None:
        view.actors["watch"].state, view.actors["watch"].reason = "dead", "killed by signal 9"
        view.actors["watch"].beat_at = NOW - 75 * SECOND

    app = floor_app(dead)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert re.match(r"watch +DEAD +1 min killed by", rows(app, "actors")[2])
        assert "1 DEAD" in screen_text(app)[0]
        assert "well" not in screen_text(app)[0]


async def test_an_actor_that_says_it_is_troubled_is_not_well() -> None:
    """It beats, so it lives; what it does is its trouble, and the head names it."""

    def troubled(view: View) -> None:
        view.actors["watch"].doing = "troubled: strategy raises"

    app = floor_app(troubled)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert re.match(r"watch +TROUBLED +.*troubled: str", rows(app, "actors")[2])
        assert "1 TROUBLED" in screen_text(app)[0]
        assert "well" not in screen_text(app)[0]


async def test_a_halted_scope_is_named_in_the_head() -> None:
    """The worst trading state of any scope is shown, in capitals."""

    def halted(view: View) -> None:
        view.risk["account", "demo"] = RiskState(scope="account", id="demo", state="halted", epoch=2)

    app = floor_app(halted)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "Risk HALTED account demo" in screen_text(app)[0]


async def test_without_colours_the_same_text_stands_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR takes no information away."""
    plain = floor_app()
    async with plain.run_test(size=(120, 40)) as pilot:
        await settled(plain, pilot)
        coloured = screen_text(plain)
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    app = floor_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(app, pilot)
        assert app.no_color
        assert screen_text(app) == coloured


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
async def test_the_frozen_floor_looks_as_it_did(shot: Shot) -> None:
    """A picture that changed is looked at, and then drawn anew with `make picture`."""
    kept = (KEPT / f"{shot.name}.svg").read_text(encoding="utf-8")
    assert await taken(shot) == kept, f"{shot.name} looks different; look at it, then `make picture`"


def test_the_picture_in_the_documentation_is_one_of_them() -> None:
    """It is drawn from the same frozen floor."""
    assert PICTURE.read_text(encoding="utf-8") == (KEPT / "floor-120x40.svg").read_text(encoding="utf-8")
