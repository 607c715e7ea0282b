"""How far a stream has been read, with its holes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.stream_progress import Progress

_SEQUENCES = st.integers(1, 30)


@given(st.lists(st.tuples(st.sampled_from(["take", "give_back"]), _SEQUENCES)))
def test_it_knows_exactly_what_was_dealt_with(steps: list[tuple[str, int]]) -> None:
    """Against a plain set: every number below the highest is wanted unless it was taken and not given back."""
    progress, taken, highest = Progress(), set[int](), 0
    for step, seq in steps:
        if step == "take":
            before = list(progress.gaps)
            assert progress.take(seq) == (progress.gaps != before)
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
    assert [progress.take(seq) for seq in (1, 2, 3)] == [False, False, False]
    assert (progress.seq, progress.gaps) == (3, [])
