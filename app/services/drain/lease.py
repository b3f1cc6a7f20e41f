"""A worker's lease of a zone: acquired if the backend may have a run, extended by a heartbeat, released.

A killed worker does not extend its lease. When that has run out, `store/leases.py: zones_with_work` lists the
zone, the sweep (`services/kicks.py`) kicks it, and the next worker acquires the lease with a higher token:
should the old one come back, it can't settle anything. What it has left running is `list_orphaned` of
`store/queue.py`; the servers are asked about that first (`drain.py`).
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Event, Thread, Timer

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.config import settings
from app.core.database import transaction
from app.core.logging import get_logger
from app.core.startup import cause
from app.domain.errors import InventoryError
from app.services import kicks
from app.services.database_clock import Reading, jump_within
from app.services.drain.backends import Backends
from app.store import backends as store_backends
from app.store import leases
from app.store.backends import Admission
from app.store.leases import Lease

log = get_logger(__name__)

_left: set[str] = set()  # backends of which the log says that this process leaves their zones alone

_SAFE_SHARE = 0.8  # of the lease; the rest is for ending the run before another worker begins


@contextmanager
def hold_lease(
    zone: str, backends: Backends, all_settled: Event | None = None
) -> Iterator[tuple[Lease | None, Event]]:
    """Hold the zone's lease for the block; the lease is None while another worker has the zone or it rests.

    The event is set when the lease can't be extended, or is lost: another worker has the zone, or soon may.
    While `all_settled` is set, nothing is left running in the zone. Otherwise the next holder looks for it.
    """
    with suppress(InventoryError):  # before anything is locked; who can't read it now finds out once more
        backends.prepare()
    lost, done = Event(), Event()
    alarm = _start_alarm(zone, lost)
    lease = _acquire(zone, backends)
    if lease is None:
        alarm.cancel()
        yield None, lost
        return
    heartbeat = Thread(
        target=_extend_until_done, args=(lease, alarm, lost, done), name=f"lease {zone}", daemon=True
    )
    heartbeat.start()
    try:
        yield lease, lost
    finally:
        done.set()
        heartbeat.join()
        with transaction() as session:
            leases.release(session, lease, all_settled=all_settled is not None and all_settled.is_set())


class _NotAdmitted(Exception):
    """Rolls back: the zone can't be drained now."""


def _acquire(zone: str, backends: Backends) -> Lease | None:
    try:
        with transaction() as session:
            return _acquire_if_admitted(session, zone, backends)
    except _NotAdmitted:
        return None


def _acquire_if_admitted(session: Session, zone: str, backends: Backends) -> Lease:
    asked_at = time.monotonic()
    lease = leases.acquire(session, zone, f"{socket.gethostname()}:{os.getpid()}", settings().lease)
    if lease is None or _may_be_held(lease, asked_at):
        raise _NotAdmitted
    if lease.backend is None:
        return lease
    if not backends.may_be_served(session, lease.backend):
        _leave(zone, lease.backend)
        raise _NotAdmitted
    max_runs = backends.limits(lease.backend).max_runs
    admission = store_backends.admit(session, lease.backend, zone, max_runs)
    if admission is Admission.NOT_NOW:
        raise _NotAdmitted
    return replace(lease, probe=admission is Admission.PROBE)


def _may_be_held(lease: Lease, asked_at: float) -> bool:
    """Return whether the lease before may have run out because the database's clock was set forward.

    Its holder, if it is alive, finds out by its next heartbeat. So it gets the time of a lease.
    """
    jump = jump_within(settings().lease, Reading.of(lease.acquired_at, asked_at))
    return jump > 0 and lease.ran_out_at is not None and lease.ran_out_at > lease.acquired_at - jump


def _leave(zone: str, backend: str) -> None:
    """Leave the zone to workers with an inventory. The log says so once for each backend."""
    kicks.clear_mark(zone)
    if backend not in _left:
        _left.add(backend)
        log.warning(
            "zones left alone: this worker only simulates, and their backend is a real one. Set INVENTORY and"
            " EXECUTOR=ansible for it, or end it",
            zone=zone,
            backend=backend,
        )


def _extend_until_done(lease: Lease, alarm: Timer, lost: Event, done: Event) -> None:
    while not done.wait(settings().lease / 3):
        next_alarm = _start_alarm(lease.zone, lost)
        extended = _extend(lease)
        if extended:
            alarm.cancel()
            alarm = next_alarm
            continue
        next_alarm.cancel()
        if extended is False:
            log.warning(
                "lease lost: another worker has taken the zone over; the run is stopped", zone=lease.zone
            )
            lost.set()
            break
    alarm.cancel()


def _start_alarm(zone: str, lost: Event) -> Timer:
    """Start a timer that reports the lease as lost, unless it is cancelled before.

    It is a thread of its own, started before the database is asked: the database may answer late or never.
    """
    timer = Timer(_SAFE_SHARE * settings().lease, _report_lost, (zone, lost))
    timer.daemon = True
    timer.start()
    return timer


def _report_lost(zone: str, lost: Event) -> None:
    log.warning(
        "lease not extended in time; the run is stopped, another worker takes the zone over", zone=zone
    )
    lost.set()


def _extend(lease: Lease) -> bool | None:
    """Return whether the lease is extended, or lost; None when the database can't tell."""
    try:
        with transaction() as session:
            return leases.extend(session, lease, settings().lease)
    except SQLAlchemyError as error:
        log.warning(
            "lease not extended: the database failed; it is tried again until the lease is nearly over",
            zone=lease.zone,
            error=cause(error),
        )
        return None
