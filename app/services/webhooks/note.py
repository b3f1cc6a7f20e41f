"""Notes in the audit what workers have disabled: they have no right to it."""

import time

from app.core.database import transaction
from app.domain.permissions import SERVICE
from app.services.access import audit
from app.store import webhooks as store

_PAUSE = 1.0  # seconds


class DisabledNoter:
    """A step of what an API does again and again."""

    def __init__(self) -> None:
        self._next_look = 0.0

    def __call__(self) -> float:
        """Note webhooks that were disabled. Returns how many seconds to wait before the next look."""
        if time.monotonic() >= self._next_look:
            note_disabled()
            self._next_look = time.monotonic() + _PAUSE
        return _PAUSE


def note_disabled() -> None:
    """Note webhooks that workers have disabled since the last time."""
    with transaction() as session:
        for row in store.lock_disabled_unnoted(session):
            row.disabled_noted = True
            after = {"disabled": row.disabled, "code": row.last_code, "error": row.last_error}
            audit.note(session, SERVICE, "webhook_disabled", str(row.id), after=after)
