"""How far a stream has been read, with its holes and what lay under its numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.stream_progress import RING, Progress

_SEQUENCES = st.integers(1, 30)
_EPOCH = 2**40


@given(st.lists(st.tuples(st.sampled_from(["take", "give_back"]), _SEQUENCES)))
def test_it_knows_exactly_what_was_dealt_with(steps: list[tuple[str, int]]) -> None:
    """Against a plain set: each message is taken once, and again only when it was given back."""
    progress, taken, highest = Progress(), set[int](), 0
    for step, seq in steps:
        if step == "take":
            assert progress.take(seq, 1000 + seq) == (None if seq in taken else seq)
            taken.add(seq)
            highest = max(highest, seq)
        else:
            progress.give_back(seq)
            taken.discard(seq)
        assert progress.seq == highest
        assert {n for n in range(1, 40) if progress.wants(n)} == set(range(1, 40)) - taken
        assert progress.missing == len(set(range(1, highest + 1)) - taken)
        assert progress.gaps == sorted(progress.gaps)
        assert all(first <= last for first, last in progress.gaps)


def test_what_comes_in_order_leaves_no_gap() -> None:
    """The usual case needs no list at all."""
    progress = Progress()
    assert [progress.take(seq, seq) for seq in (1, 2, 3)] == [1, 2, 3]
    assert (progress.seq, progress.gaps) == (3, [])


def test_other_messages_under_known_numbers_are_no_repeats() -> None:
    """A stream that lost its end gives its numbers again: what comes is new, and its place is above all before."""
    progress = Progress()
    for seq in range(1, 11):
        progress.take(seq, seq)
    assert progress.take(7, 7) is None
    places = [progress.take(seq, 100 + seq) for seq in (8, 9, 10, 11)]
    assert places == [_EPOCH + seq for seq in (8, 9, 10, 11)]
    assert [progress.take(seq, 100 + seq) for seq in (8, 9, 10, 11)] == [None] * 4
    assert progress.take(7, 7) is None
    assert (progress.seq, progress.epoch, progress.gaps) == (11, 1, [])


def test_a_stream_that_loses_its_end_twice_goes_up_twice() -> None:
    """Each time the places go on above."""
    progress = Progress()
    for seq in range(1, 6):
        progress.take(seq, seq)
    assert progress.take(5, 105) == _EPOCH + 5
    assert progress.take(5, 205) == 2 * _EPOCH + 5


def test_a_stream_that_was_made_anew_begins_anew() -> None:
    """Its first numbers lie far behind the last ones known: nothing of it is taken for a repeat, nothing is missing."""
    progress = Progress()
    for seq in range(1, 2 * RING):
        progress.take(seq, seq)
    assert [progress.take(seq, -seq) for seq in (1, 2, 3)] == [_EPOCH + seq for seq in (1, 2, 3)]
    assert (progress.seq, progress.gaps) == (3, [])
    assert len(progress.marks) <= RING


@given(st.sets(_SEQUENCES), st.integers(1, 20))
def test_given_again_from_the_first_missing_one_exactly_what_is_missing_is_taken(taken: set[int], oldest: int) -> None:
    """Whatever the stream still has; what was purged from it is not waited for."""
    progress = Progress()
    for seq in sorted(taken, key=lambda seq: seq % 7):
        progress.take(seq, seq)
    first = progress.first_missing(oldest)
    again = {seq for seq in range(first, 41) if progress.take(seq, seq) is not None}
    assert again == set(range(oldest, 41)) - taken
    assert progress.epoch == 0


def test_a_gap_that_is_older_than_the_marks_is_for_good() -> None:
    """To give everything again from there would look like another stream, and double what it projects to."""
    progress = Progress()
    for seq in (1, *range(4, RING + 20)):
        progress.take(seq, seq)
    again = progress.first_missing(1)
    assert again == RING + 20
    assert progress.take(again - RING, again - RING) is None
    assert progress.take(3, 3) == 3
    assert progress.take(4, 4) == _EPOCH + 4
