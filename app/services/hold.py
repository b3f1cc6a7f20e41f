"""Hold a zone while it is worked off: the claim is renewed by a heartbeat and given back at the end."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from sqlalchemy.exc import SQLAlchemyError

from app.core.config import settings
from app.core.database import transaction
from app.core.logging import get_logger
from app.store import leases
from app.store.leases import Lease

log = get_logger(__name__)


@contextmanager
def hold(zone: str) -> Iterator[tuple[Lease | None, Event]]:
    """Claim the zone for the block: gives the lease, None while another worker has it or it rests.

    The event is set when the claim can't be renewed: another worker may have the zone by then.
    """
    lost, done = Event(), Event()
    with transaction() as session:
        lease = leases.acquire(session, zone, _holder(), settings().lease)
    if lease is None:
        yield None, lost
        return
    heartbeat = Thread(target=_renew, args=(lease, lost, done), name=f"lease {zone}", daemon=True)
    heartbeat.start()
    try:
        yield lease, lost
    finally:
        done.set()
        heartbeat.join()
        with transaction() as session:
            leases.release(session, lease)


def _renew(lease: Lease, lost: Event, done: Event) -> None:
    renewed = time.monotonic()
    while not done.wait(settings().lease / 3):
        asked = time.monotonic()
        if _extended(lease):
            renewed = asked
        elif time.monotonic() - renewed > settings().lease:
            log.warning("lost the claim on the zone", zone=lease.zone)
            lost.set()
            return


def _extended(lease: Lease) -> bool:
    try:
        with transaction() as session:
            return leases.extend(session, lease, settings().lease)
    except SQLAlchemyError as error:
        log.warning("claim not renewed", zone=lease.zone, error=str(error))
        return False


def _holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
