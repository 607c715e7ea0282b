"""Subject tokens: what people type comes back unchanged and never breaks a subject apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.token import token, untoken


@given(st.text(min_size=1))
def test_any_text_survives_the_way_through_a_token(text: str) -> None:
    """`untoken` is the inverse of `token` for every text that UTF-8 can carry."""
    assert untoken(token(text)) == text


@given(st.text(min_size=1))
def test_a_token_holds_nothing_that_a_subject_or_a_path_treats_specially(text: str) -> None:
    """Only letters, digits, underscore, hyphen and the escape's own characters remain."""
    assert re.fullmatch(r"(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+", token(text))


@given(st.text(alphabet="AZaz09_-=.2EG*> \n\xe9", min_size=1, max_size=8))
def test_only_the_tokens_that_token_makes_are_accepted(candidate: str) -> None:
    """Whatever `untoken` accepts is exactly what `token` gives for the result: no two tokens for one text."""
    try:
        text = untoken(candidate)
    except ValueError:
        return
    assert token(text) == candidate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EURUSD", "EURUSD"),
        ("EURUSD.r", "EURUSD=2Er"),
        ("a b*c>", "a=20b=2Ac=3E"),
        ("=", "=3D"),
        ("Zürich", "Z=C3=BCrich"),
        ("../etc", "=2E=2E=2Fetc"),
    ],
)
def test_known_texts_have_known_tokens(text: str, expected: str) -> None:
    """The escape is upper-case hex of each UTF-8 byte, as the documentation says."""
    assert token(text) == expected


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("", "expected"),
        ("a.b", "expected"),
        ("a=2e", "expected"),
        ("a=2", "expected"),
        ("a=", "expected"),
        ("a=41", "needs no escape"),
        ("=C3", "not UTF-8"),
        ("abc\n", "expected"),
    ],
)
def test_a_text_that_is_no_token_is_refused_with_the_reason(bad: str, reason: str) -> None:
    """Nothing is guessed: the error names the token and what is wrong with it."""
    with pytest.raises(ValueError, match=reason) as caught:
        untoken(bad)
    assert repr(bad) in str(caught.value)


@pytest.mark.parametrize(("bad", "reason"), [("", "empty"), ("\ud800", "Unicode")])
def test_a_text_that_cannot_be_a_token_is_refused(bad: str, reason: str) -> None:
    """An empty token would make the subject illegal and a lone surrogate has no bytes."""
    with pytest.raises(ValueError, match=reason):
        token(bad)
