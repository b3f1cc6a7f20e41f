"""Where all zones lie in one view, everything is decided as where they lie in none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.atomic import why_not_atomic
from app.domain.change import Action, Change, RRsetKey, RRsetState
from app.domain.consequences import with_consequences
from app.domain.delegations import hosts_at_cuts, with_delegations
from app.domain.effects import Effect as Planned
from app.domain.effects import RRset, ZoneRRset, effects, targets_in_zone
from app.domain.errors import Reason
from app.domain.inverse import Inverse
from app.domain.name_patterns import NamePatterns
from app.domain.ownership import Reserved, ZoneRights, decide
from app.domain.permissions import Asked, Caller, Effect, Grant, Grants, Principal, Role
from app.domain.precedence import LeftBehind, ties
from app.domain.rdata import RecordType
from app.domain.restrictions import why_restricted
from app.domain.rollback_order import in_order
from app.domain.rules import check
from app.domain.zone_key import zone_key
from app.domain.zone_settings import ZoneSettings
from tests.support.builders import ZONE, change, full_name

CHILD = f"c.{ZONE}"
VIEW = "inside"
VALUES = {
    "A": ["192.0.2.1", "192.0.2.2"],
    "CNAME": ["a.net.", f"h.{ZONE}."],
    "NS": ["a.net.", f"h.{ZONE}.", f"h.{CHILD}."],
    "MX": [f"10 h.{ZONE}.", f"10 h.{CHILD}."],
    "DS": ["1 8 2 " + "ab" * 32],
    "CDS": ["1 8 2 " + "ab" * 32],
    "DNSKEY": ["257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="],
    "DNAME": ["a.net."],
}
OWNERS = {ZONE: ["@", "a", "h", "*", "c", "h.c", "x.y"], CHILD: ["@", "a", "h"]}


@st.composite
def _changes(draw: st.DrawFn) -> Change:
    zone = draw(st.sampled_from([ZONE, ZONE, CHILD]))
    # At the apex, and of NS, most is special.
    owner = draw(st.sampled_from(["@", "@", *OWNERS[zone]]))
    rdtype = draw(st.sampled_from(["NS", "NS", "NS", *sorted(VALUES)]))
    action = draw(st.sampled_from(Action))
    values = draw(st.lists(st.sampled_from(VALUES[rdtype]), min_size=1, max_size=2, unique=True))
    return change(action, owner, rdtype, *values, zone=zone)


CHANGES = st.lists(_changes(), min_size=1, max_size=5)
RECORDED = st.lists(_changes(), max_size=6)


def in_view(one: Change) -> Change:
    return replace(one, zone=zone_key(one.zone, VIEW))


def records(made: Iterable[Change]) -> dict[ZoneRRset, RRset]:
    return {(each.zone, each.key): RRset(300, each.rdata) for each in made}


def planned(changes: Sequence[Change], known: dict[ZoneRRset, RRset], served: set[str]) -> list[Planned]:
    return with_delegations(with_consequences(effects(changes, known), known, served), known, served)


@given(CHANGES, RECORDED)
def test_plans(changes: list[Change], recorded: list[Change]) -> None:
    served = {ZONE, CHILD, "test"}
    plain = planned(changes, records(recorded), served)
    keys = {zone_key(zone, VIEW) for zone in served}
    viewed = planned([*map(in_view, changes)], records(map(in_view, recorded)), keys)
    for one, other in zip(plain, viewed, strict=True):
        assert (other.before, other.after) == (one.before, one.after)
        assert (other.planned.outcome, other.planned.code) == (one.planned.outcome, one.planned.code)
        assert [each.code for each in other.warnings] == [each.code for each in one.warnings]
    found = records(recorded), records(map(in_view, recorded))
    assert hosts_at_cuts(changes, found[0]) == hosts_at_cuts(map(in_view, changes), found[1])


@given(CHANGES)
def test_rules_order_and_size(changes: list[Change]) -> None:
    left, left_in_view = LeftBehind(), LeftBehind()
    for one, other in zip(changes, map(in_view, changes), strict=True):
        assert ties(other) == ties(one)
        assert targets_in_zone(other) == targets_in_zone(one)
        assert left_in_view.hold(other) == left.hold(one)
        left.add(one)
        left_in_view.add(other)
        codes = ([each.code for each in _against(each_way)] for each_way in (one, other))
        assert next(codes) == next(codes)
        assert (other.as_json(), other.apex) == (one.as_json(), one.zone)


def _against(one: Change) -> list[Reason]:
    arguments = (one.action, one.zone, one.name, RecordType(one.type), one.rdata)
    settings = ZoneSettings(protected_names=NamePatterns(["@", "*.y"]), restricts=True)
    return [*check(*arguments), *why_restricted(settings, *arguments, 300)]


@dataclass
class _Member:
    zone: str
    name: str
    record_type: RecordType
    rdata: list[str]
    expect: RRsetState | None = None
    not_before: datetime | None = None


def test_as_much_goes_into_one_message() -> None:
    def message(zone: str) -> list[str]:
        text = ["x" * 58]
        members = [_Member(zone, f"h{n:03}.{ZONE}", RecordType.TXT, text) for n in range(660)]
        return [each.message for each in why_not_atomic(members, datetime.now(UTC))]

    assert message(zone_key(ZONE, VIEW)) == message(ZONE) != []


@given(st.sets(st.sampled_from(OWNERS[ZONE])), st.sampled_from(sorted(VALUES)), st.booleans())
def test_what_is_rolled_back_first(owners: set[str], rdtype: str, restored: bool) -> None:
    there, nothing = RRsetState(300, tuple(VALUES[rdtype][:1])), RRsetState(None, ())
    before, after = (nothing, there) if restored else (there, nothing)
    inverse = Inverse(Action.UPSERT if restored else Action.DELETE, after, before)
    keys = {RRsetKey(full_name(owner, ZONE), kind): inverse for owner in owners for kind in (rdtype, "NS")}
    assert in_order(zone_key(ZONE, VIEW), keys) == in_order(ZONE, keys)


@pytest.mark.parametrize("owner", OWNERS[ZONE])
@pytest.mark.parametrize("rdtype", ["A", "NS", "DNAME"])
@pytest.mark.parametrize("pattern", ["@", "a", "**.c", "c", "*.c"])
def test_who_may_make_a_change(owner: str, rdtype: str, pattern: str) -> None:
    one = change("create", owner, rdtype)
    principal = Principal("someone", frozenset({"team-a"}), frozenset({Role.REQUESTER}))
    rights = ZoneRights(reserved=Reserved({pattern: "team-b"}))

    def decided(zone: str, granted: str) -> tuple[tuple[Effect, str], ...]:
        caller = Caller(principal, Grants([Grant("1", Effect.ALLOW, "team-a", zone=granted, names=pattern)]))
        everything = Caller(principal, Grants([Grant("1", Effect.ALLOW, "team-a")]))
        asked = Asked("team-a", one.action, zone, one.name, one.type)
        decisions = decide(caller, asked), decide(everything, asked, rights)
        return tuple((each.effect, each.code) for each in decisions)

    viewed = zone_key(one.zone, VIEW)
    assert decided(viewed, viewed) == decided(viewed, f"{ZONE}@*") == decided(ZONE, ZONE)
