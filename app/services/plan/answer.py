"""Plan changes by the servers, the answering side: a worker runs the playbook in Ansible's check mode."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from threading import Event
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from app.core.config import settings
from app.core.database import transaction
from app.core.logging import bound, get_logger
from app.core.redis import redis
from app.domain.change import Change, Outcome
from app.domain.effects import UNKNOWN, PlannedOutcome
from app.runner.protocol import Run, Runner, RunResult
from app.store import zones

log = get_logger(__name__)

_ANSWER_EXPIRY = 60  # seconds that an answer waits for the API


def answer_plan(zone: str, items: Iterable[Mapping[str, Any]], reply_to: str, runner: Runner) -> None:
    """Run the playbook over the changes in check mode, and put what would become of each into Redis.

    `items` are changes as in a changes file, `reply_to` is the key of the list for the answer.
    """
    changes = [Change.from_json(item) for item in items]
    with bound(zone=zone):
        outcomes = _plan(zone, changes, runner)
    answer = json.dumps({str(request_id): astuple(outcome) for request_id, outcome in outcomes.items()})
    with redis().pipeline() as commands:
        commands.rpush(reply_to, answer)
        commands.expire(reply_to, _ANSWER_EXPIRY)
        commands.execute()


def _plan(zone: str, changes: Sequence[Change], runner: Runner) -> dict[UUID, PlannedOutcome]:
    with transaction() as session:
        served = zones.get(session, zone)
    if served is None and not settings().simulated:
        gone = PlannedOutcome(Outcome.FAILED, "zone_unknown", "the zone is not served any more")
        return {change.request_id: gone for change in changes}
    backend = served.backend if served else zones.SIMULATED_BACKEND
    run = Run(uuid7(), zone, backend, changes, settings().plan_timeout, check=True)
    with bound(run_id=run.id):
        result = runner.run(run, lambda event: log.info(event.message), Event())
    return {change.request_id: _outcome(result, change.request_id) for change in changes}


def _outcome(result: RunResult, request_id: UUID) -> PlannedOutcome:
    found = result.trusted(request_id)
    if found is not None:
        return PlannedOutcome(found.outcome, found.code, found.message)
    if result.why or result.rc != 0:
        why = result.why or f"exit status {result.rc}"
        return PlannedOutcome(UNKNOWN, None, f"the run in check mode failed ({why})")
    return PlannedOutcome(UNKNOWN, None, "the playbook says nothing of it in check mode")
