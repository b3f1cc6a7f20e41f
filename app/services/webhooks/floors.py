"""From which time on deliveries to a webhook are looked for.

A long snapshot keeps deliveries in the index that were made long ago. Whoever looked for what is due from its
beginning would pass over all of them each time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

# A delivery is committed so long after its `next_try_at` was chosen, or never.
DELAY = timedelta(seconds=60)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Floor:
    value: datetime = _BEGINNING  # nothing that waits is to be tried before
    following: datetime = _BEGINNING  # the next one, when it is old enough
    noted_at: datetime = _BEGINNING


class Floors:
    """Those of the webhooks that a process serves."""

    def __init__(self) -> None:
        self._by_webhook: dict[UUID, _Floor] = {}

    def get(self, webhook_id: UUID, now: datetime, oldest: Callable[[datetime], datetime | None]) -> datetime:
        """Return the floor of a webhook.

        `oldest` returns when the first of what waits from a time on is to be tried; None: nothing waits.
        """
        floor = self._by_webhook.setdefault(webhook_id, _Floor())
        if not floor.noted_at <= now < floor.noted_at + DELAY:
            floor.value = floor.following if floor.noted_at <= now else _BEGINNING
            floor.following = min(oldest(floor.value) or now, now)
            floor.noted_at = now
        return floor.value
