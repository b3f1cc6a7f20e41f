"""Switches listeners on and off."""

import time

from app.core.database import transaction
from app.store import outbox
from app.store.outbox import Listener

_PAUSE = 0.01  # seconds
WAIT_AT_MOST = 60.0  # seconds: what our own processes leave open ends by then


def switch_on(listener: Listener) -> bool:
    """Let the listener be told of every change that is committed from now on; False: it was on already.

    The transactions that may have looked for listeners before are waited for: they write no events. Raises
    what the database raises; then call it again.
    """
    with transaction() as session:
        is_new = outbox.add_listener(session, listener)
    with transaction() as session:
        unaware = outbox.who_writes_lines(session)
    limit = time.monotonic() + WAIT_AT_MOST
    while unaware and time.monotonic() < limit:
        time.sleep(_PAUSE)
        with transaction() as session:
            unaware &= outbox.who_writes_lines(session)
    return is_new


def switch_off(listener: Listener) -> bool:
    """Write no more events for the listener; False: it was off already."""
    with transaction() as session:
        return outbox.remove_listener(session, listener)
