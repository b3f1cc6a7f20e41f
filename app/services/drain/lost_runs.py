"""What is known of requests whose run was lost: what it had said, or what the order of acceptance gives."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from app.core.config import settings
from app.core.database import transaction
from app.core.logging import get_logger
from app.domain.believed import Answers, heard
from app.domain.change import Action, Change, ChangeResult, Outcome
from app.domain.effects import RRset
from app.domain.errors import InventoryError
from app.domain.expectation import Answer
from app.domain.order import Before, decided_by_before, fates
from app.domain.settlement import InFlight
from app.services.drain.backends import Backends
from app.store import runs
from app.store.queue import Item

log = get_logger(__name__)


def stored_results(orphaned: Sequence[Item]) -> Mapping[UUID, ChangeResult | None]:
    """Return what the runs of orphaned requests had said of them; None where a run had not ended."""
    if not orphaned:
        return {}
    with transaction() as session:
        said = runs.results(session, {item.run_id for item in orphaned if item.run_id})
    return {item.id: said.get(item.id) for item in orphaned}


def notes(overdue: Sequence[Item]) -> Mapping[UUID, ChangeResult]:
    """Return the results of requests whose verification is overdue, with what their runs had said of them."""
    said = stored_results(overdue)
    return {
        request_id: ChangeResult(Outcome.APPLIED, note=result.message)
        for request_id, result in said.items()
        if result is not None and result.outcome is not Outcome.FAILED
    }


def note_before(run_id: UUID, backend: str, changes: Sequence[Change], backends: Backends) -> None:
    """Record what the primary answers before a run, where the fate of a change depends on it.

    Few batches have such changes. Without an answer nothing is recorded: most likely the run fails, too.
    """
    keys = decided_by_before(changes)
    if not keys or settings().simulated:
        return
    zone = changes[0].zone
    questions = [_question(key.name, key.type, zone) for key in keys]
    try:
        answers = backends.ask(backend, questions)
    except InventoryError as error:
        log.warning("not asked what is there before the run", error=str(error))
        return
    before = _state(heard(answers, backends.roles(backend)).answers)
    if before:
        with transaction() as session:
            runs.note_before(session, run_id, before)


def with_fates(in_flight: Sequence[InFlight], run_ids: Collection[UUID], answers: Answers) -> list[InFlight]:
    """Give each request whose result is unknown the one that is certain by the order of acceptance, if any.

    `run_ids` are the runs that they were in.
    """
    lost = {request.change.request_id for request in in_flight if request.result is None}
    if not lost:
        return list(in_flight)
    with transaction() as session:
        before = runs.before(session, run_ids)
    if not before:
        return list(in_flight)
    changes = [
        request.change
        for request in in_flight  # what is all or none is told by what the servers answer
        if request.change.request_id in lost and request.change.group is None
    ]
    known = fates(changes, before, _state(answers))
    return [
        replace(request, result=known.get(request.change.request_id, request.result)) for request in in_flight
    ]


def _question(name: str, kind: str, zone: str) -> Change:
    """Return a change that is made of nothing: only its name and type are asked for."""
    return Change(UUID(int=0), Action.DELETE, zone, name, kind, 0, ())


def _state(answers: Answers) -> Before:
    """Return what the server answers that is believed, without what it could not tell."""
    first = next(iter(answers.values()), {})
    return {key: _rrset(answer) for key, answer in first.items() if not (answer.error or answer.hidden)}


def _rrset(answer: Answer) -> RRset | None:
    return RRset(answer.ttl or 0, tuple(sorted(answer.rdata))) if answer.rdata else None
