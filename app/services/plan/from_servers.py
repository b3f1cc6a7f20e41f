"""Plan changes by the servers, the asking side: the API sends the changes to a worker and waits.

Only a worker has the inventory and the keys. Nothing is stored: the answer comes back over Redis, where it
expires, and the API does not wait for ever.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from uuid_utils.compat import uuid7

from app.core.celery_app import PLAN, QUEUE, celery_app
from app.core.config import settings
from app.core.logging import get_logger
from app.core.redis import BROKER_ERRORS, async_redis
from app.domain.change import Change, Outcome
from app.domain.effects import PlannedOutcome
from app.domain.errors import ServersNotAsked
from app.services.plan.from_records import Planned
from app.services.requests.validate import Refused

log = get_logger(__name__)

REPLY_KEY = "dns:plan:{id}"  # the Redis list that a worker puts its answer into

Answer = Mapping[str, tuple[str, str | None, str | None]]  # by request id: outcome, code, message


async def plan_from_servers(plan: Sequence[Planned | Refused]) -> list[Planned | Refused]:
    """Return the plan with the outcomes that the servers tell in place of those of the records.

    Raises ServersNotAsked when no worker answers within `PLAN_TIMEOUT`.
    """
    outcomes = await ask_workers([item.effect.change for item in plan if isinstance(item, Planned)])
    return [item if isinstance(item, Refused) else _corrected(item, outcomes) for item in plan]


async def ask_workers(changes: Sequence[Change]) -> dict[UUID, PlannedOutcome]:
    """Return what would become of each change, as a worker found out. Raises ServersNotAsked."""
    orders = {REPLY_KEY.format(id=uuid7()): part for part in _by_zone(changes).values()}
    limit = settings().plan_timeout
    try:
        await asyncio.to_thread(_send, orders, limit)
        answers = await asyncio.wait_for(_collect(list(orders)), limit)
    except TimeoutError:
        raise ServersNotAsked(f"no worker has answered within {limit:g} s; try again") from None
    except BROKER_ERRORS as error:
        log.warning("plan not made: Redis is unavailable; the client is told to try again", error=str(error))
        raise ServersNotAsked("the workers can't be reached now; try again") from error
    return {
        UUID(request_id): PlannedOutcome(*outcome)
        for answer in answers
        for request_id, outcome in answer.items()
    }


def _corrected(item: Planned, outcomes: Mapping[UUID, PlannedOutcome]) -> Planned:
    effect = replace(item.effect, planned=outcomes[item.effect.change.request_id])
    if effect.planned.outcome == Outcome.FAILED:
        effect = replace(effect, after=effect.before)
    return Planned(effect, "servers")


def _by_zone(changes: Iterable[Change]) -> Mapping[str, list[Change]]:
    parts: dict[str, list[Change]] = {}
    for change in changes:
        parts.setdefault(change.zone, []).append(change)
    return parts


def _send(orders: Mapping[str, Sequence[Change]], limit: float) -> None:
    """Send each zone's changes, by the key of the reply; `limit` is in seconds."""
    for reply_to, changes in orders.items():
        arguments = [changes[0].zone, [change.as_json() for change in changes], reply_to]
        celery_app.send_task(PLAN, args=arguments, queue=QUEUE, expires=limit, retry=False)


async def _collect(waiting: list[str]) -> list[Answer]:
    answers: list[Answer] = []
    async with async_redis() as client:
        while waiting:
            key, answer = await client.blpop(waiting)  # type: ignore[misc]
            waiting.remove(key.decode())
            answers.append(json.loads(answer))
    return answers
