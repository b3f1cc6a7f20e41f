"""What changes would do to the records, one after the other."""

from functools import partial

import pytest

from app.domain.change import Change, RRsetKey
from app.domain.effects import Effect, RRset, ZoneRRset, effects
from tests.support.builders import change

ZONE, NAME = "example.test", "www.example.test"
X, Y = "192.0.2.10", "192.0.2.11"

create = partial(change, "create", "www", "A")
update = partial(change, "update", "www", "A")
upsert = partial(change, "upsert", "www", "A")
delete = partial(change, "delete", "www", "A")


def known(*rdata: str, rdtype: str = "A", ttl: int = 300) -> dict[ZoneRRset, RRset]:
    return {(ZONE, RRsetKey(NAME, rdtype)): RRset(ttl, rdata)}


def said(effect: Effect) -> tuple[str, str | None]:
    return effect.planned.outcome, effect.planned.code


@pytest.mark.parametrize(
    ("before", "asked", "after", "outcome"),
    [
        ({}, create(X), RRset(300, (X,)), "applied"),
        (known(X), create(X), RRset(300, (X,)), "unchanged"),
        (known(X), create(Y, ttl=60), RRset(60, (X, Y)), "applied"),
        (known(X), upsert(Y), RRset(300, (Y,)), "applied"),
        ({}, update(Y), RRset(300, (Y,)), "unknown"),
        (known(X), update(X), RRset(300, (X,)), "unchanged"),
        (known(X, Y, ttl=60), delete(X), RRset(60, (Y,)), "applied"),
        (known(X, Y), delete(), None, "applied"),
        (known(X), delete(X), None, "applied"),
        ({}, delete(), None, "unchanged"),
    ],
)
def test_one_change(before: dict[ZoneRRset, RRset], asked: Change, after: RRset | None, outcome: str) -> None:
    (effect,) = effects([asked], before)
    assert effect.before == before.get((ZONE, asked.key))
    assert (effect.after, effect.planned.outcome) == (after, outcome)


def test_each_change_sees_those_before_it() -> None:
    found = effects([create(X), create(Y), delete(X), delete()], {})
    assert [effect.before for effect in found] == [None, *(effect.after for effect in found[:-1])]
    assert found[2].after == RRset(300, (Y,))
    assert found[3].after is None


def test_nothing_is_beside_a_cname() -> None:
    alias = change("create", "www", "CNAME", "a.example.org.")
    (refused,) = effects([alias], known(X))
    assert said(refused) == ("failed", "cname_conflict")
    assert refused.after is None
    address, again, gone, then = effects(
        [create(X), alias, delete(), alias], known("b.example.org.", rdtype="CNAME")
    )
    assert said(address) == ("failed", "cname_conflict")
    assert said(again) == ("failed", "cname_exists")
    assert said(gone) == ("unchanged", None)
    assert said(then) == ("failed", "cname_exists")


def test_a_name_in_two_zones() -> None:
    cut = {("sub.example.test", RRsetKey(NAME, "A")): RRset(300, (X,))}
    (effect,) = effects([delete()], cut)
    assert effect.before is None
