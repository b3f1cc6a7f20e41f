"""Previews: what changes would do to the records, one after the other."""

from uuid import UUID

import pytest

from app.domain.change import Action, Change, RRsetKey
from app.domain.effects import Effect, RRset, ZoneRRset, effects

ZONE, NAME = "example.test", "www.example.test"
X, Y = "192.0.2.10", "192.0.2.11"


def change(action: str, *rdata: str, rdtype: str = "A", ttl: int = 300) -> Change:
    return Change(UUID(int=0), Action(action), ZONE, NAME, rdtype, ttl, rdata)


def known(*rdata: str, rdtype: str = "A", ttl: int = 300) -> dict[ZoneRRset, RRset]:
    return {(ZONE, RRsetKey(NAME, rdtype)): RRset(ttl, rdata)}


def said(effect: Effect) -> tuple[str, str | None]:
    return effect.planned.outcome, effect.planned.code


@pytest.mark.parametrize(
    ("before", "asked", "after", "outcome"),
    [
        ({}, change("create", X), RRset(300, (X,)), "applied"),
        (known(X), change("create", X), RRset(300, (X,)), "unchanged"),
        (known(X), change("create", Y, ttl=60), RRset(60, (X, Y)), "applied"),
        (known(X), change("upsert", Y), RRset(300, (Y,)), "applied"),
        ({}, change("update", Y), RRset(300, (Y,)), "unknown"),
        (known(X), change("update", X), RRset(300, (X,)), "unchanged"),
        (known(X, Y, ttl=60), change("delete", X), RRset(60, (Y,)), "applied"),
        (known(X, Y), change("delete"), None, "applied"),
        (known(X), change("delete", X), None, "applied"),
        ({}, change("delete"), None, "unchanged"),
    ],
)
def test_one_change(before: dict[ZoneRRset, RRset], asked: Change, after: RRset | None, outcome: str) -> None:
    (effect,) = effects([asked], before)
    assert effect.before == before.get((ZONE, asked.key))
    assert (effect.after, effect.planned.outcome) == (after, outcome)


def test_each_change_sees_those_before_it() -> None:
    found = effects([change("create", X), change("create", Y), change("delete", X), change("delete")], {})
    assert [effect.before for effect in found] == [None, *(effect.after for effect in found[:-1])]
    assert found[2].after == RRset(300, (Y,))
    assert found[3].after is None


def test_nothing_is_beside_a_cname() -> None:
    alias = change("create", "a.example.org.", rdtype="CNAME")
    (refused,) = effects([alias], known(X))
    assert said(refused) == ("failed", "cname_conflict")
    assert refused.after is None
    address, again, gone, then = effects(
        [change("create", X), alias, change("delete"), alias], known("b.example.org.", rdtype="CNAME")
    )
    assert said(address) == ("failed", "cname_conflict")
    assert said(again) == ("failed", "cname_exists")
    assert said(gone) == ("unchanged", None)
    assert said(then) == ("failed", "cname_exists")


def test_a_name_in_two_zones() -> None:
    cut = {("sub.example.test", RRsetKey(NAME, "A")): RRset(300, (X,))}
    (effect,) = effects([change("delete")], cut)
    assert effect.before is None
