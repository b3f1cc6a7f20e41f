"""Requests for different names give the same zone, in whatever order they come.

Requests for one name keep their order. None of the names lies below another, and no value points to one.
"""

from collections import Counter
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.services.drain.conftest import MakeZone
from tests.support.modelled_zone import Unit, fate
from tests.support.random_changes import VALUES, asked
from tests.support.thoroughly import examples
from tests.support.zone_model import Asked, Key, RRset

OWNERS = [f"n{number}" for number in range(6)]
KEYS = st.sampled_from([Key(owner, kind) for owner in OWNERS for kind in VALUES])


def in_order(requests: Sequence[Asked], owners: Sequence[str]) -> list[Asked]:
    """Return the requests by owner names in this order; those of one name keep theirs."""
    return sorted(requests, key=lambda asked: owners.index(asked.owner))


@settings(
    max_examples=examples(2),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    requests=st.lists(KEYS.flatmap(asked), min_size=12, max_size=40),
    orders=st.tuples(*[st.permutations(OWNERS)] * 2),
)
def test_the_zone_is_the_same(
    make_zone: MakeZone, requests: list[Asked], orders: tuple[list[str], list[str]]
) -> None:
    def do(order: Sequence[str]) -> tuple[Counter[tuple[Asked, str]], dict[Key, RRset]]:
        """Return what became of each request, and the zone."""
        zone = make_zone()
        chosen = in_order(requests, order)
        ids = zone.submit(Unit(chosen))
        zone.drain()
        settled = zone.settled(ids)
        fates = [fate(settled[each]) for each in ids]
        return Counter(zip(chosen, fates, strict=True)), zone.transfer()

    first, second = orders
    assert do(first) == do(second)
