"""What is put right at webhooks now and then: what is too old, too much, or not allowed any more."""

import time
from datetime import timedelta
from uuid import UUID

from app.core.config import settings
from app.core.database import transaction
from app.domain.webhook import WhyDisabled
from app.services.events.holders import holders_of
from app.services.webhooks.registry import MAX_WAITING, listen
from app.services.webhooks.turns import LONGEST_PAUSE, SERVICE_TIME, disable_saying
from app.store import deliveries
from app.store import webhooks as store
from app.store.upkeep import read_time

_FORGOTTEN_AT_ONCE = 2_000  # deliveries
_FORGET_WITHIN = 10.0  # seconds
_RANDOM_BITS = 80  # of a uuid of version 7, behind its milliseconds


def tend() -> None:
    """Disable webhooks whose holders have lost their rights, or for which too much waits; forget the old."""
    with transaction() as session:
        store.mend_times(session, 2 * LONGEST_PAUSE, SERVICE_TIME)
        enabled = store.list_enabled(session)
        holders = holders_of(enabled, read_time(session))
        waiting = deliveries.count_waiting(session, [each.id for each in enabled], MAX_WAITING)
    for each in enabled:
        if each.id not in holders:
            _disable(each.id, WhyDisabled.RIGHTS_LOST)
        elif waiting.get(each.id, 0) >= MAX_WAITING:
            _disable(each.id, WhyDisabled.BACKLOG)
    listen()
    _forget_old()


def _disable(webhook_id: UUID, why: WhyDisabled) -> None:
    with transaction() as session:
        row = store.lock(session, webhook_id)
        still_lost = row is not None and not holders_of([row], read_time(session))
        if row is not None and row.disabled is None and (why is WhyDisabled.BACKLOG or still_lost):
            disable_saying(row, why)


def _forget_old() -> None:
    """Remove deliveries that are older than `WEBHOOK_RETENTION`; the rest of very many another time."""
    with transaction() as session:
        oldest_kept = read_time(session) - timedelta(seconds=settings().webhook_retention)
    before = UUID(int=max(0, int(oldest_kept.timestamp() * 1_000)) << _RANDOM_BITS)
    end = time.monotonic() + _FORGET_WITHIN
    number = _FORGOTTEN_AT_ONCE
    while number == _FORGOTTEN_AT_ONCE and time.monotonic() < end:
        with transaction() as session:
            number = deliveries.forget(session, before, _FORGOTTEN_AT_ONCE)
