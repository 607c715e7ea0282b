"""The app: what it does with keys, how often it draws, and how it ends."""

import asyncio

import pytest
from floorview import NOW, SECOND, floor_app, line_with, rows, screen_text
from textual.pilot import Pilot

from bus.clock import SimClock
from tui.app import FloorApp
from tui.floor_source import FloorAddress, FloorGone
from tui.screens.help import HelpScreen
from tui.view_state import View

SIZE = (80, 24)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_a_person_leaves_by_key(key: str) -> None:
    """Leaving is no failure."""
    app = floor_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(key)
    assert (app.failure, app.return_code) == ("", 0)


async def test_a_floor_that_is_gone_ends_the_app_with_its_text() -> None:
    """What the source says is what the command prints."""

    async def find() -> FloorAddress:
        raise FloorGone("no floor runs in var")

    app = FloorApp(find, title="var")
    async with app.run_test(size=SIZE) as pilot:
        await asyncio.wait_for(ended(app, pilot), 10)
    assert (app.failure, app.return_code) == ("no floor runs in var", 1)


async def test_a_defect_in_following_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """No traceback on the terminal; it is in the log."""

    async def find() -> FloorAddress:
        raise ZeroDivisionError("by nothing")

    app = FloorApp(find, title="var")
    async with app.run_test(size=SIZE) as pilot:
        await asyncio.wait_for(ended(app, pilot), 10)
    assert app.failure == "the floor can no longer be followed: ZeroDivisionError('by nothing')"
    assert app.return_code == 1
    assert "can no longer be followed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_a_defect_in_drawing_is_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The same for what a panel does with a view that it cannot show."""

    def broken(view: View) -> None:
        raise KeyError("a row")

    app = floor_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        monkeypatch.setattr(app.floor.panels[0], "show", broken)
        app.replica.view.dirty.add("quotes")
        app.redraw()
        await asyncio.wait_for(ended(app, pilot), 10)
    assert app.failure == "the screen can no longer be drawn: KeyError('a row')"
    assert "can no longer be drawn" in caplog.text


async def ended(app: FloorApp, pilot: Pilot[None]) -> None:
    """Wait until the app has ended by itself."""
    while app.return_code is None:
        await pilot.pause()


async def test_while_the_floor_is_sought_the_screen_is_there() -> None:
    """It says what it waits for instead of showing zeros."""

    async def find() -> FloorAddress:
        await asyncio.Event().wait()
        raise AssertionError

    app = FloorApp(find, title="var")
    async with app.run_test(size=SIZE) as pilot:
        app.look()
        await pilot.pause()
        text = "\n".join(screen_text(app))
        assert "Equity -" in text
        assert "Not known yet" in rows(app, "positions")[1]
        assert "0.00" not in text


async def test_a_panel_takes_the_whole_screen_and_gives_it_back() -> None:
    """Z zooms the panel with the keyboard, another number changes it, escape shows all again."""
    app = floor_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("2", "z")
        assert app.screen.query_one("#positions").region.width == 80
        assert not app.screen.query_one("#prices").display
        assert "Strategy" in rows(app, "positions")[1]
        await pilot.press("6")
        assert app.screen.query_one("#log").display
        assert not app.screen.query_one("#positions").display
        await pilot.press("escape")
        assert all(app.screen.query_one(f"#{name}").display for name in ("prices", "positions", "log"))
        assert app.screen.query_one("#log").region.width < 80
        await pilot.press("z", "z")
        assert app.screen.query_one("#prices").display


async def test_what_changes_behind_a_zoomed_panel_is_seen_afterwards() -> None:
    """Hidden panels are not drawn, but they do not stay behind."""
    app = floor_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("6", "z")
        app.replica.view.quotes["paper", "EURUSD"].bid = 1.55555
        app.replica.view.dirty.add("quotes")
        app.redraw()
        await pilot.press("z")
        await pilot.pause()
        assert "1.55555" in line_with(app, "EURUSD +1")


async def test_help_names_every_key() -> None:
    """Each key of the floor stands on the page, which opens and closes with the same key."""
    app = floor_app()
    async with app.run_test(size=(100, 60)) as pilot:
        keys = {binding.binding.key for binding in app.screen.active_bindings.values() if binding.node is app.screen}
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        page = "\n".join(screen_text(app))
        names = {"question_mark": "?", "shift+tab": "shift+tab"}
        for key in keys - {"ctrl+c", "super+c"}:  # Textual's own, to copy what the mouse has marked
            assert f" {names.get(key, key)}" in page, key
        await pilot.press("question_mark")
        assert not isinstance(app.screen, HelpScreen)


async def test_q_on_the_help_page_closes_only_the_page() -> None:
    """Nobody who reads the help ends the floor by it."""
    app = floor_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("question_mark", "q")
        assert not isinstance(app.screen, HelpScreen)
        assert app.is_running


async def test_the_palette_knows_our_commands() -> None:
    """What keys do can be found by name, and colours can be chosen."""
    app = floor_app()
    async with app.run_test(size=SIZE) as pilot:
        commands = {command.title: command.callback for command in app.get_system_commands(app.screen)}
        commands["Go to Actors"]()
        await pilot.pause()
        assert app.screen.query_one("#actors").has_focus_within
        commands["Colours: on a light ground"]()
        assert app.theme == "light"
        commands["Colours: the terminal's own"]()
        assert app.native_ansi_color


async def test_only_panels_whose_section_changed_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A price does not make the log or the positions be looked at."""
    app = floor_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.redraw()
        asked: list[str] = []
        for panel in app.floor.panels:
            monkeypatch.setattr(panel, "show", lambda view, name=panel.NAME: asked.append(name))
        app.replica.view.dirty.add("quotes")
        app.redraw()
        app.redraw()
        assert asked == ["Prices"]


@pytest.mark.parametrize(("asked", "used"), [(0, 1), (3, 3), (50, 10)])
def test_redraws_are_between_one_and_ten(asked: int, used: int) -> None:
    """More than ten a second nobody can read and a slow line cannot carry."""
    assert floor_app(redraws=asked).redraws == used


async def test_a_lost_link_is_said_in_words_and_gone_when_it_is_back() -> None:
    """The banner tells since when and of when the figures are."""
    app = floor_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert not app.floor.banner.display
        app.replica.link(False, "connection refused", NOW, "connecting")
        advance(app, 3)
        app.look()
        await pilot.pause()
        assert screen_text(app)[0].strip() == (
            "No link to the floor for 3 s: figures are of 22:13:20 (connection refused)"
        )
        assert "NO LINK" in screen_text(app)[1]
        assert app.screen.has_class("-stale")
        app.replica.link(True, "", NOW + 4 * SECOND, "live")
        app.redraw()
        await pilot.pause()
        assert not app.floor.banner.display
        assert not app.screen.has_class("-stale")


def advance(app: FloorApp, seconds: int) -> None:
    """Let the app's clock go on."""
    assert isinstance(app.clock, SimClock)
    app.clock.advance(app.clock.now() + seconds * SECOND)


async def test_a_floor_that_is_down_is_said_and_nothing_runs_in_it() -> None:
    """Another word than for a lost link; no actor is running or well any more, no session either."""
    app = floor_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.replica.standing("stopping", "", NOW)
        app.redraw()
        await pilot.pause()
        assert "The floor is being taken down" in screen_text(app)[0]
        app.replica.link(False, "the connection was lost", NOW, "connecting")
        for row in app.replica.view.actors.values():
            row.state = "stopped"
        app.redraw()
        await pilot.pause()
        text = screen_text(app)
        assert text[0].strip() == "The floor is down: figures are of 22:13:20"
        assert "DOWN" in text[1]
        assert "well" not in text[1]
        assert "session" not in text[1]
        assert "running" not in "\n".join(rows(app, "actors"))


async def test_without_a_link_the_actors_are_said_to_be_of_then() -> None:
    """Nobody knows whether they are well."""
    app = floor_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "Actors well" in screen_text(app)[0]
        app.replica.link(False, "connection refused", NOW, "connecting")
        app.redraw()
        await pilot.pause()
        assert "Actors as of then" in screen_text(app)[1]
        assert "as of 22:13:20" in rows(app, "actors")[0]


async def test_a_screen_that_cannot_keep_up_says_so() -> None:
    """It is neither live nor well."""

    def behind(view: View) -> None:
        view.link.behind, view.link.recent = True, 123_456

    app = floor_app(behind)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        text = screen_text(app)
        assert "This screen cannot keep up: 123,456 events missed in the last minute" in text[0]
        assert "BEHIND" in text[1]
        assert "well" not in text[1] + text[2]
        assert "live" not in text[1]


async def test_keys_that_arrive_together_are_one_after_the_other() -> None:
    """The panel that was jumped to is the one that is zoomed, though nothing was drawn between the two."""
    app = floor_app()
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.floor.action_panel(2)
        app.floor.action_zoom()
        await pilot.pause()
        assert app.screen.query_one("#positions").region.width == 80
        app.floor.action_panel(6)
        app.floor.action_zoom()
        app.floor.action_zoom()
        await pilot.pause()
        assert app.screen.query_one("#log").region.width == 80


async def test_help_says_how_much_was_missed_in_all() -> None:
    """The head counts the last minute only."""
    app = floor_app(lambda view: setattr(view.link, "gaps", 1_234))
    async with app.run_test(size=(100, 60)) as pilot:
        await pilot.press("question_mark")
        assert "Missed since this screen was opened: 1,234 events." in "\n".join(screen_text(app))


async def test_a_link_that_is_up_but_silent_is_said_too() -> None:
    """Nothing heard is not the same as nothing happened."""

    def silent(view: View) -> None:
        view.link.stale, view.link.reason = True, "nothing heard for 5 s"
        view.link.last_received = NOW - 5 * SECOND

    app = floor_app(silent)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert screen_text(app)[0].strip() == "Nothing heard from the floor for 5 s: figures are of 22:13:15"
