"""Hold a zone while it is worked off: the claim is renewed by a heartbeat and given back at the end."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread, Timer

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.config import settings
from app.core.database import transaction
from app.core.logging import get_logger
from app.runner.ansible.inventory import InventoryError, RunLimits, run_limits
from app.store import backends, leases
from app.store.backends import Admission
from app.store.leases import Lease

log = get_logger(__name__)

_SURE = 0.8  # of the lease; what is left of it is for ending the run before another worker begins


@contextmanager
def hold(zone: str) -> Iterator[tuple[Lease | None, Event]]:
    """Claim the zone for the block: gives the lease, None while another worker has it or it rests.

    The event is set when the claim can't be renewed: soon another worker may have the zone.
    """
    lost, done = Event(), Event()
    alarm = _alarm(zone, lost)
    lease = _acquire(zone)
    if lease is None:
        alarm.cancel()
        yield None, lost
        return
    heartbeat = Thread(target=_renew, args=(lease, alarm, lost, done), name=f"lease {zone}", daemon=True)
    heartbeat.start()
    try:
        yield lease, lost
    finally:
        done.set()
        heartbeat.join()
        with transaction() as session:
            leases.release(session, lease)


class _NotNow(Exception):
    pass


def _acquire(zone: str) -> Lease | None:
    try:
        with transaction() as session:
            return _admitted(session, zone)
    except _NotNow:
        return None


def _admitted(session: Session, zone: str) -> Lease:
    """The zone's lease, if its backend may have one more run now. Raises _NotNow: nothing stays marked."""
    lease = leases.acquire(session, zone, _holder(), settings().lease)
    if lease is None:
        raise _NotNow
    if lease.backend is None:
        return lease
    admission = backends.admit(session, lease.backend, zone, backend_limits(lease.backend).max_runs)
    if admission is Admission.NOT_NOW:
        raise _NotNow
    return replace(lease, probe=admission is Admission.PROBE)


def backend_limits(backend: str) -> RunLimits:
    """The backend's own limits; none where the inventory can't be used: the run will say so."""
    if settings().executor == "simulated":
        return RunLimits()
    try:
        return run_limits(settings().inventory, backend)
    except InventoryError:
        return RunLimits()


def _renew(lease: Lease, alarm: Timer, lost: Event, done: Event) -> None:
    while not done.wait(settings().lease / 3):
        next_alarm = _alarm(lease.zone, lost)
        if _extended(lease):
            alarm.cancel()
            alarm = next_alarm
        else:
            next_alarm.cancel()
    alarm.cancel()


def _alarm(zone: str, lost: Event) -> Timer:
    """Rings unless it is cancelled in time.

    A thread of its own, set before the database is asked: an answer may be late, or never come.
    """
    timer = Timer(_SURE * settings().lease, _ring, (zone, lost))
    timer.daemon = True
    timer.start()
    return timer


def _ring(zone: str, lost: Event) -> None:
    log.warning("lost the claim on the zone", zone=zone)
    lost.set()


def _extended(lease: Lease) -> bool:
    try:
        with transaction() as session:
            return leases.extend(session, lease, settings().lease)
    except SQLAlchemyError as error:
        log.warning("claim not renewed", zone=lease.zone, error=str(error))
        return False


def _holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
