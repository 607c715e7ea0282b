"""The order path under kills, losses, repeats and two routers at once: nothing lost, nothing doubled, books equal."""

import random
from pathlib import Path
from typing import Any

import pytest
from harness import Choices
from hypothesis import given, settings
from hypothesis import strategies as st
from orderfloor import OrderFloor

from actors import paper
from actors.effects import EventIn
from actors.gateways import Gateways
from actors.paper import Paper
from actors.paper_book import Entry, statements
from actors.router_state import Live
from schemas.order import OrderState, VenueAnswer, VenueOrder

FAULTS = (
    (202, "lost on the way"),
    (212, "the asker gave up, the request arrives all the same"),
    (220, "stored, the ack is lost"),
    (231, "the stream is full"),
    (245, "the disk is full"),
    (250, "an error at the commit, which did not happen"),
    (252, "an error at the commit, which did happen"),
    (255, "kill -9 in front of the effect"),
)


def fought(folder: Path, data: bytes, *, sim: bool = False) -> OrderFloor:
    """A floor that went through all this, came to rest and was checked."""
    folder.mkdir(exist_ok=True)
    for left in folder.glob("book.sqlite*"):
        left.unlink()
    floor = OrderFloor(folder, Choices(data), sim=sim)
    try:
        floor.run()
        floor.check()
    finally:
        floor.close()
    return floor


def rough(seed: int) -> bytes:
    """Bytes for one fight: uniform for every fifth seed, ever milder for the others (below 185 nothing breaks)."""
    chance = random.Random(seed)
    mild = seed % 5 / 5
    return bytes(chance.randrange(185) if chance.random() < mild else byte for byte in chance.randbytes(300))


def finds(folder: Path, wanted: str, runs: int = 400) -> bool:
    """Whether one of so many fights ends with a failure that says `wanted`."""
    for seed in range(runs):
        try:
            fought(folder, rough(seed))
        except AssertionError as error:
            if wanted in str(error):
                return True
    return False


def test_an_order_without_trouble_is_filled(tmp_path: Path) -> None:
    """The harness itself: one clearance, one execution, one FILLED."""
    floor = fought(tmp_path, bytes([150]))
    assert [update.state for update in floor.updates().values()] == [OrderState.FILLED]
    assert len(floor.fills) == 1
    assert floor.alerts == []


@pytest.mark.parametrize(("fault", "what"), FAULTS, ids=[what for _, what in FAULTS])
def test_one_fault_at_any_point_harms_nothing(tmp_path: Path, fault: int, what: str) -> None:
    """Two orders, with this fault in front of every single effect of router and gateway in turn."""
    script = bytearray([150, *[0] * 30, 150, *[0] * 40])
    for at in range(len(script)):
        data = bytearray(script)
        data[at] = fault
        fought(tmp_path, bytes(data), sim=at % 2 == 1)


@settings(max_examples=250)
@given(data=st.binary(min_size=50, max_size=500), sim=st.booleans())
def test_whatever_happens_nothing_is_lost_and_nothing_doubled(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, sim: bool
) -> None:
    """Hypothesis chooses deliveries, drops, repeats, kills, freezes, broken links, full disks and how time passes."""
    fought(tmp_path_factory.getbasetemp() / "fought", data, sim=sim)


@pytest.mark.parametrize("part", range(4))
def test_long_random_fights_end_with_equal_books(tmp_path: Path, part: int) -> None:
    """Random bytes are rougher than what Hypothesis likes to make."""
    for seed in range(part * 75, part * 75 + 75):
        fought(tmp_path, rough(seed), sim=seed % 3 == 0)


# ---- planted bugs: the checker must find them


def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway does not look whether it has executed an id; its book looks neither at that nor at who writes."""
    order = Paper._order  # noqa: SLF001 - planting a bug

    def without_check(self: Paper, message: EventIn, event: VenueOrder, now: int) -> None:
        if event.action == "submit":
            self.state.orders.pop(event.order, None)
        order(self, message, event, now)

    def without_key(entry: Entry) -> Any:
        made = [statement for statement in statements(entry) if "'owner'" not in statement[0]]
        return [(sql.replace("INSERT INTO orders", "INSERT OR IGNORE INTO orders"), row) for sql, row in made]

    monkeypatch.setattr(Paper, "_order", without_check)
    monkeypatch.setattr(paper, "statements", without_key)


def test_executing_an_id_twice_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the id check a repeated request is a second deal."""
    forgetful(monkeypatch)
    assert finds(tmp_path, "executed 2 times")


def test_submitting_again_instead_of_asking_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A router that sends an order again after a timeout, to a gateway that trusts it."""
    forgetful(monkeypatch)
    monkeypatch.setattr(OrderFloor, "repeat_request", lambda self: None)

    def again(self: Gateways, live: Live, error: str, now: int) -> None:
        if live.update.state == OrderState.SUBMITTING:
            self.submit(live, now)

    monkeypatch.setattr(Gateways, "lost", again)
    assert finds(tmp_path, "executed 2 times")


def test_a_restart_that_submits_again_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot even: the guard's signature is not in the stream, and the gateway calls it forged."""
    monkeypatch.setattr(Gateways, "lookup", lambda self, live: self.submit(live, live.update.terms.submitted_at))
    assert finds(tmp_path, "forged")


def test_a_lost_outbox_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that forgets at its start what the stream does not have."""
    start = Paper.on_start

    def without_outbox(self: Paper, now: int) -> Any:
        self.state.outbox.clear()
        return start(self, now)

    monkeypatch.setattr(Paper, "on_start", without_outbox)
    assert finds(tmp_path, "reports are in the stream")


def test_an_answer_before_the_book_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that executes in memory only."""

    def nothing(entry: Entry) -> Any:
        return ()

    monkeypatch.setattr(paper, "statements", nothing)
    assert finds(tmp_path, "was reported as filled, the book says None")


def test_taking_silence_for_a_refusal_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A router that writes REJECTED when no answer comes."""
    answered = Gateways.answered

    def refused(self: Gateways, live: Live, error: str, now: int) -> None:
        answered(self, live, VenueAnswer(order=live.update.order, known=False, refused=error), now)

    monkeypatch.setattr(Gateways, "lost", refused)
    assert finds(tmp_path, "rejected, the book: filled")
