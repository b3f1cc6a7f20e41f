"""Whose answers count, of servers that take updates and of those that must answer."""

from collections.abc import Sequence

import pytest

from app.domain.believed import Answers, Roles, heard, unheard
from app.domain.change import RRsetKey
from app.domain.expectation import Answer

KEY = RRsetKey("www.example.test", "A")
THERE = {KEY: Answer(300, frozenset({"192.0.2.1"}))}
MUTE = {KEY: Answer(None, frozenset(), "no connection")}


def said(*there: str, mute: Sequence[str] = ()) -> Answers:
    return {**dict.fromkeys(mute, MUTE), **dict.fromkeys(there, THERE)}


ALONE = Roles(["a"], {"a", "s"})
TWO = Roles(["a", "b"], {"a", "b", "s"})
HIDDEN = Roles(["a"], {"r", "s"})


@pytest.mark.parametrize(
    ("roles", "answers", "taker", "order", "primary"),
    [
        (ALONE, said("s", "a"), None, ["a", "s"], "a"),
        (ALONE, said("s", mute=["a"]), None, ["a", "s"], "a"),  # it must answer: nobody has looked
        (TWO, said("s", "b", "a"), None, ["a", "s", "b"], None),  # nobody knows which of them has taken it
        (TWO, said("s", "b", "a"), "b", ["b", "s", "a"], "b"),
        (TWO, said("s", "b", mute=["a"]), "a", ["b", "s"], None),
        (TWO, said("s", "a", mute=["b"]), "a", ["a", "s"], "a"),
        (TWO, said("s", mute=["a", "b"]), "b", ["b", "a", "s"], "b"),
        (HIDDEN, said("s", "r", "a"), None, ["a", "s", "r"], "a"),
        (HIDDEN, said("s", "r", mute=["a"]), None, ["s", "r"], None),
        (HIDDEN, said("s", mute=["r"]), None, ["r", "s"], None),  # a secondary is waited for
        (Roles(), said("s", "r"), None, ["s", "r"], None),
    ],
)
def test_who_is_believed(
    roles: Roles, answers: Answers, taker: str | None, order: list[str], primary: str | None
) -> None:
    found = heard(answers, roles, taker)
    assert (list(found.answers), found.primary) == (order, primary)
    left_out = {server for server in answers if server not in order}
    assert {each.server for each in unheard(answers, found.answers)} == left_out
