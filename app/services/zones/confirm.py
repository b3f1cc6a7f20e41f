"""Confirm drift: ask the primary for each candidate, and compare what it answers with what is recorded.

A request of ours is never taken for drift, however many there are at a time. An RRset that is as it is
recorded has not drifted, whoever else is at work. One that is not is only judged when no request of it is in
a run, and none was settled since the primary was asked; both are looked up while nobody can claim or settle.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.core.config import settings
from app.core.database import transaction
from app.core.logging import get_logger
from app.domain.change import RRsetKey, RRsetState
from app.domain.drift import Candidate, Verdict, judge, kind_of
from app.domain.expectation import Answer
from app.domain.inverse import is_same
from app.domain.server import Server
from app.domain.zone_key import dns_name
from app.nameservers.resolver import ask
from app.store import drift, leases
from app.store.drift import DriftedRRset

log = get_logger(__name__)

_AT_ONCE = 1_000  # candidates
_MAX_LOGGED = 10  # RRsets of one round that have a line of the log each

Answers = Mapping[RRsetKey, Answer]


class Confirmed(NamedTuple):
    """What became of a zone's candidates."""

    drifted: int = 0
    answered: bool = True  # False: the primary does not answer


def confirm(zone: str, primary: Server) -> Confirmed:
    """Ask the primary for all candidates of the zone, and store what becomes of each."""
    drifted, behind = 0, None
    while True:
        with transaction() as session:
            waiting = drift.list_waiting(session, zone, behind, _AT_ONCE)
        if waiting is None:
            return Confirmed(drifted)
        answers = _ask(zone, primary, waiting.recorded)
        if all(answer.error is not None for answer in answers.values()):
            return Confirmed(drifted, answered=False)
        drifted += _settle(zone, answers, waiting.at)
        behind = list(waiting.recorded)[-1]


def _ask(zone: str, primary: Server, recorded: Mapping[RRsetKey, RRsetState]) -> Answers:
    name = dns_name(zone)

    def doubt(key: RRsetKey, answer: Answer) -> bool:
        """Return whether to look closer: it may be a child zone's, or made from a wildcard."""
        is_of_cut = key.type == "NS" and key.name != name
        found = RRsetState(answer.ttl, tuple(answer.rdata))
        return bool(answer.rdata) and (is_of_cut or not is_same(key.type, recorded[key], found))

    return ask(primary, list(recorded), settings().verify_timeout, doubt, name)


def _settle(zone: str, answers: Answers, asked_at: datetime) -> int:
    """Store what becomes of these candidates; return how many have drifted."""
    with transaction() as session:
        leases.keep_still(session, zone)
        judged = [
            (candidate, *judge(candidate, answers[candidate.key]))
            for candidate in drift.look_at(session, zone, answers, asked_at)
        ]
        by_verdict: dict[Verdict, dict[RRsetKey, RRsetState]] = {verdict: {} for verdict in Verdict}
        for candidate, verdict, found in judged:
            by_verdict[verdict][candidate.key] = found
        drifted = [
            _drifted(candidate, found) for candidate, verdict, found in judged if verdict is Verdict.DRIFT
        ]
        _store(session, zone, by_verdict, drifted)
    _log(zone, drifted, by_verdict[Verdict.REPAIR])
    return len(drifted)


def _store(
    session: Session,
    zone: str,
    by_verdict: Mapping[Verdict, Mapping[RRsetKey, RRsetState]],
    drifted: Iterable[DriftedRRset],
) -> None:
    drift.repair(session, zone, by_verdict[Verdict.REPAIR])
    drift.record_as_imported(session, zone, by_verdict[Verdict.IMPORT])
    for verdict in (Verdict.NONE, Verdict.REPAIR, Verdict.IMPORT):
        drift.remove(session, zone, by_verdict[verdict])
    drift.confirm(session, zone, drifted)


def _drifted(candidate: Candidate, found: RRsetState) -> DriftedRRset:
    kind = kind_of(candidate.recorded, found)
    key = candidate.key
    return DriftedRRset(key.name, key.type, kind, candidate.recorded, found)


def _log(zone: str, drifted: list[DriftedRRset], repaired: Mapping[RRsetKey, RRsetState]) -> None:
    for each in drifted[:_MAX_LOGGED]:
        log.warning(
            "drift: an RRset was changed beside us", zone=zone, rrset=str(each.key), kind=each.kind.value
        )
    if drifted:
        log.warning("drift found", zone=zone, rrsets=len(drifted))
    for key in repaired:
        log.info("record mended: the primary has what the last request has left", zone=zone, rrset=str(key))
