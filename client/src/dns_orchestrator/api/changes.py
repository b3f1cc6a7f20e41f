"""Ask for changes, one or many."""

from collections.abc import Sequence
from typing import Unpack
from uuid import uuid4

from dns_orchestrator.call import Driver, Flow, Group, Mode, flow
from dns_orchestrator.change import Action, Change, ChangeOptions
from dns_orchestrator.models.requests import Request
from dns_orchestrator.waiting import submission

Target = str | Sequence[str]


class Changes(Group[Mode]):
    """The calls that ask for changes.

    Each has an idempotency key, a new one unless it is given, so that a call which is made again because its
    answer was lost never becomes a second request. `wait` is how many seconds to wait until all authoritative
    servers answer as asked. Then the call raises RequestFailed, or StillOpen; without it the request is
    returned as it was accepted.
    """

    def __init__(self, driver: Driver, account_id: str | None, source: str) -> None:
        super().__init__(driver)
        self.account_id = account_id
        self.source = source

    @flow
    def create(
        self,
        domain: str,
        record_type: str,
        target: Target,
        *,
        idempotency_key: str | None = None,
        wait: float | None = None,
        **options: Unpack[ChangeOptions],
    ) -> Flow[Request]:
        """Add values to an RRset; one that is there already is no error."""
        change = _change("create", domain, record_type, target, options)
        return self._submit(change, idempotency_key, wait)

    @flow
    def update(
        self,
        domain: str,
        record_type: str,
        target: Target,
        *,
        idempotency_key: str | None = None,
        wait: float | None = None,
        **options: Unpack[ChangeOptions],
    ) -> Flow[Request]:
        """Replace an RRset; the request fails where there is none."""
        change = _change("update", domain, record_type, target, options)
        return self._submit(change, idempotency_key, wait)

    @flow
    def upsert(
        self,
        domain: str,
        record_type: str,
        target: Target,
        *,
        idempotency_key: str | None = None,
        wait: float | None = None,
        **options: Unpack[ChangeOptions],
    ) -> Flow[Request]:
        """Replace an RRset, or create it."""
        change = _change("upsert", domain, record_type, target, options)
        return self._submit(change, idempotency_key, wait)

    @flow
    def delete(
        self,
        domain: str,
        record_type: str,
        target: Target | None = None,
        *,
        idempotency_key: str | None = None,
        wait: float | None = None,
        **options: Unpack[ChangeOptions],
    ) -> Flow[Request]:
        """Remove values of an RRset; without any the whole RRset."""
        change = _change("delete", domain, record_type, target, options)
        return self._submit(change, idempotency_key, wait)

    @flow
    def request(
        self, change: Change, *, idempotency_key: str | None = None, wait: float | None = None
    ) -> Flow[Request]:
        """Ask for a change."""
        return self._submit(change, idempotency_key or change.idempotency_key, wait)

    def _submit(self, change: Change, key: str | None, wait: float | None) -> Flow[Request]:
        body = change.body(self.account_id, self.source)
        return submission(f"/dns/{change.action}", wait, body, {"Idempotency-Key": key or str(uuid4())})


def _change(
    action: Action, domain: str, record_type: str, target: Target | None, options: ChangeOptions
) -> Change:
    values = target if target is None or isinstance(target, str) else list(target)
    return Change(action=action, domain=domain, record_type=record_type, target=values, **options)
