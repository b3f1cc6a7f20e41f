"""Rest: an unavailable backend or zone is left alone for growing pauses, then probed with one request.

It is a circuit breaker for each: closed, open while it rests, half-open while it is probed.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import metrics
from app.core.backoff import Backoff
from app.core.config import settings
from app.core.logging import get_logger
from app.domain.retry_policy import REST_JITTER, Scope
from app.domain.settlement import Decision, Fault
from app.store import backends, leases
from app.store.leases import Lease

log = get_logger(__name__)


def rest_or_go_on(
    session: Session,
    lease: Lease,
    decisions: Mapping[UUID, Decision],
    sent: Collection[UUID],
    detail: str | None = None,
) -> Lease | None:
    """Let the backend or the zone rest where a decision names a fault of it; None then.

    Otherwise the lease is returned. Earlier failures are forgotten when a request of `sent`, those that were
    in a run, has shown that changes are taken again. `detail` is the run's own word on a fault.
    """
    faults = [decision.fault for decision in decisions.values() if decision.fault]
    if faults:
        for scope in {fault.scope: fault for fault in reversed(faults)}.values():
            rest(session, lease, scope, detail)
        return None
    return _forget_failures(session, lease) if sent else lease


def rest(session: Session, lease: Lease, fault: Fault, detail: str | None = None) -> None:
    """Let the zone of the lease rest, or its backend, as far as the fault reaches."""
    fault = fault._replace(why=detail or fault.why)
    backoff = Backoff(settings().retry_pause, settings().retry_pause_max, jitter=REST_JITTER)
    if fault.scope is Scope.BACKEND and lease.backend:
        seconds = backoff.pause(backends.failures(session, lease.backend))
        backends.rest(session, lease.backend, seconds, fault)
        what = "backend unavailable: its zones rest, then one of them tries it with one request"
    else:
        seconds = backoff.pause(lease.failures)
        leases.rest(session, lease, seconds, fault)
        what = "zone unavailable: it rests, then it is tried with one request"
    metrics.RESTS.inc(scope=fault.scope, code=fault.code)
    log.warning(what, backend=lease.backend, code=fault.code, why=fault.why, seconds=round(seconds, 1))


def _forget_failures(session: Session, lease: Lease) -> Lease:
    if lease.failures:
        leases.forget_failures(session, lease)
        log.info("zone available again")
    if lease.probe and lease.backend:
        backends.forget_failures(session, lease.backend)
        log.info("backend available again", backend=lease.backend)
    return replace(lease, probe=False, failures=0)
