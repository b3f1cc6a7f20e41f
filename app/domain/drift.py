"""Drift: what the primary has of an RRset is not what the last request, import or adoption has left there."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from app.domain import values
from app.domain.change import NOTHING, RRsetKey, RRsetState
from app.domain.expectation import Answer
from app.domain.inverse import is_same
from app.domain.origin import DriftKind

CACHED_FOR = 75.0  # seconds for which a server may answer what was before: PowerDNS's caches keep 60


class DriftPolicy(StrEnum):
    """What becomes of drift by itself: a setting of the zone."""

    REPORT = "report"  # it is shown, and stays
    ADOPT = "adopt"  # it is recorded
    RESTORE = "restore"  # requests restore what is recorded


NetChange = Mapping[str, int | None]  # by value of one RRset: the TTL that it has now; None: it is gone


class NetChanges:
    """What the differences of an incremental transfer (RFC 1995 4) add up to, in the order of their coming.

    `octets` is roughly how much memory they take.
    """

    def __init__(self) -> None:
        self.by_rrset: dict[RRsetKey, dict[str, int | None]] = {}
        self.octets = 0

    def delete(self, name: str, record_type: str, rdata: str) -> None:
        """Take a record away."""
        self._note(name, record_type, rdata, None)

    def add(self, name: str, record_type: str, rdata: str, ttl: int) -> None:
        """Add a record."""
        self._note(name, record_type, rdata, ttl)

    def _note(self, name: str, record_type: str, rdata: str, ttl: int | None) -> None:
        changed = self.by_rrset.setdefault(RRsetKey(name, record_type), {})
        if rdata not in changed:
            self.octets += len(name) + len(rdata) + 300
        changed[rdata] = ttl


def agrees(record_type: str, recorded: RRsetState, change: NetChange) -> bool:
    """Return whether what is recorded is what there is after the change, as far as the change tells."""
    there = {values.meaning(record_type, value) for value in recorded.rdata}
    return all(
        (values.meaning(record_type, value) in there) == (ttl is not None) and ttl in (None, recorded.ttl)
        for value, ttl in change.items()
    )


def after(record_type: str, before: RRsetState, change: NetChange) -> RRsetState:
    """Return the RRset that a change makes of another one."""
    gone = [value for value, ttl in change.items() if ttl is None]
    added = {value: ttl for value, ttl in change.items() if ttl is not None}
    left = values.without(record_type, before.rdata, gone) if before.rdata else frozenset[str]()
    there = values.union(record_type, left, added)
    if not there:
        return NOTHING
    return RRsetState(next(iter(added.values()), before.ttl), tuple(sorted(there)))


def kind_of(recorded: RRsetState, found: RRsetState) -> DriftKind:
    """Return how an RRset that was found differs from the one that is recorded."""
    if not recorded.rdata:
        return DriftKind.ADDED
    return DriftKind.CHANGED if found.rdata else DriftKind.MISSING


class Candidate(NamedTuple):
    """An RRset that may have drifted, and what is known of it since the primary was asked."""

    key: RRsetKey
    recorded: RRsetState
    transferred: RRsetState | None  # what a transfer has shown; None: nobody knows
    age: float  # seconds since it is a candidate
    is_busy: bool = False  # an open request of the RRset has been in a run: nobody knows what that has done
    settled_since_asked: bool = False  # another request of the RRset was settled since the primary was asked
    settled_since_candidate: bool = False  # the same since it is a candidate
    of_import: bool = False  # it was left to be looked at by an import: nothing was recorded of it before
    drifted: RRsetState | None = None  # what was drift before somebody asked to look again
    requested: RRsetState | None = None  # what the last request has left that succeeded after the recording


class Verdict(StrEnum):
    """What becomes of a candidate."""

    NONE = "none"  # the primary has what is recorded
    DRIFT = "drift"
    IMPORT = "import"  # it belongs to what was imported
    REPAIR = "repair"  # the primary has what a request of ours has left, which is not recorded yet
    LATER = "later"  # it stays a candidate


def judge(candidate: Candidate, answer: Answer) -> tuple[Verdict, RRsetState]:
    """Return what becomes of a candidate for which the primary gives this answer, and what is there."""
    if answer.error is not None:
        return Verdict.LATER, NOTHING
    found = _found(candidate, answer)
    if found is None:
        return (Verdict.LATER if candidate.is_busy else Verdict.NONE), candidate.recorded
    kind = candidate.key.type
    if is_same(kind, candidate.recorded, found):
        return (Verdict.LATER if _may_be_old(candidate, found) else Verdict.NONE), found
    if candidate.is_busy or candidate.settled_since_asked:
        return Verdict.LATER, found
    if candidate.requested is not None and is_same(kind, candidate.requested, found):
        return Verdict.REPAIR, found
    is_new = candidate.of_import and not candidate.recorded.rdata
    return (Verdict.IMPORT if is_new else Verdict.DRIFT), found


def _found(candidate: Candidate, answer: Answer) -> RRsetState | None:
    """Return what is there; None where no answer can show it, and no transfer has since the last request."""
    if answer.hidden is not None:
        known = candidate.drifted if candidate.transferred is None else candidate.transferred
        return None if candidate.settled_since_candidate else known
    return RRsetState(answer.ttl if answer.rdata else None, tuple(sorted(answer.rdata)))


def _may_be_old(candidate: Candidate, found: RRsetState) -> bool:
    """Return whether the answer may come from a cache that was filled before what was transferred."""
    transferred = candidate.transferred
    if transferred is None or candidate.settled_since_candidate or candidate.age > CACHED_FOR:
        return False
    return not is_same(candidate.key.type, transferred, found)
