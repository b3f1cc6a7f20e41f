"""Plan changes by the servers, the answering side: a worker runs the playbook in Ansible's check mode."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, replace
from threading import Event
from uuid import UUID

from uuid_utils.compat import uuid7

from app.core.config import settings
from app.core.database import transaction
from app.core.logging import bound, get_logger
from app.core.outage import Outage
from app.core.redis import BROKER_ERRORS
from app.core.stopping import stopping
from app.domain.change import Change, Outcome
from app.domain.effects import UNKNOWN, WOULD_BE_SENT, PlannedOutcome
from app.domain.errors import HIDDEN_CODE, InventoryError
from app.domain.retry_policy import TAKE_ORDERS, Kind, of_result
from app.runner import make_runner
from app.runner.protocol import Run, Runner, RunResult
from app.services.drain.backends import Backends, make_backends, simulated_state
from app.services.drain.lease import hold_lease
from app.services.orders import reply
from app.services.plan import orders
from app.services.plan.orders import Order
from app.store import zones

log = get_logger(__name__)
_outage = Outage(
    log,
    "no plans are made: Redis is unavailable; it is asked again until it answers",
    "plans are made again: Redis answers",
)

RUNS_AT_ONCE = 2  # plans of one worker, besides the runs of its pool
_SLOT_PAUSE = 0.25  # seconds until it is tried again to get a run on a backend that limits them

_GONE = PlannedOutcome(Outcome.FAILED, "zone_unknown", "the zone is not served any more")
_NO_RUN = PlannedOutcome(
    UNKNOWN, None, "the zone is busy, or its backend has no run to spare or rests; try again"
)
_UNUSABLE = PlannedOutcome(UNKNOWN, None, "the inventory can't be used; the log of the worker says why")
_LEFT_ALONE = PlannedOutcome(
    UNKNOWN, None, "a worker that only simulates was asked, and the zone's backend is a real one; try again"
)
_NO_TIME = PlannedOutcome(UNKNOWN, None, "the time for planning was over before its turn")
_SENT = (
    "nothing that the servers show speaks against it; what their policy refuses, only a real update can tell"
)

_SIMULATED = "simulated: no DNS server was asked"

Outcomes = Mapping[UUID, PlannedOutcome]


def answer_orders_until(stop: Event) -> None:
    """Take orders and answer them, one after the other, until `stop` is set, whatever happens."""
    while not stop.is_set():
        try:
            order = orders.take()
            _outage.end()
            if order is not None:
                answer_order(order, make_runner(), make_backends())
        except BROKER_ERRORS as error:
            _outage.note(error)
            stop.wait(TAKE_ORDERS.pauses.first)
        except Exception:  # if this ended, nobody would plan any more
            log.exception("a plan was not made; the client is told to try again")


def answer_order(order: Order, runner: Runner, backends: Backends) -> None:
    """Run the playbook over the changes in check mode, and put what would become of each into Redis."""
    with bound(zone=order.zone):
        outcomes = _plan(order, runner, backends)
    answer = {str(request_id): _as_sent(outcome) for request_id, outcome in outcomes.items()}
    reply(order.reply_to, answer)


def _as_sent(outcome: PlannedOutcome) -> Sequence[object]:
    """Return the fields of an outcome; the last one only if it is true: other releases don't know it."""
    *asked, is_simulated = astuple(outcome)
    return [*asked, True] if is_simulated else asked


def _plan(order: Order, runner: Runner, backends: Backends) -> Outcomes:
    with transaction() as session:
        served = zones.get(session, order.zone)
        backend = served.backend if served else zones.SIMULATED_BACKEND
        left_alone = not backends.may_be_served(session, backend)
    if served is None and not settings().simulated:
        return _all(order.changes, _GONE)
    if left_alone:
        return _all(order.changes, _LEFT_ALONE)
    try:
        limits = backends.limits(backend)
    except InventoryError as error:
        log.warning("plan not made: the inventory can't be used", error=str(error))
        return _all(order.changes, _UNUSABLE)
    with _run_slot(order, backends, limited=bool(limits.max_runs)) as cancel:
        if cancel is None:
            return _all(order.changes, _NO_RUN)
        outcomes: dict[UUID, PlannedOutcome] = {}
        size = limits.max_changes or settings().batch_limit
        for start in range(0, len(order.changes), size):
            part = order.changes[start : start + size]
            left = min(order.seconds_left, limits.run_timeout or settings().run_timeout)
            if left <= 0:
                outcomes |= _all(part, _NO_TIME)
                continue
            recorded = simulated_state(part)
            run = Run(uuid7(), order.zone, backend, part, left, check=True, recorded=recorded)
            outcomes |= _dry_run(run, runner, cancel)
    return outcomes


@contextmanager
def _run_slot(order: Order, backends: Backends, *, limited: bool) -> Iterator[Event | None]:
    """Hold a run on the backend for the block; yield what cancels it, or None when there is no run in time.

    Where the backend limits its runs, a plan takes one by the zone's lease, as a drain does.
    """
    if not limited:
        yield Event()
        return
    while order.seconds_left > 0:
        with hold_lease(order.zone, backends) as (lease, lost):
            if lease is not None:
                yield lost
                return
        time.sleep(_SLOT_PAUSE)
    yield None


def _dry_run(run: Run, runner: Runner, cancel: Event) -> Outcomes:
    with bound(run_id=run.id), stopping.cancelled_in_time(cancel):
        result = runner.run(run, lambda event: log.debug(event.message), cancel)
    outcomes = {change.request_id: _outcome(result, change.request_id) for change in run.changes}
    if settings().simulated:
        return {request_id: _simulated(outcome) for request_id, outcome in outcomes.items()}
    return outcomes


def _simulated(outcome: PlannedOutcome) -> PlannedOutcome:
    words = None if outcome.outcome == WOULD_BE_SENT else outcome.message
    message = "; ".join(filter(None, (_SIMULATED, words)))
    return replace(outcome, message=message, is_simulated=True)


def _all(changes: Sequence[Change], outcome: PlannedOutcome) -> Outcomes:
    return {change.request_id: outcome for change in changes}


def _outcome(result: RunResult, request_id: UUID) -> PlannedOutcome:
    found = result.trusted(request_id)
    if found is not None and found.outcome is Outcome.APPLIED:
        return PlannedOutcome(WOULD_BE_SENT, None, _SENT, found.before)
    if found is not None:
        outcome = UNKNOWN if _says_nothing(found.code) else found.outcome
        return PlannedOutcome(outcome, found.code, found.message, found.before)
    if result.why or result.rc != 0:
        why = result.why or f"exit status {result.rc}"
        return PlannedOutcome(UNKNOWN, None, f"the run in check mode failed ({why})")
    return PlannedOutcome(UNKNOWN, None, "the playbook says nothing of it in check mode")


def _says_nothing(code: str | None) -> bool:
    """Whether a failure with this code says nothing of the change: nobody has looked."""
    return code == HIDDEN_CODE or (code is not None and of_result(code).kind is not Kind.PERMANENT)
