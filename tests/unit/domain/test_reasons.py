"""Reasons are limited, and say how many others there are."""

from app.domain.errors import Reason
from app.domain.reasons import MORE, at_most, share


def some(number: int) -> list[Reason]:
    return [Reason(("x", index), "bad", "is bad") for index in range(number)]


def test_few_are_left_as_they_are() -> None:
    assert at_most(3, some(3)) == some(3)
    assert at_most(3, []) == []


def test_many_are_cut_and_counted() -> None:
    assert at_most(3, some(7)) == [*some(3), Reason((), MORE, "and 4 more")]
    assert at_most(3, some(3), left_out=5)[-1].message == "and 5 more"


def test_what_was_cut_is_cut_again() -> None:
    assert at_most(2, at_most(4, some(9))) == [*some(2), Reason((), MORE, "and 7 more")]
    assert at_most(0, some(9)) == [Reason((), MORE, "and 9 more")]


def test_every_item_has_one_before_any_has_two() -> None:
    assert share(10, [1, 0, 3]) == [1, 0, 3]
    assert share(4, [5, 0, 3, 1]) == [2, 0, 1, 1]
    assert share(2, [5, 0, 3, 1]) == [1, 0, 1, 0]
