"""Processes that end, or stand still, while they serve a webhook; and what is put right now and then."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

import app.services.webhooks.tend as tending
from app.core.database import transaction
from app.notify.webhook import Outcome
from app.services.webhooks.floors import DELAY, Floors
from app.services.webhooks.turns import SERVICE_TIME, Turn, begin, settle
from app.store import webhooks as store
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.receivers import Receiver
from tests.support.settings import SetSettings
from tests.support.webhooks import Webhook, delivering, let_pass, publish


@pytest.fixture
def api(simulated: TestClient, set_settings: SetSettings) -> TestClient:
    set_settings(WEBHOOK_ALLOW_HTTP="true", WEBHOOK_ALLOWED_NETWORKS="127.0.0.1/32")
    return simulated


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


LIMIT = 50  # deliveries that may wait, in a test


class Process:
    """A process that delivers, step by step."""

    def __init__(self) -> None:
        self._server = uuid4()
        self._floors = Floors()

    def take(self) -> Turn | None:
        """Begin to serve a webhook that is due."""
        with transaction() as session:
            taken = store.take_due(session, self._server, [], 10, SERVICE_TIME)
        return begin(self._server, taken[0], self._floors) if taken else None

    def note_all_taken(self, turn: Turn) -> bool:
        """Note that the receiver has taken everything."""
        return settle(self._server, turn, [(each, Outcome(status=204)) for each in turn.due], self._floors)


def ask(api: TestClient, zone: str, *owners: str) -> None:
    items = [body(zone, owner, action="create") for owner in owners]
    api.post("/api/v1/dns/batch", json={"requests": items}).raise_for_status()
    publish()


def test_what_a_process_leaves_behind_is_delivered_by_the_next(
    api: TestClient, new_zone: str, receiver: Receiver
) -> None:
    webhook = Webhook(api, f"{receiver.origin}/hook")
    ask(api, new_zone, "a", "b")
    frozen, other = Process(), Process()
    turn = frozen.take()
    assert turn is not None
    assert len(turn.due) == 2
    assert other.take() is None, "one at a time"
    let_pass(SERVICE_TIME)
    with delivering():
        eventually(lambda: webhook.show()["waiting"] == 0)
    assert len(receiver.at("/hook")) == 2
    assert not frozen.note_all_taken(turn), "it was late: another process has delivered it"
    assert {each["attempts"] for each in webhook.deliveries()} == {1}


def try_all() -> None:
    with transaction() as session:
        store.try_all(session)


@pytest.mark.parametrize(("tried_at", "mend"), [("NULL", tending.tend), ("now()", try_all)])
def test_nothing_waits_for_a_time_that_a_set_clock_has_left_behind(
    api: TestClient, new_zone: str, receiver: Receiver, tried_at: str, mend: Callable[[], None]
) -> None:
    Webhook(api, f"{receiver.origin}/hook")
    ask(api, new_zone, "a")
    later = "now() + interval '1 hour'"
    with transaction() as session:
        session.execute(text(f"UPDATE webhooks SET due_at = {later}, paused_until = {later}"))
        session.execute(text(f"UPDATE webhook_deliveries SET next_try_at = {later}, tried_at = {tried_at}"))
    assert Process().take() is None
    mend()
    turn = Process().take()
    assert turn is not None
    assert len(turn.due) == 1


def test_deliveries_are_counted_and_forgotten(
    api: TestClient, new_zone: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tending, "MAX_WAITING", LIMIT)
    webhook = Webhook(api, f"{receiver.origin}/hook")
    ask(api, new_zone, "a")
    age = text("UPDATE webhook_deliveries SET id = overlay(id::text placing '00000000' from 1)::uuid")
    with transaction() as session:
        session.execute(age)
    tending.tend()
    assert webhook.deliveries() == []
    more = text(
        "INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, request_id, account_id, body)"
        " SELECT uuidv7(), :webhook, gen_random_uuid(), 'x', gen_random_uuid(), 'team-a', ''"
        "   FROM generate_series(1, :number)"
    )
    with transaction() as session:
        values = {"webhook": webhook.path.strip("/"), "number": LIMIT}
        session.execute(more, values)
    tending.tend()
    assert (webhook.show()["disabled"], webhook.show()["waiting"]) == ("backlog", LIMIT)


def test_nothing_that_waits_is_below_the_floor() -> None:
    floors, webhook = Floors(), UUID(int=7)
    now = datetime.now(UTC)
    oldest = now - 5 * DELAY

    def floor(at: datetime, first: datetime | None) -> datetime:
        return floors.get(webhook, at, lambda since: first)

    beginning = floor(now, oldest)
    assert floor(now + DELAY / 2, None) == beginning < oldest
    assert floor(now + DELAY, None) == oldest
    assert floor(now + 2 * DELAY, None) == now + DELAY, "nothing waited then, and what was on its way is here"
    assert floor(now, None) == beginning, "a clock was set back"
