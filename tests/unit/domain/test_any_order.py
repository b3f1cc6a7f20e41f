"""Changes of different names have the same effects in any order; those of one name keep theirs."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.domain.change import Change
from app.domain.effects import effects
from tests.support.builders import change
from tests.support.random_changes import VALUES, asked
from tests.support.zone_model import Asked, Key, ZoneModel

OWNERS = ["a", "b", "c", "d"]
KEYS = st.sampled_from([Key(owner, kind) for owner in OWNERS for kind in VALUES])
REQUESTS = st.lists(KEYS.flatmap(asked), max_size=20)
ORDERS = st.permutations(OWNERS)


def in_order(requests: Sequence[Asked], owners: Sequence[str]) -> list[Asked]:
    return sorted(requests, key=lambda asked: owners.index(asked.owner))


@given(REQUESTS, ORDERS)
def test_what_is_planned(requests: list[Asked], order: list[str]) -> None:
    def planned(changes: Sequence[Change]) -> dict[str, object]:
        return {str(each.change.request_id): each for each in effects(changes, {})}

    changes = [change(each.action, each.owner, each.type, *each.values, ttl=each.ttl) for each in requests]
    moved = sorted(changes, key=lambda each: order.index(each.name.partition(".")[0]))
    assert planned(changes) == planned(moved)


@given(REQUESTS, ORDERS)
def test_the_model_that_random_changes_are_compared_with(requests: list[Asked], order: list[str]) -> None:
    def applied(requests: Sequence[Asked]) -> tuple[dict[int, str], ZoneModel]:
        zone = ZoneModel({})
        return {id(asked): zone.apply(asked) for asked in requests}, zone

    (fates, zone), (moved_fates, moved) = applied(requests), applied(in_order(requests, order))
    assert (fates, zone.rrsets) == (moved_fates, moved.rrsets)
