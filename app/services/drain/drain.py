"""Drain one zone: claim what is pending, apply it, verify it, settle it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from threading import Event
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.backoff import Backoff
from app.core.config import settings
from app.core.database import transaction
from app.core.logging import bound, get_logger, log_info_lines
from app.domain.change import ChangeResult, Outcome
from app.domain.errors import LeaseLost
from app.domain.lifecycle import Status
from app.domain.settlement import Answers, Decision, InFlight, decide
from app.runner.protocol import Run, Runner
from app.services import kicks
from app.services.drain.backends import Backends
from app.services.drain.lease import hold_lease
from app.services.drain.run_log import RunLog
from app.store import backends as store_backends
from app.store import leases, queue, records, runs
from app.store.leases import Lease
from app.store.queue import Item
from app.store.records import AnsweredRRset

log = get_logger(__name__)

_APPLIED = ChangeResult(Outcome.APPLIED)
_ZONE_GONE = ChangeResult(Outcome.FAILED, "zone_unknown", "the zone is not served any more")
_BATCH_SHRINK_FACTOR = 15  # for each lost run of a request after its first

Results = Mapping[UUID, ChangeResult | None]  # by request; None: the outcome is unknown


@dataclass(frozen=True, slots=True)
class Claim:
    """The requests that a worker works on together: some to apply, some only to verify."""

    zone: str
    backend: str | None  # None: the zone is not served any more
    run_id: UUID | None = None
    to_apply: Sequence[Item] = ()  # pending before, claimed for the run
    orphaned: Sequence[Item] = ()  # left running by a worker that has lost the zone
    verifying: Sequence[Item] = ()  # applied before, not answered everywhere yet

    @property
    def items(self) -> list[Item]:
        """All of them, in the order in which they were applied."""
        return [*self.verifying, *self.orphaned, *self.to_apply]


def drain(zone: str, runner: Runner, backends: Backends) -> None:
    """Drain the zone batch by batch, until nothing is due, it must rest, or `DRAIN_BUDGET` is used up."""
    kicks.clear_mark(zone)
    until = time.monotonic() + settings().drain_budget
    with bound(zone=zone), hold_lease(zone, backends) as (held_lease, lease_lost):
        lease = held_lease
        try:
            while lease and time.monotonic() < until and (claim := _claim(lease, backends)):
                results = _apply(claim, runner, backends, lease_lost)
                in_flight = [
                    InFlight(item.change, results[item.id], item.lost_runs, item.overdue)
                    for item in claim.items
                ]
                answers = _ask_servers(claim, in_flight, backends)
                decisions = decide(in_flight, answers, settings().max_attempts)
                lease = _settle(lease, claim, decisions, answers)
        except LeaseLost:
            log.warning("lease lost: another worker drains the zone and settles what this one has left open")
    if (
        held_lease is not None
    ):  # without the lease there is nothing to do: its holder, or the sweep, sees to the zone
        _kick_next_zone(held_lease, backends)


def _kick_next_zone(lease: Lease, backends: Backends) -> None:
    """Kick a zone that waits for a run on this backend; if runs are not limited, this zone if it has work."""
    if lease.backend and backends.limits(lease.backend).max_runs:
        kicks.kick_one_zone_of(lease.backend)
    else:
        kicks.kick_if_due(lease.zone)


def _claim(lease: Lease, backends: Backends) -> Claim | None:
    """Claim the requests to work on next; None when nothing is due."""
    with transaction() as session:
        served_by = leases.check(session, lease)
        if served_by and served_by != lease.backend:  # the zone was moved: its new backend is asked next
            return None
        claim = Claim(lease.zone, lease.backend, orphaned=queue.list_orphaned(session, lease))
        if claim.orphaned:
            runs.abandon(session, lease.zone)
        else:
            claim = _claim_pending(session, lease, claim, backends)
        names = {item.change.name for item in claim.items}
        claim = replace(claim, verifying=queue.list_verifying(session, lease.zone, names))
    return claim if claim.items else None


def _claim_pending(session: Session, lease: Lease, claim: Claim, backends: Backends) -> Claim:
    pending = _first_batch(queue.list_pending(session, lease.zone, _batch_limit(lease, backends)))
    if not pending:
        return claim
    run_id, backend = uuid7(), claim.backend or "nowhere"
    runs.start(session, run_id, lease.zone, backend, len(pending))
    message = f"one of {len(pending)} in a run on {backend}"
    if claim.backend is None:
        message = "not run: the zone is not served any more"
    ids = queue.claim(session, lease, [item.id for item in pending], run_id, message)
    return replace(claim, run_id=run_id, to_apply=[item for item in pending if item.id in ids])


def _batch_limit(lease: Lease, backends: Backends) -> int:
    """Return how many changes may go into the next run."""
    if lease.probe or lease.failures:
        return 1
    own = backends.limits(lease.backend).max_changes if lease.backend else None
    return min(own or settings().batch_limit, settings().batch_limit)


def _first_batch(pending: Sequence[Item]) -> Sequence[Item]:
    """Return the first requests that may share a run.

    Requests whose runs were lost twice or more go into ever smaller batches among themselves, so that the one
    to blame is found.
    """
    if not pending:
        return pending
    limit = _max_batch_with(pending[0])
    return list(takewhile(lambda item: _max_batch_with(item) == limit, pending))[:limit]


def _max_batch_with(item: Item) -> int:
    lost_again = max(0, item.lost_runs - 1)
    return max(1, settings().batch_limit // int(_BATCH_SHRINK_FACTOR**lost_again))


def _apply(claim: Claim, runner: Runner, backends: Backends, lease_lost: Event) -> Results:
    """Return what is known of each request, after Ansible has applied what was pending."""
    if claim.backend is None:
        return dict.fromkeys((item.id for item in claim.items), _ZONE_GONE)
    results: dict[UUID, ChangeResult | None] = {item.id: _APPLIED for item in claim.verifying}
    results |= {item.id: None for item in claim.orphaned}
    if claim.run_id is not None:
        results |= _run_ansible(claim.run_id, claim.backend, claim, runner, backends, lease_lost)
    if why := backends.why_unusable(claim.backend):
        return dict.fromkeys(results, ChangeResult(Outcome.FAILED, "backend_unknown", why))
    return results


def _run_ansible(
    run_id: UUID, backend: str, claim: Claim, runner: Runner, backends: Backends, lease_lost: Event
) -> Results:
    """Run Ansible once. A request that the run gives no result for is unknown."""
    changes = [item.change for item in claim.to_apply]
    timeout = backends.limits(backend).run_timeout or settings().run_timeout
    run = Run(run_id, claim.zone, backend, changes, timeout)
    with bound(run_id=run_id), RunLog(run_id) as run_log:
        result = runner.run(run, run_log.append, lease_lost)
        log.info("run ended", backend=backend, changes=len(changes), rc=result.rc, why=result.why)
    with transaction() as session:
        runs.finish(session, run_id, result.rc, result.why, result.stats, result.output)
    return {item.id: result.trusted(item.id) for item in claim.to_apply}


def _ask_servers(claim: Claim, in_flight: Sequence[InFlight], backends: Backends) -> Answers:
    changes = [item.change for item in in_flight if item.needs_answers]
    return backends.ask(claim.backend, changes) if claim.backend and changes else {}


def _settle(lease: Lease, claim: Claim, decisions: Mapping[UUID, Decision], answers: Answers) -> Lease | None:
    """Write what was decided, and the records as the servers answer them.

    Returns the lease to go on with; None when the zone or its backend must rest.
    """
    with transaction() as session:
        leases.check(session, lease)
        settled = queue.settle(
            session, decisions, deadline=settings().verify_deadline, pause=settings().verify_pause
        )
        items = [item for item in claim.items if item.id in settled]
        records.put(session, _answered_rrsets(items, decisions, answers))
        next_lease = _rest_or_go_on(session, lease, claim, decisions)
    news = (item.id for item in items if settled[item.id])
    log_info_lines(__name__, (_log_line(request_id, decisions[request_id]) for request_id in news))
    for request_id in decisions.keys() - settled:
        log.warning(
            "not settled: somebody has changed the request's status meanwhile; it stays as it is now",
            request_id=str(request_id),
            decision=decisions[request_id].message,
        )
    return next_lease


def _log_line(request_id: UUID, decision: Decision) -> tuple[str, Mapping[str, object]]:
    fields = {"request_id": str(request_id), "status": decision.status.value, "code": decision.code}
    return decision.message, fields


def _rest_or_go_on(
    session: Session, lease: Lease, claim: Claim, decisions: Mapping[UUID, Decision]
) -> Lease | None:
    """Let the backend rest when it was unavailable, and the zone when a run was lost."""
    unavailable = any(decision.backend_unavailable for decision in decisions.values())
    run_lost = any(
        decision.status is Status.PENDING and not decision.backend_unavailable
        for decision in decisions.values()
    )
    backoff = Backoff(settings().retry_pause, settings().retry_pause_max, jitter=0.25)
    if unavailable and lease.backend:
        failures = store_backends.failures(session, lease.backend)
        store_backends.rest(session, lease.backend, backoff.pause(failures))
    if run_lost:
        leases.rest(session, lease, backoff.pause(lease.failures))
    return None if unavailable or run_lost else _forget_failures(session, lease, claim)


def _forget_failures(session: Session, lease: Lease, claim: Claim) -> Lease:
    """Forget earlier failures; those of the backend only when this batch has sent it a change."""
    if lease.failures:
        leases.forget_failures(session, lease)
    if lease.probe and lease.backend and claim.to_apply:
        store_backends.forget_failures(session, lease.backend)
        lease = replace(lease, probe=False)
    return replace(lease, failures=0)


def _answered_rrsets(
    items: Iterable[Item], decisions: Mapping[UUID, Decision], answers: Answers
) -> list[AnsweredRRset]:
    """Return each verified RRset as the first server answers it, with the request that changed it last."""
    answered = next(iter(answers.values()), {})
    last = {item.change.key: item for item in items if decisions[item.id].status is Status.SUCCEEDED}
    return [
        AnsweredRRset(
            zone=item.change.zone,
            name=key.name,
            record_type=key.type,
            ttl=answered[key].ttl or 0,
            rdata=tuple(sorted(answered[key].rdata)),
            account_id=item.account_id,
            request_id=item.id,
            comment=item.change.comment,
        )
        for key, item in last.items()
        if key in answered
    ]
