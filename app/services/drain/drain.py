"""Work off one zone: claim, apply, verify, settle."""

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from threading import Event
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.core.config import settings
from app.core.database import transaction
from app.core.logging import bound, get_logger, info_each
from app.domain.change import ChangeResult, Outcome
from app.domain.expectation import Answer
from app.domain.lifecycle import Status
from app.domain.settlement import Answers, Fate, Held, judge
from app.runner.protocol import Run, Runner
from app.services import kicks
from app.services.drain import verify
from app.services.drain.lease import backend_limits, hold
from app.services.drain.run_log import RunLog
from app.store import backends, leases, queue, records, runs
from app.store.leases import Lease, LeaseLost
from app.store.queue import Item
from app.store.records import Seen

log = get_logger(__name__)

_APPLIED = ChangeResult(Outcome.APPLIED)
_NO_ZONE = ChangeResult(Outcome.FAILED, "zone_unknown", "the zone is not served any more")

Results = Mapping[UUID, ChangeResult | None]  # None: the outcome is unknown


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker has in hand: requests to run now, and requests to ask the servers about."""

    zone: str
    backend: str | None  # None: the zone is not served any more
    run_id: UUID | None = None
    fresh: Sequence[Item] = ()  # claimed for the run
    orphaned: Sequence[Item] = ()  # left running by a worker that is gone
    waiting: Sequence[Item] = ()  # applied before, not answered everywhere yet

    @property
    def items(self) -> list[Item]:
        """All of them, in the order in which they were applied."""
        return [*self.waiting, *self.orphaned, *self.fresh]


def drain(zone: str, runner: Runner) -> None:
    """Work off the zone batch by batch until nothing is due, it has to rest, or another zone's turn comes."""
    kicks.clear_mark(zone)
    until = time.monotonic() + settings().drain_budget
    with bound(zone=zone), hold(zone) as (held_lease, lost):
        lease = held_lease
        try:
            while lease and time.monotonic() < until and (work := _claim(lease)):
                results = _apply(work, runner, lost)
                held = [
                    Held(item.change, results[item.id], item.lost_runs, item.overdue) for item in work.items
                ]
                answers = verify.ask(work.backend, [item.change for item in held if item.tried])
                fates = judge(held, answers, settings().max_attempts)
                lease = _settle(lease, work, fates, answers)
        except LeaseLost:
            log.warning("another worker has taken the zone over")
    if held_lease is not None:  # who could not have the zone leaves it to the holder and to the sweep
        _pass_on(held_lease)


def _pass_on(lease: Lease) -> None:
    """Wake who can go on now that the zone has been given back."""
    if lease.backend and backend_limits(lease.backend).max_runs:
        kicks.kick_one_zone_of(lease.backend)
    else:
        kicks.kick_if_due(lease.zone)


def _claim(lease: Lease) -> Work | None:
    """Take what is to be done next; None when nothing is due."""
    with transaction() as session:
        served_by = leases.check(session, lease)
        if served_by and served_by != lease.backend:  # it has been moved: others decide whether it may go on
            return None
        work = Work(lease.zone, lease.backend, orphaned=queue.orphans(session, lease))
        if work.orphaned:
            runs.abandon(session, lease.zone)
        else:
            work = _claim_pending(session, lease, work)
        names = {item.change.name for item in work.items}
        work = replace(work, waiting=queue.verifying(session, lease.zone, names))
    return work if work.items else None


def _claim_pending(session: Session, lease: Lease, work: Work) -> Work:
    limit = _limit(lease)
    pending = _alike(queue.pending(session, lease.zone, limit))
    if not pending:
        return work
    run_id, backend = uuid7(), work.backend or "nowhere"
    runs.start(session, run_id, lease.zone, backend, len(pending))
    message = f"one of {len(pending)} in a run on {backend}"
    ids = queue.claim(session, lease, [item.id for item in pending], run_id, message)
    return replace(work, run_id=run_id, fresh=[item for item in pending if item.id in ids])


def _limit(lease: Lease) -> int:
    """How many changes may go into the next run."""
    if lease.probe or lease.failures:
        return 1
    own = backend_limits(lease.backend).max_changes if lease.backend else None
    return min(own or settings().batch_limit, settings().batch_limit)


def _alike(pending: Sequence[Item]) -> Sequence[Item]:
    """Those that may share a run: what was lost twice goes in ever smaller batches, to find the culprit."""
    if not pending:
        return pending
    limit = _share(pending[0])
    return list(takewhile(lambda item: _share(item) == limit, pending))[:limit]


def _share(item: Item) -> int:
    steps = max(0, item.lost_runs - 1)
    return max(1, settings().batch_limit // int(15**steps))


def _apply(work: Work, runner: Runner, lost: Event) -> Results:
    """What is known of each request, after Ansible has run over the fresh ones."""
    if work.backend is None:
        return dict.fromkeys((item.id for item in work.items), _NO_ZONE)
    known: dict[UUID, ChangeResult | None] = {item.id: _APPLIED for item in work.waiting}
    known |= {item.id: None for item in work.orphaned}
    if work.run_id is not None:
        known |= _run(work.run_id, work.backend, work, runner, lost)
    if why := verify.unusable(work.backend):
        return dict.fromkeys(known, ChangeResult(Outcome.FAILED, "backend_unknown", why))
    return known


def _run(run_id: UUID, backend: str, work: Work, runner: Runner, lost: Event) -> Results:
    """Run Ansible once; a request that it says nothing of is unknown."""
    changes = [item.change for item in work.fresh]
    timeout = backend_limits(backend).run_timeout or settings().run_timeout
    run = Run(run_id, work.zone, backend, changes, timeout)
    with bound(run_id=run_id), RunLog(run_id) as run_log:
        ended = runner.run(run, run_log.add, lost)
        log.info("run ended", backend=backend, changes=len(changes), rc=ended.rc, why=ended.why)
    with transaction() as session:
        runs.finish(session, run_id, ended.rc, ended.why, ended.stats, ended.output)
    return {item.id: ended.trusted(item.id) for item in work.fresh}


def _settle(lease: Lease, work: Work, fates: Mapping[UUID, Fate], answers: Answers) -> Lease | None:
    """Write each request's fate, and the records as the servers answer them; None when the zone must rest."""
    with transaction() as session:
        leases.check(session, lease)
        queue.settle(session, fates, deadline=settings().verify_deadline, pause=settings().verify_pause)
        records.put(session, _seen(work.items, fates, answers))
        next_lease = _rested(session, lease, work, fates)
    info_each(__name__, map(_as_line, fates.items()))
    return next_lease


def _as_line(settled: tuple[UUID, Fate]) -> tuple[str, Mapping[str, object]]:
    request_id, fate = settled
    return fate.message, {"request_id": str(request_id), "status": fate.status.value, "code": fate.code}


def _rested(session: Session, lease: Lease, work: Work, fates: Mapping[UUID, Fate]) -> Lease | None:
    """Let the backend rest when it was away, the zone when a run was lost; None when one of them must."""
    away = any(fate.away for fate in fates.values())
    lost = any(fate.status is Status.PENDING and not fate.away for fate in fates.values())
    if away and lease.backend:
        backends.rest(session, lease.backend, _pause(backends.failures(session, lease.backend)))
    if lost:
        leases.rest(session, lease, _pause(lease.failures))
    if away or lost:
        return None
    return _recovered(session, lease, work)


def _recovered(session: Session, lease: Lease, work: Work) -> Lease:
    """Forget earlier failures; those of the backend only when it has taken a change, or refused it."""
    if lease.failures:
        leases.recovered(session, lease)
    if lease.probe and lease.backend and work.fresh:
        backends.recovered(session, lease.backend)
        lease = replace(lease, probe=False)
    return replace(lease, failures=0)


def _pause(failures: int) -> float:
    """Seconds to rest after so many failures in a row: doubled, and spread so that zones wake one by one."""
    doubled = settings().retry_pause * float(2 ** min(failures, 16))
    return min(doubled, settings().retry_pause_max) * random.uniform(0.75, 1)  # noqa: S311


def _seen(items: Iterable[Item], fates: Mapping[UUID, Fate], answers: Answers) -> list[Seen]:
    """Each verified RRset as the first server answers it, with the request that changed it last."""
    first = next(iter(answers.values()), {})
    last = {item.change.key: item for item in items if fates[item.id].status is Status.SUCCEEDED}
    return [_as_seen(item, first[key]) for key, item in last.items() if key in first]


def _as_seen(item: Item, answer: Answer) -> Seen:
    change = item.change
    return Seen(
        zone=change.zone,
        name=change.name,
        record_type=change.type,
        ttl=answer.ttl or 0,
        rdata=tuple(sorted(answer.rdata)),
        account_id=item.account_id,
        request_id=item.id,
        comment=change.comment,
    )
