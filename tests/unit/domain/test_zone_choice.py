"""The zone that a change names itself: above a delegation, say."""

import pytest

from app.domain.change import Action
from app.domain.rdata import RecordType
from app.domain.zone_choice import choose_zone, served_child

SERVED = {"example.test", "child.example.test", "deep.child.example.test"}


@pytest.mark.parametrize(
    ("name", "record_type", "asked", "expected"),
    [
        ("child.example.test", "NS", "example.test", "example.test"),
        ("child.example.test", "NS", "EXAMPLE.test.", "example.test"),
        ("child.example.test", "DS", "example.test", "example.test"),
        ("ns.child.example.test", "A", "example.test", "example.test"),
        ("child.example.test", "AAAA", "example.test", "example.test"),
        ("ns.deep.child.example.test", "A", "example.test", "example.test"),
        ("child.example.test", "TXT", "child.example.test", "child.example.test"),
        ("www.example.test", "TXT", "example.test", "example.test"),
        ("deep.child.example.test", "NS", "child.example.test", "child.example.test"),
        ("child.example.test", "TXT", "example.test", ["not_parent_side"]),
        ("www.child.example.test", "CNAME", "example.test", ["not_parent_side"]),
        ("www.child.example.test", "NS", "example.test", ["not_parent_side"]),
        ("deep.child.example.test", "DS", "example.test", ["not_parent_side"]),
        ("child.example.test", "DNAME", "example.test", ["not_parent_side"]),
        ("www.example.test", "A", "child.example.test", ["not_in_zone"]),
        ("www.badexample.test", "A", "example.test", ["not_in_zone"]),
        ("www.example.test", "A", "test", ["zone_unknown"]),
        ("www.example.test", "A", "www.example.test", ["zone_unknown"]),
        ("www.example.test", "A", "", ["name_empty"]),
        ("www.example.test", "A", "a b..test", ["name_invalid"]),
    ],
)
def test_the_zone_that_is_asked_for(
    name: str, record_type: str, asked: str, expected: str | list[str]
) -> None:
    choice = choose_zone(Action.CREATE, name, RecordType(record_type), asked, SERVED)
    assert ([reason.code for reason in choice.reasons] or choice.zone) == expected


def test_what_lies_wrongly_above_a_cut_can_be_deleted() -> None:
    choice = choose_zone(Action.DELETE, "www.child.example.test", RecordType.TXT, "example.test", SERVED)
    assert choice == ("example.test", ())


def test_the_cut_of_a_zone_is_at_the_zone_next_below() -> None:
    assert served_child("www.deep.child.example.test", "example.test", SERVED) == "child.example.test"
    assert served_child("www.example.test", "example.test", SERVED) is None
    assert served_child("example.test", "example.test", SERVED) is None
