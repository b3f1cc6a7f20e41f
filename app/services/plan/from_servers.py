"""What the DNS servers would say to changes: a worker runs the playbook in Ansible's check mode.

The API asks, a worker answers; only the worker has the inventory and the keys. Nothing is stored: the answer
comes back over Redis, and whoever waits for it does not wait for ever.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from threading import Event
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from app.core.celery_app import FORECAST, QUEUE, celery_app
from app.core.config import settings
from app.core.database import transaction
from app.core.logging import bound, get_logger
from app.core.redis import BROKER_ERRORS, async_redis, redis
from app.domain.change import Change, Outcome
from app.domain.effects import UNKNOWN, Forecast
from app.runner.protocol import Run, Runner, RunResult
from app.store import zones

log = get_logger(__name__)

_KEPT = 60  # seconds that an answer waits for whoever asked


class NoForecast(Exception):
    """Nobody has answered; the text says why."""


# --- who asks: the API


async def ask_servers(changes: Sequence[Change]) -> dict[UUID, Forecast]:
    """What would become of each change. Raises NoForecast when nobody answers within `PLAN_TIMEOUT`."""
    orders = {f"dns:forecast:{uuid7()}": part for part in _by_zone(changes).values()}
    limit = settings().plan_timeout
    try:
        await asyncio.to_thread(_send, orders, limit)
        answers = await asyncio.wait_for(_collect(list(orders)), limit)
    except TimeoutError:
        raise NoForecast(f"no worker has answered within {limit:g} s; try again") from None
    except BROKER_ERRORS as error:
        log.warning("broker away", error=str(error))
        raise NoForecast("the workers can't be reached now; try again") from error
    return {UUID(request_id): Forecast(*said) for answer in answers for request_id, said in answer.items()}


def _by_zone(changes: Iterable[Change]) -> Mapping[str, list[Change]]:
    parts: dict[str, list[Change]] = {}
    for change in changes:
        parts.setdefault(change.zone, []).append(change)
    return parts


def _send(orders: Mapping[str, Sequence[Change]], limit: float) -> None:
    for reply_to, changes in orders.items():
        args = [changes[0].zone, [change.as_json() for change in changes], reply_to]
        celery_app.send_task(FORECAST, args=args, queue=QUEUE, expires=limit, retry=False)


async def _collect(waiting: list[str]) -> list[Mapping[str, tuple[str, str | None, str | None]]]:
    answers = []
    async with async_redis() as client:
        while waiting:
            place, answer = await client.blpop(waiting)  # type: ignore[misc]
            waiting.remove(place.decode())
            answers.append(json.loads(answer))
    return answers


# --- who answers: a worker


def answer(zone: str, items: Iterable[Mapping[str, Any]], reply_to: str, runner: Runner) -> None:
    """Run the playbook over the changes in check mode, and say what would become of each."""
    changes = [Change.from_json(item) for item in items]
    with bound(zone=zone):
        said = _forecast(zone, changes, runner)
    text = json.dumps({str(request_id): astuple(each) for request_id, each in said.items()})
    with redis().pipeline() as both:
        both.rpush(reply_to, text)
        both.expire(reply_to, _KEPT)
        both.execute()


def _forecast(zone: str, changes: Sequence[Change], runner: Runner) -> dict[UUID, Forecast]:
    with transaction() as session:
        served = zones.get(session, zone)
    if served is None:
        gone = Forecast(Outcome.FAILED, "zone_unknown", "the zone is not served any more")
        return {change.request_id: gone for change in changes}
    run = Run(uuid7(), zone, served.backend, changes, settings().plan_timeout, check=True)
    with bound(run_id=run.id):
        ended = runner.run(run, lambda event: log.info(event.message), Event())
    return {change.request_id: _judge(ended, change.request_id) for change in changes}


def _judge(ended: RunResult, request_id: UUID) -> Forecast:
    said = ended.trusted(request_id)
    if said is not None:
        return Forecast(said.outcome, said.code, said.message)
    return Forecast(UNKNOWN, None, _reason(ended))


def _reason(ended: RunResult) -> str:
    if ended.why or ended.rc != 0:
        return f"the run in check mode failed ({ended.why or f'exit status {ended.rc}'})"
    return "the playbook says nothing of it in check mode"
