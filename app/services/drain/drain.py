"""Drain one zone: claim what is pending, apply it, verify it, settle it."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core import metrics, tracing
from app.core.config import settings
from app.core.database import transaction
from app.core.database_errors import DATABASE_ERRORS, may_recover
from app.core.logging import Line, bound, get_logger, log_lines
from app.core.startup import cause
from app.core.stopping import stopping
from app.domain.believed import Answers, Roles, heard, unheard
from app.domain.change import ChangeResult, Outcome, RRsetKey
from app.domain.errors import InventoryError, LeaseLost, UnknownBackend
from app.domain.expectation import Answer
from app.domain.lifecycle import Status
from app.domain.retry_policy import Scope
from app.domain.server_answers import ServerAnswer
from app.domain.settlement import Decision, Fault, InFlight, decide
from app.runner.protocol import Run, Runner, RunResult
from app.services import database_clock, kicks
from app.services.drain.backends import Backends, simulated_state
from app.services.drain.batch import PROBE_CANDIDATES, behind_waiting, first_batch
from app.services.drain.candidates import list_candidates
from app.services.drain.counted import count_run, count_settled
from app.services.drain.doubts import Doubts
from app.services.drain.groups import tell_groups
from app.services.drain.lease import hold_lease
from app.services.drain.lost_runs import note_before, notes, stored_results, with_fates
from app.services.drain.owners import owners_of_made
from app.services.drain.ptrs import keep_ptrs
from app.services.drain.rest import rest, rest_or_go_on
from app.services.drain.run_log import RunLog
from app.services.drain.states import misses_before, states_of
from app.services.drain.traced import traced_run, traced_tasks, traced_work
from app.services.drain.verify import fill_in_hidden
from app.store import leases, queue, records, runs
from app.store.leases import Lease
from app.store.queue import Item, States, Timing
from app.store.records import AnsweredRRset

log = get_logger(__name__)

_APPLIED = ChangeResult(Outcome.APPLIED)
_SHORT_TURN = 2.0  # seconds that a zone may have a worker while other zones wait for one
_NOT_RUN = "not run: the zone is not served any more"
_ZONE_GONE = ChangeResult(Outcome.FAILED, "zone_unknown", "the zone is not served any more")

Results = Mapping[UUID, ChangeResult | None]  # by request; None: the outcome is unknown


@dataclass(frozen=True, slots=True)
class Applied:
    """What is known after a run: of each request, and of a fault of the whole in words for operators."""

    results: Results
    detail: str | None = None
    stopped: bool = False  # the run was, because the worker ends


@dataclass(frozen=True, slots=True)
class Claim:
    """The requests that a worker works on together: some to apply, some only to verify."""

    zone: str
    backend: str | None  # None: the zone is not served any more
    run_id: UUID | None = None
    to_apply: Sequence[Item] = ()  # pending before, claimed for the run
    orphaned: Sequence[Item] = ()  # left running by a worker that has lost the zone
    verifying: Sequence[Item] = ()  # applied before, not answered everywhere yet
    probe: bool = False  # zone or backend was unavailable: most likely it ends as the try before
    next_account: str = ""  # of several that wait, whose requests come first in the next run

    @property
    def items(self) -> list[Item]:
        """All of them, in the order in which they were applied."""
        return [*self.verifying, *self.orphaned, *self.to_apply]

    @property
    def run_ids(self) -> set[UUID]:
        """The run, and those that were lost."""
        return {run_id for run_id in (self.run_id, *(item.run_id for item in self.orphaned)) if run_id}


def drain(zone: str, runner: Runner, backends: Backends) -> None:
    """Drain the zone batch by batch, until nothing is due, it must rest, or `DRAIN_BUDGET` is used up.

    A worker that ends begins no other batch, and stops its run when that has had `STOP_TIMEOUT`.
    """
    if stopping.has_begun:
        kicks.pass_on(zone)
        return
    with bound(zone=zone):
        try:
            _drain(zone, runner, backends)
        except DATABASE_ERRORS as error:
            if not may_recover(error):
                raise
            log.warning(
                "zone not drained: the database is in the way; the sweep has it drained again, and what a run"
                " has applied meanwhile is looked up then",
                error=cause(error),
            )


def _drain(zone: str, runner: Runner, backends: Backends) -> None:
    all_settled = Event()
    with hold_lease(zone, backends, all_settled) as (held_lease, lease_lost):
        began = time.monotonic()
        if held_lease is not None:
            kicks.clear_mark(zone)
        lease = held_lease
        try:
            lease = lease and _rest_if_unusable(lease, backends)
            doubts = Doubts()
            while lease and (claim := _next_claim(lease, backends, lease_lost, all_settled, doubts)):
                with traced_work(zone, claim.run_id, claim.items, claim.to_apply):
                    applied = _apply(claim, runner, backends, lease_lost)
                    doubts.note_taker(applied.results.values())
                    in_flight = _in_flight(claim, applied, doubts)
                    asked = _ask_servers(claim, in_flight, backends)
                    roles = backends.roles(claim.backend) if claim.backend else Roles()
                    answers, primary = heard(asked, roles, doubts.taker)
                    in_flight = with_fates(in_flight, claim.run_ids, answers)
                    decided = decide(in_flight, answers, settings().max_attempts, primary)
                    decisions = _with_unheard(decided, unheard(asked, answers))
                    lease = _settle(lease, claim, in_flight, decisions, answers, applied)
                    all_settled.set()
                    doubts.note(claim.items, decisions)
                if lease and _is_turn_over(lease, backends, began):
                    break
        except LeaseLost:
            metrics.LEASES_LOST.inc()
            log.warning("lease lost: another worker drains the zone and settles what this one has left open")
    # Without the lease there is nothing to do: its holder, or the sweep, sees to the zone.
    if held_lease is not None:
        _kick_next_zone(held_lease, backends)


def _rest_if_unusable(lease: Lease, backends: Backends) -> Lease | None:
    """Return the lease, or None when the backend must rest: before anything is claimed or sent."""
    why = backends.why_unusable(lease.backend) if lease.backend else None
    if why is None:
        return lease
    with transaction() as session:
        leases.check(session, lease)
        rest(session, lease, Fault(Scope.BACKEND, UnknownBackend.code, why))
    return None


def _is_turn_over(lease: Lease, backends: Backends, began: float) -> bool:
    """Return whether the worker ends, or others get it: soon when some wait, or else after `DRAIN_BUDGET`."""
    if stopping.has_begun:
        return True
    taken = time.monotonic() - began
    if taken < _SHORT_TURN:
        return False
    limited = lease.backend is not None and backends.limits(lease.backend).max_runs is not None
    return limited or taken >= settings().drain_budget or kicks.others_wait()


def _kick_next_zone(lease: Lease, backends: Backends) -> None:
    """Kick a zone that waits for a run on this backend; if runs are not limited, this zone if it has work."""
    if lease.backend and backends.limits(lease.backend).max_runs:
        kicks.kick_next_of(lease.backend)
    else:
        kicks.kick_if_due(lease.zone)


def _next_claim(
    lease: Lease, backends: Backends, lease_lost: Event, all_settled: Event, doubts: Doubts
) -> Claim | None:
    """Claim what is due; or else, after a pause, what the primary contradicts. Raises LeaseLost."""
    claim = _claim(lease, backends, lease_lost, all_settled)
    if claim is not None or not doubts or kicks.others_wait():
        return claim
    lease_lost.wait(doubts.pause())
    return _claim(lease, backends, lease_lost, all_settled, doubts.names)


def _claim(
    lease: Lease, backends: Backends, lease_lost: Event, all_settled: Event, doubtful: Collection[str] = ()
) -> Claim | None:
    """Claim the requests to work on next; None when nothing is due. Raises LeaseLost.

    At `doubtful` names, what is verifying is verified again, whether it is due or not. `all_settled` is set
    when nothing is left running in the zone, and nothing begins to.
    """
    all_settled.clear()  # it may be claimed although the database does not answer
    with transaction() as session:
        now = leases.check(session, lease, to_claim=True)
        if now.backend and now.backend != lease.backend:  # the zone was moved: its new backend is asked next
            return None
        lease = replace(now, backend=lease.backend)  # the floor follows what was settled in this hold
        orphaned = queue.list_orphaned(session, lease)
        claim = Claim(lease.zone, lease.backend, orphaned=orphaned, next_account=lease.next_account)
        if claim.orphaned:
            begun = (item.run_id for item in claim.orphaned if item.run_id)
            runs.abandon(session, begun, settings().lease)
        else:
            claim = _claim_pending(session, lease, claim, backends)
        names = {item.change.name for item in claim.items}.union(doubtful)
        verifying = queue.list_verifying(session, lease.zone, names, settings().primary_deadline)
        claim = replace(claim, verifying=_with_real_deadlines(session, verifying))
        if lease_lost.is_set():  # the database took its time; the run would be stopped at once
            raise LeaseLost(lease.zone)
    if not claim.orphaned and not claim.to_apply:
        all_settled.set()
    return claim if claim.items else None


def _with_real_deadlines(session: Session, verifying: Sequence[Item]) -> Sequence[Item]:
    """Return the requests without deadlines that may be over only because the clock was set forward."""
    if not any(item.overdue or item.primary_overdue for item in verifying):
        return verifying
    reading = database_clock.read(session)
    if not database_clock.may_have_jumped_within(settings().verify_deadline, reading):
        return verifying
    return [replace(item, overdue=False, primary_overdue=False) for item in verifying]


def _claim_pending(session: Session, lease: Lease, claim: Claim, backends: Backends) -> Claim:
    probe = bool(lease.probe or lease.failures)
    limit = PROBE_CANDIDATES if probe else _batch_limit(lease, backends)
    pending = list_candidates(session, lease, limit)
    queue.let_wait(session, behind_waiting(pending))
    batch, next_account = first_batch(pending, limit, probe=probe, next_account=lease.next_account)
    if not batch:
        return claim
    lease = replace(lease, next_account=next_account)
    ids = [item.id for item in batch]
    if claim.backend is None:
        run_id, line = None, queue.Line(_NOT_RUN, _NOT_RUN)
    else:
        run_id = uuid7()
        line = queue.Line(f"one of {len(batch)} in a run on {claim.backend}", "in a run")
        runs.start(session, run_id, lease.zone, claim.backend, ids)
    claimed = _claim_whole(session, lease, batch, run_id, line)
    to_apply = [item for item in batch if item.id in claimed]
    return replace(claim, run_id=run_id, to_apply=to_apply, probe=probe, next_account=next_account)


def _claim_whole(
    session: Session, lease: Lease, batch: Sequence[Item], run_id: UUID | None, line: queue.Line
) -> set[UUID]:
    """Claim the requests; return those that were still pending. Of a group all are claimed, or none."""
    ids = [item.id for item in batch]
    if all(item.change.group is None for item in batch):
        return queue.claim(session, lease, ids, run_id, line)
    savepoint = session.begin_nested()
    claimed = queue.claim(session, lease, ids, run_id, line)
    cut = {item.change.group for item in batch if item.id not in claimed} - {None}
    whole = [item.id for item in batch if item.id in claimed and item.change.group not in cut]
    if len(whole) == len(claimed):
        savepoint.commit()
        return claimed
    savepoint.rollback()
    return queue.claim(session, lease, whole, run_id, line)


def _batch_limit(lease: Lease, backends: Backends) -> int:
    """Return how many changes may go into the next run."""
    own = backends.limits(lease.backend).max_changes if lease.backend else None
    return min(own or settings().batch_limit, settings().batch_limit)


def _apply(claim: Claim, runner: Runner, backends: Backends, lease_lost: Event) -> Applied:
    """Return what is known of each request, after Ansible has applied what was pending."""
    if claim.backend is None:
        return Applied(dict.fromkeys((item.id for item in claim.items), _ZONE_GONE))
    known: dict[UUID, ChangeResult | None] = {item.id: _APPLIED for item in claim.verifying}
    known |= notes([item for item in claim.verifying if item.overdue])
    known |= stored_results(claim.orphaned)
    if claim.run_id is None:
        return Applied(known)
    with stopping.cancelled_in_time(lease_lost):
        result = _run_ansible(claim.run_id, claim.backend, claim, runner, backends, lease_lost)
    stopped = stopping.is_over and result.why == "cancelled"
    results = {item.id: result.trusted(item.id) for item in claim.to_apply}
    return Applied(known | results, result.detail, stopped)


def _run_ansible(
    run_id: UUID, backend: str, claim: Claim, runner: Runner, backends: Backends, lease_lost: Event
) -> RunResult:
    """Run Ansible once, and record how it ended."""
    changes = [item.change for item in claim.to_apply]
    timeout = backends.limits(backend).run_timeout or settings().run_timeout
    run = Run(run_id, claim.zone, backend, changes, timeout, recorded=simulated_state(changes))
    note_before(run_id, backend, changes, backends)
    alone = {"request_id": changes[0].request_id} if len(changes) == 1 else {}
    with bound(run_id=run_id, **alone), RunLog(run_id, quiet=claim.probe) as run_log:
        began = time.monotonic()
        with traced_run(backend, len(changes)), traced_tasks(run_log.append) as on_event:
            result = runner.run(run, on_event, lease_lost)
        count_run(backend, claim.to_apply, result, time.monotonic() - began)
        why = result.why or (result.fault.code if result.fault else None)
        say = log.debug if claim.probe else log.info  # the end of the rest, or the next one, is said anyway
        say("run ended", backend=backend, changes=len(changes), rc=result.rc, why=why)
    said = {item.id: trusted for item in claim.to_apply if (trusted := result.trusted(item.id))}
    with transaction() as session:
        runs.finish(session, run_id, result.rc, why, result.stats, result.output, said)
    return result


def _in_flight(claim: Claim, applied: Applied, doubts: Doubts) -> list[InFlight]:
    stopped = {item.id for item in claim.to_apply} if applied.stopped else ()
    in_flight = [
        InFlight(
            change=item.change,
            result=applied.results[item.id],
            lost_runs=item.lost_runs,
            overdue=item.overdue,
            primary_overdue=doubts.is_overdue(item),
            stopped=item.id in stopped,
            is_undo=item.undoes is not None,
            is_ptr=item.ptr_of is not None,
        )
        for item in claim.items
    ]
    suspects = [*claim.orphaned, *claim.to_apply]
    is_alone = len({item.change.group or item.id for item in suspects}) == 1
    if is_alone and in_flight[-1].uncertain and _is_to_blame(suspects[0], claim.backend):
        first = len(in_flight) - len(suspects)
        in_flight[first:] = [replace(item, blamable=True) for item in in_flight[first:]]
    return in_flight


def _is_to_blame(item: Item, backend: str | None) -> bool:
    """Return whether a request that was alone in a lost run is to blame: others have ended well meanwhile."""
    if backend is None or item.run_id is None or item.lost_runs + 1 < settings().max_attempts:
        return False
    with transaction() as session:
        return runs.any_ended_well(session, backend, item.run_id)


def _ask_servers(claim: Claim, in_flight: Sequence[InFlight], backends: Backends) -> Answers:
    changes = [item.change for item in in_flight if item.needs_answers]
    if not claim.backend or not changes:
        return {}
    began = time.monotonic()
    try:
        with tracing.span("verify", attributes={"backend": claim.backend, "changes": len(changes)}):
            answers = backends.ask(claim.backend, changes)
    except InventoryError as error:  # changed since it was looked at, before the run
        log.warning("servers not asked: the inventory can't be used any more", error=str(error))
        nothing = Answer(None, frozenset(), "it does not say any more which servers to ask")
        return {"the inventory": {change.key: nothing for change in changes}}
    metrics.VERIFICATION_ROUNDS.inc()
    metrics.VERIFICATION_SECONDS.observe(time.monotonic() - began)
    return answers


def _with_unheard(
    decisions: Mapping[UUID, Decision], unheard: Sequence[ServerAnswer]
) -> Mapping[UUID, Decision]:
    """Return the decisions with what servers said whose answers do not count, beside the others' answers."""
    if not unheard:
        return decisions
    return {
        request_id: replace(each, answers=[*each.answers, *unheard]) if each.answers else each
        for request_id, each in decisions.items()
    }


def _settle(
    lease: Lease,
    claim: Claim,
    in_flight: Sequence[InFlight],
    decisions: Mapping[UUID, Decision],
    answers: Answers,
    applied: Applied,
) -> Lease | None:
    """Write what was decided, what was there before and after, and the records as the servers answer them.

    Returns the lease to go on with; None when the zone or its backend must rest.
    """
    with tracing.span("settle"), transaction() as session:
        leases.check(session, lease)
        first = next(iter(answers.values()), {})
        answered = fill_in_hidden(
            session, [item.change for item in claim.items if decisions[item.id].applied], first
        )
        states = _states(session, claim, in_flight, decisions, answered)
        settled = queue.settle(session, decisions, _timing(), states)
        items = [item for item in claim.items if item.id in settled]
        applied_items = [item for item in items if decisions[item.id].applied]
        owners = owners_of_made(session, applied_items, states, {item.id for item in claim.verifying})
        records.put(session, _answered_rrsets(applied_items, answered, owners))
        tell_groups(session, (item for item in items if settled[item.id]), decisions)
        reverse_zones = keep_ptrs(session, items, decisions, states)
        sent = [] if applied.stopped else [item.id for item in claim.to_apply]
        lease = replace(lease, left_over=None, next_account=claim.next_account)
        next_lease = rest_or_go_on(session, lease, decisions, sent, applied.detail)
    kicks.kick_zones(reverse_zones)
    count_settled(items, decisions, settled)
    in_run = {item.id for item in claim.to_apply}
    log_lines(
        __name__,
        (
            _log_line(item, decisions[item.id], claim.run_id if item.id in in_run else item.run_id)
            for item in items
            if settled[item.id]
        ),
    )
    for request_id in decisions.keys() - settled:
        log.warning(
            "not settled: somebody has changed the request's status meanwhile; it stays as it is now",
            request_id=str(request_id),
            decision=decisions[request_id].message,
        )
    return next_lease


def _states(
    session: Session,
    claim: Claim,
    in_flight: Sequence[InFlight],
    decisions: Mapping[UUID, Decision],
    answered: Mapping[RRsetKey, Answer],
) -> Mapping[UUID, States]:
    """Return what was there before and after each request; the records tell where the playbook does not."""
    verifying = {item.id for item in claim.verifying}
    unsaid = misses_before((item for item in in_flight if item.change.request_id not in verifying), decisions)
    recorded = records.states(session, claim.zone, [change.name for change in unsaid]) if unsaid else {}
    return states_of(in_flight, decisions, answered, recorded, verifying)


def _timing() -> Timing:
    return Timing(
        verify_deadline=settings().verify_deadline,
        verify_pause=settings().verify_pause,
        retry_pause=settings().retry_pause,
        longest_pause=settings().retry_pause_max,
    )


def _log_line(item: Item, decision: Decision, run_id: UUID | None) -> Line:
    failed = decision.status is Status.FAILED
    what = f"{item.change.key} {decision.status}{f', {decision.code}' if failed else ''}"
    return Line(
        "warning" if failed else "info",
        f"{what}: {decision.message}",
        {
            "request_id": str(item.id),
            "run_id": str(run_id) if run_id else None,
            "status": decision.status.value,
            "code": decision.code,
        },
    )


def _answered_rrsets(
    applied: Iterable[Item], answered: Mapping[RRsetKey, Answer], owners: Mapping[RRsetKey, str]
) -> list[AnsweredRRset]:
    """Return each changed RRset as the first server answers it, and the request that changed it last.

    Whatever becomes of the requests: what was seen is true.
    """
    last = {item.change.key: item for item in applied}
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
            owner=owners.get(key),
        )
        for key, item in last.items()
        if key in answered and answered[key].error is None
    ]
