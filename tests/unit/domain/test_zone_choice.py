"""The zone that a change names itself: above a delegation, say."""

import pytest

from app.domain.change import Action
from app.domain.rdata import RecordType
from app.domain.views import Views
from app.domain.zone_choice import AskedZone, choose_zone, served_child, zone_to_make_up

SERVED = Views({"example.test", "child.example.test", "deep.child.example.test"})
SPLIT = Views(
    {
        "example.test",
        "split.test@inside",
        "split.test@outside",
        "both.test",
        "both.test@inside",
        "only.example.test@inside",
        "child.split.test@inside",
        "plain.split.test",
    }
)


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
    choice = choose_zone(Action.CREATE, name, RecordType(record_type), AskedZone(asked, None), SERVED)
    assert ([reason.code for reason in choice.reasons] or choice.zone) == expected


def test_what_lies_wrongly_above_a_cut_can_be_deleted() -> None:
    asked = AskedZone("example.test", None)
    choice = choose_zone(Action.DELETE, "www.child.example.test", RecordType.TXT, asked, SERVED)
    assert choice == ("example.test", ())


def test_the_cut_of_a_zone_is_at_the_zone_next_below() -> None:
    assert served_child("www.deep.child.example.test", "example.test", SERVED) == "child.example.test"
    assert served_child("www.example.test", "example.test", SERVED) is None
    assert served_child("example.test", "example.test", SERVED) is None


@pytest.mark.parametrize(
    ("name", "zone", "view", "expected"),
    [
        # by the name alone: the longest that is served anywhere; there the zone without a view, or the only
        ("www.example.test", None, None, "example.test"),
        ("www.both.test", None, None, "both.test"),
        ("www.only.example.test", None, None, "only.example.test@inside"),
        ("www.split.test", None, None, ["view_required"]),
        ("www.child.split.test", None, None, "child.split.test@inside"),
        ("www.plain.split.test", None, None, "plain.split.test"),
        ("www.else.test", None, None, None),
        # in a view: the longest of its own
        ("www.split.test", None, "inside", "split.test@inside"),
        ("www.split.test", None, "OUTSIDE", "split.test@outside"),
        ("www.child.split.test", None, "inside", "child.split.test@inside"),
        ("www.child.split.test", None, "outside", "split.test@outside"),
        ("www.plain.split.test", None, "inside", "split.test@inside"),
        ("www.both.test", None, "outside", ["view_unknown"]),
        ("www.example.test", None, "inside", ["view_unknown"]),
        ("www.split.test", None, "dmz", ["view_unknown"]),
        ("www.else.test", None, "inside", None),
        # the zone that is named, by its key, or by its name and the view
        ("www.split.test", "split.test@inside", None, "split.test@inside"),
        ("www.split.test", "Split.test@Outside", None, "split.test@outside"),
        ("www.split.test", "split.test", "outside", "split.test@outside"),
        ("www.split.test", "split.test@inside", "inside", "split.test@inside"),
        ("www.split.test", "split.test@inside", "outside", ["view_contradicts"]),
        ("www.split.test", "split.test", None, ["view_required"]),
        ("www.split.test", "split.test@dmz", None, ["view_unknown"]),
        ("www.split.test", "split.test@a.b", None, ["view_invalid"]),
        ("www.both.test", "both.test", None, "both.test"),
        ("www.only.example.test", "only.example.test", None, "only.example.test@inside"),
        ("www.only.example.test", "example.test", None, "example.test"),
        ("www.else.test", "else.test@inside", None, ["zone_unknown"]),
        ("www.else.test", "split.test@inside", None, ["not_in_zone"]),
        # above a cut of the view, or of a zone that is in none; what another view has is no cut
        ("www.child.split.test", "split.test@inside", None, ["not_parent_side"]),
        ("www.child.split.test", "split.test@outside", None, "split.test@outside"),
        ("www.plain.split.test", "split.test", "outside", ["not_parent_side"]),
    ],
)
def test_the_zone_of_a_name_where_there_are_views(
    name: str, zone: str | None, view: str | None, expected: str | list[str] | None
) -> None:
    choice = choose_zone(Action.CREATE, name, RecordType("TXT"), AskedZone(zone, view), SPLIT)
    assert ([reason.code for reason in choice.reasons] or choice.zone) == expected


def test_what_is_said_of_a_view_that_is_missing_or_wrong() -> None:
    asked = AskedZone(None, None), AskedZone(None, "dmz")
    required, unknown = (
        choose_zone(Action.CREATE, "www.split.test", RecordType("A"), each, SPLIT).reasons[0]
        for each in asked
    )
    assert required.loc == unknown.loc == ("resource", "view")
    assert "inside, outside" in required.message
    assert "split.test in inside, outside" in unknown.message


def test_a_key_of_ours_without_a_view_means_none() -> None:
    """An undo must not end up in another zone than what it takes back."""
    asked = AskedZone("only.example.test", None, exact=True)
    choice = choose_zone(Action.DELETE, "www.only.example.test", RecordType("A"), asked, SPLIT)
    assert [reason.code for reason in choice.reasons] == ["zone_unknown"]


@pytest.mark.parametrize(
    ("name", "asked", "made"),
    [
        ("www.else.test", None, "else.test"),
        ("www.else.test", AskedZone(None, "inside"), "else.test@inside"),
        ("a.www.else.test", AskedZone("www.else.test", "inside"), "www.else.test@inside"),
        ("a.www.else.test", AskedZone("www.else.test@inside", None), "www.else.test@inside"),
        ("www.example.test", AskedZone(None, "inside"), "example.test@inside"),
        ("www.split.test", None, None),
        ("www.split.test", AskedZone("split.test", None), None),
        ("www.split.test", AskedZone("split.test@inside", None), None),
        ("www.split.test", AskedZone("else.test", None), None),
        ("test", None, None),
    ],
)
def test_the_zone_that_the_simulation_makes_up(name: str, asked: AskedZone | None, made: str | None) -> None:
    assert zone_to_make_up(name, asked, SPLIT) == made
