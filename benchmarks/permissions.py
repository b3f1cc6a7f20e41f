"""What a decision costs: may this principal make this change, with a thousand grants."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from app.domain.change import Action
from app.domain.permissions import Asked, Effect, Grant, Grants, Principal, Role
from benchmarks.report import Report, at_most
from benchmarks.rig import Rig
from benchmarks.statistics import interleaved

GRANTS = 1_000
LIMIT = 20.0  # µs for a decision
_ROUNDS = 7
_WHO = Principal("bench", frozenset({"team-7"}), frozenset({Role.REQUESTER, Role.OPERATOR}))
_ASKED = Asked("team-7", Action.CREATE, "zone-7.test", "www.app.prod.zone-7.test", "A")

_OF: Mapping[str, Callable[[int], dict[str, object]]] = {
    "of many accounts": lambda n: {"account": f"team-{n % 100}", "zone": f"zone-{n % 50}.test"},
    "of one account in one zone": lambda n: {"names": f"*.app{n}.prod"},
    "that begin alike": lambda n: {"names": f"www.**.{n}"},
    "by type and action": lambda n: {
        "names": f"n{n}.**",
        "types": frozenset({"A", "AAAA"}),
        "actions": frozenset(Action),
    },
}


def run(_: Rig, quick: bool) -> Report:
    """Decide about one change, with the grants arranged in several ways."""
    number = 1_000 if quick else 10_000
    ways: dict[str, Callable[[], float]] = {name: partial(_seconds, _grants(name), number) for name in _OF}
    took = interleaved(ways, _ROUNDS)
    figures = [
        at_most(f"grants {name}", seconds / number * 1e6, LIMIT, "µs") for name, seconds in took.items()
    ]
    return Report(f"A decision with {GRANTS:,} grants (median of {_ROUNDS})", figures)


def _grants(name: str) -> Grants:
    plain = {"account": "team-7", "zone": "zone-7.test", "effect": Effect.ALLOW}
    return Grants(Grant(id=str(n), **(plain | _OF[name](n))) for n in range(GRANTS))  # type: ignore[arg-type]


def _seconds(grants: Grants, number: int) -> float:
    began = time.perf_counter()
    for _ in range(number):
        grants.decide(_WHO, _ASKED)
    return time.perf_counter() - began
