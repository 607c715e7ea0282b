"""The recorder and its consumers: the same tables in whatever order and however often the messages come."""

from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from recording import NOW, Play, account, deal, flow, messages_of_all, orders, played, updates

from schemas.health import Alert
from schemas.order import OrderUpdate


@settings(max_examples=60)
@given(pick=st.data())
def test_the_tables_do_not_depend_on_the_order_or_number_of_deliveries(pick: st.DataObject) -> None:
    """A consumer gives unacked messages again, later and more than once: the same rows, and nothing is missing."""
    parts = [
        *updates("s-1-5", "buy", deal(11, 11, "in", 0.1, 1.1)),
        *updates("s-1-6", "buy", deal(12, 11, "in", 0.2, 1.3)),
        *updates("s-1-7", "buy", deal(13, 11, "in", 0.3, 1.7)),
        *updates("s-1-8", "sell", deal(14, 11, "out", 0.6, 1.8)),
    ]
    messages = [*messages_of_all(), *(("ORDERS", seq, event) for seq, event in enumerate(parts, len(orders()) + 1))]
    shuffled = pick.draw(st.permutations(messages))
    again = pick.draw(st.lists(st.sampled_from(messages), max_size=10))
    play = Play()
    for message in [*shuffled, *again]:
        assert play.give(*message)
    assert play.tables() == played(messages).tables()
    assert play.recorder.gauges() == {"orders_seq": len(orders()) + 12, "flow_seq": len(flow()), "missing": 0}
    assert play.rows("SELECT * FROM stream_gaps") == []


def test_an_update_of_an_older_router_changes_nothing() -> None:
    """A newer router's word counts, and an ended order stays ended, as for every other reader."""
    submitting, accepted, filled = updates("s-1-1", "buy", deal(1, 1, "in", 0.2, 1.1), incarnation=2)
    late = msgspec.structs.replace(accepted, incarnation=1, revision=9, reason="an old router")
    after = msgspec.structs.replace(submitting, incarnation=3, reason="after the end")
    play = played([("ORDERS", 1, submitting), ("ORDERS", 2, late)])
    assert play.rows("SELECT state, revision FROM orders") == [{"state": "submitting", "revision": 1}]
    assert play.give("ORDERS", 3, filled)
    assert play.give("ORDERS", 4, after)
    assert play.rows("SELECT state, revision FROM orders") == [{"state": "filled", "revision": 3}]


def test_a_message_that_comes_again_is_only_acked() -> None:
    """No statement runs for it, also after a restart with the same file."""
    play = played(messages_of_all())
    before = play.connection.total_changes
    assert all(play.give(*message) for message in messages_of_all())
    assert play.connection.total_changes == before


def test_a_message_that_a_killed_recorder_left_is_taken_although_newer_ones_came_first(tmp_path: Path) -> None:
    """After a restart new messages come at once and the unacked one later: it is not taken for a repeat."""
    play = Play(tmp_path / "x.sqlite")
    messages = messages_of_all()
    left = messages[4]
    for message in messages[:4]:
        play.give(*message)
    play.connection.close()
    play.start()
    for message in messages[5:9]:
        assert play.give(*message)
    play.connection.close()
    play.start()
    assert play.recorder.gauges()["missing"] == 1
    for message in [left, *messages[9:]]:
        assert play.give(*message)
    assert play.tables() == played(messages).tables()
    assert play.recorder.gauges()["missing"] == 0


def test_a_stream_that_lost_its_end_with_the_server_is_followed(tmp_path: Path) -> None:
    """FLOW is written asynchronously: after a killed server other messages have its last numbers. They are recorded,
    replace what is older, and do not wipe out what was recorded of those that are gone; also after a restart.
    """
    play = Play(tmp_path / "x.sqlite")
    alerts = [
        Alert(time=NOW + n, sequence=n, severity="info", code="a", text=str(n), actor="guard") for n in range(1, 9)
    ]
    for seq, event in enumerate([*alerts[:4], account(1)], 1):
        assert play.give("FLOW", seq, event)
    play.connection.close()
    play.start()
    for seq, event in enumerate([account(2), *alerts[4:]], 4):
        assert play.give("FLOW", seq, event)
    assert [row["text"] for row in play.rows("SELECT text FROM monitoring_events ORDER BY seq")] == list("12345678")
    assert play.rows("SELECT positions FROM accounts") == [{"positions": 2}]
    assert play.recorder.gauges() == {"orders_seq": 0, "flow_seq": 8, "missing": 0}
    play.connection.close()
    play.start()
    before = play.connection.total_changes
    assert play.give("FLOW", 4, account(2))
    assert play.connection.total_changes == before


def test_a_failed_store_is_not_acked_and_made_good_later(tmp_path: Path) -> None:
    """What could not be stored is wanted again, also when the recorder restarts in between."""
    play = Play(tmp_path / "x.sqlite")
    messages = messages_of_all()
    play.give(*messages[0])
    play.connection.execute("CREATE TRIGGER full BEFORE INSERT ON orders BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    failed = [message for message in messages[1:5] if not play.give(*message)]
    assert [type(event) for _, _, event in failed] == [OrderUpdate] * 3
    play.connection.execute("DROP TRIGGER full")
    assert play.give(*messages[5])
    assert play.recorder.gauges()["missing"] == 3
    play.connection.close()
    play.start()
    assert play.recorder.gauges()["missing"] == 3
    for message in [*failed, *messages[6:]]:
        assert play.give(*message)
    assert play.tables() == played(messages).tables()
    assert play.rows("SELECT * FROM stream_gaps") == []


def test_a_late_message_that_fails_once_leaves_no_gap_behind() -> None:
    """Filling a hole is undone by the failure and done by the next try, in the database as well."""
    play = Play()
    for seq in (1, 3):
        assert play.give("FLOW", seq, account(seq))
    play.connection.execute("CREATE TRIGGER full BEFORE UPDATE ON accounts BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    play.connection.execute("CREATE TRIGGER more BEFORE INSERT ON accounts BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    assert not play.give("FLOW", 2, account(2))
    play.connection.execute("DROP TRIGGER full")
    play.connection.execute("DROP TRIGGER more")
    assert play.give("FLOW", 2, account(2))
    assert play.rows("SELECT * FROM stream_gaps") == []
