"""Batches: many changes in one call, each judged by itself, or all or nothing."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.exc import OperationalError
from uuid_utils.compat import uuid7

from app.core.config import settings
from app.core.database import is_deadlock, statements, transaction
from app.domain.change import Action, Via
from app.domain.errors import InvalidInput, Overloaded, Reason
from app.schemas.request import Batch, Envelope
from app.services.kicks import KickSender
from app.services.requests.group_commit import zones_to_kick
from app.services.requests.submit import Accepted, Replayed, Submitted, submit
from app.services.requests.validate import Draft, RawChange, read_change, shape_reasons

BATCHES_AT_ONCE = 4  # that are worked on
MAX_BATCHES = 16  # accepted and not answered: with the limit of their bodies this bounds their memory

_ENVELOPE = tuple(Envelope.model_fields)

Result = TypeVar("Result")


class BatchWorkers:
    """Works on batches in threads of its own, so that a Redis that does not answer, say, can't stop them."""

    def __init__(self, kicks: KickSender) -> None:
        self._threads = ThreadPoolExecutor(BATCHES_AT_ONCE, "batch")
        self._in_hand = 0
        self._kicks = kicks

    @contextmanager
    def reserve_slot(self) -> Iterator[None]:
        """Reserve a slot while one batch is read, stored and answered. Raises Overloaded."""
        if self._in_hand >= MAX_BATCHES:
            raise Overloaded
        self._in_hand += 1
        try:
            yield
        finally:
            self._in_hand -= 1

    async def run(self, work: Callable[[], tuple[Sequence[Submitted], Result]]) -> Result:
        """Do the work of one batch in a thread, in its turn; then kick the zones of what it has submitted."""
        submitted, result = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        self._kicks.add(zones_to_kick(submitted))
        return result


def submit_batch(body: object, via: Via = Via.API) -> list[Submitted]:
    """Submit the changes of a decoded body, and return what became of each.

    Raises InvalidInput for what is no batch or too long, BatchRefused for an atomic batch with bad items.
    """
    try:
        batch = Batch.model_validate(body)
    except ValidationError as error:
        raise InvalidInput(shape_reasons(error)) from error
    drafts = [read_change(raw._replace(via=via)) for raw in read_items(batch.requests)]
    try:
        return _store(drafts, atomic=batch.atomic)
    except OperationalError as error:  # two batches with the same idempotency keys in another order
        if not is_deadlock(error):
            raise
    return _store(drafts, atomic=batch.atomic)


def read_items(items: Sequence[Any]) -> list[RawChange]:
    """Return the items of a batch as single changes. Raises InvalidInput when there are too many."""
    limit = settings().max_batch_items
    if len(items) > limit:
        reason = Reason(("requests",), "too_many_items", f"{len(items)} items, {limit} are allowed")
        raise InvalidInput([reason])
    return [_read_item(item) for item in items]


def _read_item(item: Any) -> RawChange:
    """Check what an item says besides the body of a single call, and take it out of the item."""
    if not isinstance(item, dict):
        return RawChange(Action.CREATE, item)
    written = {key: item.pop(key) for key in _ENVELOPE if key in item}
    try:
        envelope = Envelope.model_validate(written)
    except ValidationError as error:
        return RawChange(Action.CREATE, item, reasons=shape_reasons(error))
    return RawChange(envelope.action, item, envelope.idempotency_key)


def _store(drafts: Sequence[Draft], *, atomic: bool) -> list[Submitted]:
    with transaction() if atomic else statements() as session:
        return submit(session, drafts, atomic=atomic, batch_id=uuid7())


def batch_id_of(results: Sequence[Submitted]) -> UUID | None:
    """Return the id of the batch to which these results belong; None when nothing was stored."""
    stored = (result.request for result in results if isinstance(result, Accepted | Replayed))
    return next((request.batch_id for request in stored), None)
