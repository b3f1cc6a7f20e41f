"""What changes of addresses mean for PTR records."""

import pytest

from app.domain.change import NOTHING, Action, RRsetState
from app.domain.ptr import (
    MAX_ADDRESSES,
    NOT_OURS,
    PtrChange,
    Standing,
    Wish,
    may_remove_address,
    standing_after,
    step_for,
    why_no_ptr,
    wishes,
)
from app.domain.rdata import RecordType
from app.domain.reverse import Elsewhere, Place
from tests.support.builders import change

PLACE = Place("2.0.192.in-addr.arpa", "1.2.0.192.in-addr.arpa")
ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"
WWW = "www.example.test"
OURS = RRsetState(None, (f"{WWW}.",))


def keep(*addresses: str) -> list[Wish]:
    return [Wish(address, keep=True) for address in addresses]


def drop(*addresses: str) -> list[Wish]:
    return [Wish(address, keep=False) for address in addresses]


@pytest.mark.parametrize(
    ("action", "rdata", "before", "wished"),
    [
        ("create", [TWO], [ONE], keep(TWO)),
        ("create", [ONE], [ONE], keep(ONE)),
        ("update", [TWO, THREE], [ONE, TWO], drop(ONE) + keep(TWO, THREE)),
        ("upsert", [TWO], [], keep(TWO)),
        ("upsert", [TWO], None, keep(TWO)),
        ("delete", [ONE], [ONE, TWO], drop(ONE)),
        ("delete", [], [ONE, TWO], drop(ONE, TWO)),
        ("delete", [], None, []),
    ],
)
def test_what_goes_and_what_is_kept(
    action: str, rdata: list[str], before: list[str] | None, wished: list[Wish]
) -> None:
    there = None if before is None else RRsetState(300, tuple(before))
    assert list(wishes(change(action, "www", "A", *rdata), there)) == wished


@pytest.mark.parametrize(
    ("action", "rdata", "before", "wished"),
    [
        ("create", [TWO], [ONE], []),
        ("update", [TWO, THREE], [ONE, TWO], drop(ONE)),
        ("upsert", [TWO], [], []),
        ("upsert", [TWO], None, []),
        ("delete", [ONE], [ONE, TWO], drop(ONE)),
        ("delete", [], [ONE, TWO], drop(ONE, TWO)),
    ],
)
def test_an_address_that_goes_takes_its_ptr_along_unasked(
    action: str, rdata: list[str], before: list[str] | None, wished: list[Wish]
) -> None:
    there = None if before is None else RRsetState(300, tuple(before))
    asked = change(action, "www", "A", *rdata)
    assert list(wishes(asked, there, asked=False)) == wished
    assert may_remove_address(asked) or not wished


@pytest.mark.parametrize(
    ("standing", "action", "expect", "warned"),
    [
        (None, Action.CREATE, NOTHING, False),
        (Standing(f"{WWW}.", 300), Action.CREATE, NOTHING, False),  # made again where somebody has removed it
        (Standing(f"{WWW}.", 60), Action.UPSERT, OURS, False),
        (Standing("other.example.test.", 60), Action.CREATE, NOTHING, True),
        (Standing(None, 60), Action.CREATE, NOTHING, True),
    ],
)
def test_a_new_one_overwrites_nothing_but_its_own(
    standing: Standing | None, action: Action, expect: RRsetState, warned: bool
) -> None:
    known = {PLACE: standing} if standing else {}
    step = step_for(Wish(ONE, keep=True), WWW, 300, PLACE, known)
    assert step is not None
    assert step.change == PtrChange(action, PLACE, f"{WWW}.", 300, expect)
    assert [warning.code for warning in step.warnings] == [NOT_OURS] * warned


@pytest.mark.parametrize("standing", [Standing("other.example.test.", 300), Standing(None, 300)])
def test_only_its_own_is_removed(standing: Standing) -> None:
    step = step_for(Wish(ONE, keep=False), WWW, 300, PLACE, {PLACE: standing})
    assert step is not None
    assert step.change is None
    assert [warning.code for warning in step.warnings] == [NOT_OURS]
    own = step_for(Wish(ONE, keep=False), WWW, 300, PLACE, {PLACE: Standing(f"{WWW}.", 60)})
    assert own is not None
    assert own.change == PtrChange(Action.DELETE, PLACE, f"{WWW}.", 300, OURS)


def test_without_a_place_nothing_is_done() -> None:
    step = step_for(Wish(ONE, keep=True), WWW, 300, Elsewhere("it is in none"), {})
    assert step is not None
    assert step.change is None
    [warning] = step.warnings
    assert warning.code == "ptr_zone_unknown"
    assert warning.message.endswith(f"{ONE}: it is in none")


@pytest.mark.parametrize("place", [PLACE, Elsewhere("it is in none"), Elsewhere("it is delegated", PLACE)])
def test_an_address_that_goes_says_nothing_where_no_ptr_is_known(place: Place | Elsewhere) -> None:
    assert step_for(Wish(ONE, keep=False), WWW, 300, place, {}) is None


def test_its_own_is_removed_also_where_a_delegation_hides_it_by_now() -> None:
    standing = {PLACE: Standing(f"{WWW}.", 300)}
    hidden = Elsewhere("it is delegated", PLACE)
    step = step_for(Wish(ONE, keep=False), WWW, 300, hidden, standing)
    assert step is not None
    assert step.change == PtrChange(Action.DELETE, PLACE, f"{WWW}.", 300, OURS)
    again = step_for(Wish(ONE, keep=True), WWW, 300, hidden, standing)
    assert again is not None
    assert [warning.code for warning in again.warnings] == ["ptr_zone_unknown"]


def test_what_stands_after_a_change() -> None:
    made = PtrChange(Action.CREATE, PLACE, f"{WWW}.", 300, NOTHING)
    own, other = Standing(f"{WWW}.", 300), Standing("other.example.test.", 60)
    assert standing_after(made, None) == own
    assert standing_after(made, other) == other
    assert standing_after(PtrChange(Action.DELETE, PLACE, f"{WWW}.", 300, OURS), own) is None


@pytest.mark.parametrize(
    ("record_type", "name", "codes"),
    [
        (RecordType.A, WWW, []),
        (RecordType.AAAA, "*.example.test", ["ptr_to_wildcard"]),
        (RecordType.CNAME, WWW, ["ptr_without_address"]),
        (RecordType.PTR, "*.example.test", ["ptr_without_address"]),
        (None, None, []),
    ],
)
def test_what_can_have_a_ptr(record_type: RecordType | None, name: str | None, codes: list[str]) -> None:
    assert [reason.code for reason in why_no_ptr(record_type, name, 1)] == codes


def test_one_request_keeps_a_bounded_number() -> None:
    assert list(why_no_ptr(RecordType.A, WWW, MAX_ADDRESSES)) == []
    codes = [reason.code for reason in why_no_ptr(RecordType.A, "*.example.test", MAX_ADDRESSES + 1)]
    assert codes == ["ptr_to_wildcard", "ptr_too_many"]
