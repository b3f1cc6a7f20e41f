"""Batches: many changes in one call, each judged by itself, or all or nothing."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from app.core.config import settings
from app.core.database import AnySession, statements, transaction
from app.core.database_errors import is_deadlock
from app.core.tracing import is_on, valid_traceparent
from app.domain.change import Action, Via
from app.domain.errors import (
    BacklogFull,
    BatchKeysReused,
    IdempotencyKeyReused,
    InvalidInput,
    Overloaded,
    QuotaExceeded,
    Reason,
)
from app.domain.permissions import Caller
from app.domain.reasons import MAX_REASONS, at_most
from app.schemas.request import Batch, Envelope
from app.services.requests.authorise import with_account
from app.services.requests.backlog import Backlog
from app.services.requests.draft import Draft, RawChange
from app.services.requests.submission import Accepted, Replayed, Submitted, Undecided
from app.services.requests.submit import submit
from app.services.requests.validate import read_changes, shape_reasons
from app.store.requests import NewBatch, belong_to_another_batch

_ENVELOPE = tuple(Envelope.model_fields)

Result = TypeVar("Result")


class BodyWorkers:
    """Works on large bodies in threads of its own: `at_once` of them, while some more may wait.

    A slot is taken when the body is there, so no client can hold one by sending slowly.
    """

    def __init__(self, name: str, at_once: int, most: int) -> None:
        self._threads = ThreadPoolExecutor(at_once, name)
        self._most = most
        self._max_bytes = settings().intake_bytes
        self._in_hand = 0
        self._bytes = 0
        self._of_each: dict[object, tuple[int, int]] = {}  # the same, by whose they are

    @contextmanager
    def slot(self, size: int, caller: Caller | None = None) -> Iterator[None]:
        """Reserve a slot for a body of `size` bytes, until it is answered. Raises Overloaded.

        A quarter is kept from each who calls for the same accounts: others come in beside him. Gateways call
        for everybody.
        """
        if self._in_hand >= self._most or (self._in_hand and self._bytes + size > self._max_bytes):
            raise Overloaded
        whose = None
        if caller is not None and not caller.principal.speaks_for_any:
            whose = caller.principal.accounts or caller.principal.name
            number, held = self._of_each.get(whose, (0, 0))
            if number >= max(1, self._most * 3 // 4) or (number and held + size > self._max_bytes * 3 // 4):
                raise Overloaded
        self._hold(whose, 1, size)
        try:
            yield
        finally:
            self._hold(whose, -1, -size)

    def _hold(self, whose: object, number: int, size: int) -> None:
        self._in_hand += number
        self._bytes += size
        if whose is not None:
            in_hand, held = self._of_each.pop(whose, (0, 0))
            if in_hand + number:
                self._of_each[whose] = (in_hand + number, held + size)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do a piece of work in a thread, in its turn."""
        in_context = partial(copy_context().run, work)  # the caller's span is that of the thread, too
        return await asyncio.get_running_loop().run_in_executor(self._threads, in_context)


class Call(NamedTuple):
    """What a batch call says besides its body."""

    via: Via = Via.API
    idempotency_key: str | None = None  # an item that has none of its own gets `key#index`
    caller: Caller | None = None


def submit_batch(body: object, call: Call, backlog: Backlog | None = None) -> list[Submitted]:
    """Submit the changes of a decoded body, and return what became of each.

    Raises InvalidInput for what is no batch or too long, BatchRefused for an atomic batch with bad items,
    MassChange for what is over a zone's thresholds, BacklogFull or QuotaExceeded when nothing is accepted for
    that reason.
    """
    try:
        batch = Batch.model_validate(body)
    except ValidationError as error:
        raise InvalidInput(at_most(MAX_REASONS, shape_reasons(error, Batch))) from error
    digest = _digest(batch) if call.idempotency_key is not None else None
    drafts = read_changes(read_items(batch.requests, call), call.caller)
    # The consumer's batch is no one's: each of its messages is a call of its own.
    mass = batch.allow_mass_change or call.via is Via.KAFKA
    store = partial(_store, drafts, digest, backlog, atomic=batch.atomic, allow_mass_change=mass)
    try:
        results = store()
    except DBAPIError as error:  # two batches with the same idempotency keys in another order
        if not is_deadlock(error):
            raise
        results = store()
    _require_room(results)
    return results


def read_items(items: Sequence[Any], call: Call | None = None) -> list[RawChange]:
    """Return the items of a batch as single changes. Raises InvalidInput when there are too many."""
    limit = settings().max_batch_items
    if len(items) > limit:
        reason = Reason(("requests",), "too_many_items", f"{len(items)} items, {limit} are allowed")
        raise InvalidInput([reason])
    via, key, caller = call or Call()
    if caller is not None and not caller.unrestricted:
        items = [with_account(item, caller) for item in items]
    if key is None:
        return [_read_item(item, via, None) for item in items]
    return [_read_item(item, via, f"{key}#{index}") for index, item in enumerate(items)]


def _read_item(item: Any, via: Via, key: str | None) -> RawChange:
    """Check what an item says besides the body of a single call, and take it out of the item."""
    if not isinstance(item, dict):
        return RawChange(Action.CREATE, item, via=via)
    written = {key: item.pop(key) for key in _ENVELOPE if key in item}
    if not written:
        return RawChange(Action.CREATE, item, key, (), via)
    try:
        envelope = Envelope.model_validate(written)
    except ValidationError as error:
        return RawChange(Action.CREATE, item, reasons=shape_reasons(error, Envelope), via=via)
    trace = valid_traceparent(envelope.traceparent) if is_on() else None
    return RawChange(envelope.action, item, envelope.idempotency_key or key, (), via, traceparent=trace)


def _require_room(results: Sequence[Submitted]) -> None:
    """Raise BacklogFull, or QuotaExceeded, when nothing of a batch was accepted because of it."""
    errors = [result.error for result in results if isinstance(result, Undecided)]
    if errors and len(errors) == len(results) and isinstance(errors[0], BacklogFull | QuotaExceeded):
        raise errors[0]


def _digest(batch: Batch) -> bytes:
    """Return what tells the body of a batch from another; neither blanks nor the order of fields do."""
    content = json.dumps([batch.atomic, batch.requests], sort_keys=True)
    return sha256(content.encode()).digest()


def _store(
    drafts: Sequence[Draft],
    digest: bytes | None,
    backlog: Backlog | None,
    *,
    atomic: bool,
    allow_mass_change: bool,
) -> list[Submitted]:
    with transaction() if atomic else statements() as session:
        if digest is not None:
            _require_same_body(session, drafts, digest)
        return submit(
            session,
            drafts,
            atomic=atomic,
            grouped=atomic,
            allow_mass_change=allow_mass_change,
            batch=NewBatch(uuid7(), digest),
            backlog=backlog,
        )


def _require_same_body(session: AnySession, drafts: Sequence[Draft], digest: bytes) -> None:
    """Raise BatchKeysReused when the key of the batch was used with other items."""
    keys = {
        (draft.submission.context.account_id, draft.idempotency_key)
        for draft in drafts
        if draft.submission and draft.idempotency_key
    }
    if belong_to_another_batch(session, keys, digest):
        error = IdempotencyKeyReused()
        raise BatchKeysReused([Reason(("idempotency-key",), error.code, str(error))], "header")


def batch_id_of(results: Sequence[Submitted]) -> UUID | None:
    """Return the id of the batch to which these results belong; None when nothing was stored."""
    stored = (result.request for result in results if isinstance(result, Accepted | Replayed))
    return next((request.batch_id for request in stored), None)


def is_replay(results: Sequence[Submitted]) -> bool:
    """Return whether the batch was submitted before, and nothing of it is new."""
    kinds = {type(result) for result in results}
    return Replayed in kinds and Accepted not in kinds
