"""Submissions of many clients at the same time, which are stored together."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.core.config import Settings
from app.core.database import transaction, upgrade
from app.domain.change import Action
from app.domain.errors import Overloaded
from app.domain.permissions import EVERYBODY, Caller, Grants, Principal
from app.services.kicks import KickSender
from app.services.requests import group_commit, idempotency
from app.services.requests.backlog import Backlog
from app.services.requests.batch import BodyWorkers
from app.services.requests.draft import Draft, RawChange
from app.services.requests.group_commit import GroupCommit
from app.services.requests.submission import Accepted
from app.services.requests.validate import read_change
from app.store import requests, zones
from tests.support.builders import body
from tests.support.thoroughly import thoroughly

CLIENTS = 40
TIMEOUT = 60.0  # seconds


@pytest.fixture
def app_database(request: pytest.FixtureRequest) -> str:
    """The database of all tests; one of its own for who asks for it, since it alters it."""
    own = "copied_database" in request.fixturenames
    name: str = request.getfixturevalue("copied_database" if own else "emptied_database")
    return name


def test_each_client_gets_the_answer_to_its_own_request(client: TestClient, new_zone: str) -> None:
    def post(number: int) -> tuple[int, str]:
        sent = body(new_zone if number % 4 else "nowhere.test", f"h{number}")
        answer = client.post("/api/v1/dns/create", json=sent)
        return answer.status_code, answer.json().get("resource", {}).get("domain", "")

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(post, range(CLIENTS)))
    expected = [(202, f"h{number}.{new_zone}") if number % 4 else (422, "") for number in range(CLIENTS)]
    assert answers == expected
    stored = client.get("/api/v1/dns/requests", params={"limit": 1000}).json()["items"]
    assert len(stored) == CLIENTS * 3 // 4


def test_one_key_at_the_same_time_makes_one_request(client: TestClient, new_zone: str) -> None:
    def post(_: int) -> tuple[int, bool, str]:
        answer = client.post(
            "/api/v1/dns/create", json=body(new_zone, "h1"), headers={"Idempotency-Key": "k"}
        )
        return answer.status_code, "idempotent-replayed" in answer.headers, answer.json()["id"]

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(post, range(CLIENTS)))
    assert {(status, request_id) for status, _, request_id in answers} == {(202, answers[0][2])}
    assert sum(not replayed for _, replayed, _ in answers) == 1


async def stored_together(changes: list[RawChange]) -> list[Any]:
    together = GroupCommit(KickSender(), Backlog())
    storing = asyncio.create_task(together.run())
    results = await asyncio.gather(*map(together.submit, changes), return_exceptions=True)
    await together.wait_until_stored()
    storing.cancel()
    return results


def test_clients_that_have_been_answered_are_stored_with_those_that_wait(
    app_settings: Settings, new_zone: str
) -> None:
    upgrade()
    with transaction() as session:
        zones.add(session, new_zone, "bind")
    change = RawChange(Action.CREATE, body(new_zone))

    async def submitted_again_and_again() -> set[int]:
        together = GroupCommit(KickSender(), Backlog())
        storing = asyncio.create_task(together.run())

        async def submit(times: int) -> list[int]:
            found = [await together.submit(change) for _ in range(times)]
            return [each.transaction for each in found if isinstance(each, Accepted)]

        early = [asyncio.create_task(submit(10)) for _ in range(5)]
        for _ in range(10):  # until these are being stored
            await asyncio.sleep(0)
        late = [asyncio.create_task(submit(10)) for _ in range(5)]
        found = await asyncio.gather(*early, *late)
        storing.cancel()
        return {transaction for each in found for transaction in each}

    assert len(asyncio.run(submitted_again_and_again())) < 15


@pytest.mark.usefixtures("copied_database")
def test_a_request_that_the_database_refuses_fails_alone(app_settings: Settings, new_zone: str) -> None:
    upgrade()
    with transaction() as session:
        zones.add(session, new_zone, "bind")
        session.execute(text("ALTER TABLE dns_requests ADD CHECK (name NOT LIKE 'h2.%')"))
    changes = [RawChange(Action.CREATE, body(new_zone, f"h{number}")) for number in range(5)]
    results = asyncio.run(stored_together(changes))
    assert [isinstance(result, Exception) for result in results] == [False, False, True, False, False]


def test_more_than_may_wait_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "settings", lambda: Settings(intake_queue=1))

    async def overload() -> None:
        together = GroupCommit(KickSender(), Backlog())
        first = asyncio.create_task(together.submit(RawChange(Action.CREATE, {})))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await together.submit(RawChange(Action.CREATE, {}))
        first.cancel()

    asyncio.run(overload())


def test_more_batches_than_may_be_in_hand_are_refused_at_once() -> None:
    workers = BodyWorkers("test", at_once=1, most=3)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(workers.slot(10))
        with pytest.raises(Overloaded), workers.slot(10):
            pass
    with workers.slot(10**9), pytest.raises(Overloaded), workers.slot(10):  # one is always taken
        pass
    with workers.slot(10):
        pass


def test_a_batch_more_than_may_be_in_hand_is_told_to_come_again(client: TestClient) -> None:
    workers: BodyWorkers = client.app.state.batch_workers  # type: ignore[attr-defined]
    with ExitStack() as held:
        with suppress(Overloaded):
            for _ in range(100):
                held.enter_context(workers.slot(10))
        answer = client.post("/api/v1/dns/batch", json={"requests": []})
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


def test_what_is_stored_is_answered_even_if_an_earlier_request_cannot_be_looked_up(
    client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    items = [body(new_zone, "h1", action="create", idempotency_key=f"k{number}") for number in range(3)]
    client.post("/api/v1/dns/batch", json={"requests": items[:1]}).raise_for_status()
    monkeypatch.setattr(requests, "find_earlier", away)
    answer = client.post("/api/v1/dns/batch", json={"requests": items})
    assert [result["status_code"] for result in answer.json()["results"]] == [503, 202, 202]
    key = {"Idempotency-Key": "k0"}
    assert client.post("/api/v1/dns/create", json=body(new_zone, "h1"), headers=key).status_code == 503
    answer = client.post("/api/v1/dns/batch", json={"requests": items[:2], "atomic": True})
    assert answer.status_code == 503
    assert len(client.get("/api/v1/dns/requests").json()["items"]) == 3


@pytest.mark.parametrize("atomic", [False, thoroughly(True)])
def test_a_row_that_cannot_be_compared_keeps_no_other_from_its_answer(
    client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch, atomic: bool
) -> None:
    items = [body(new_zone, f"h{number}", idempotency_key=f"k{number}") for number in range(4)]
    batch = {"requests": items, "atomic": atomic}
    client.post("/api/v1/dns/batch", json=batch).raise_for_status()
    monkeypatch.setattr(idempotency, "can_be_stored", lambda _: True)
    items[1]["resource"]["config"] = {"extra_config": {"NUL": "\0"}}
    answer = client.post("/api/v1/dns/batch", json=batch)
    if atomic:
        assert answer.status_code == 422
        assert [each["loc"][1:3] for each in answer.json()["detail"]] == [["requests", 1]]
    else:
        assert [each["status_code"] for each in answer.json()["results"]] == [200, 422, 200, 200]
    assert len(client.get("/api/v1/dns/requests").json()["items"]) == 4


@pytest.mark.usefixtures("copied_database")
def test_connections_that_the_server_closed_meanwhile(client: TestClient, new_zone: str) -> None:
    assert client.post("/api/v1/dns/create", json=body(new_zone, "h1")).status_code == 202
    with transaction() as session:
        statement = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        closed = session.scalars(text(statement)).all()
    assert closed
    assert client.post("/api/v1/dns/create", json=body(new_zone, "h2")).status_code == 202


def large_body(zone: str) -> dict[str, Any]:
    values = [f"{number} {'ä' * 900}" for number in range(20)]
    return body(zone, "txt", record_type="TXT", target=values)


@pytest.mark.thorough
def test_a_large_body_is_read_as_any_other(client: TestClient, new_zone: str) -> None:
    assert client.post("/api/v1/dns/create", json=large_body(new_zone)).status_code == 202


def test_others_are_answered_while_a_large_body_is_read(
    client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the large one ends when the small one is answered: never, if the small one had to wait."""
    begun, small_is_answered = Event(), Event()

    def slowly(raw: RawChange, caller: Caller) -> Draft:
        if "txt." in str(raw.body):
            begun.set()
            assert small_is_answered.wait(TIMEOUT), "the small one had to wait"
        return read_change(raw, caller)

    monkeypatch.setattr(group_commit, "read_change", slowly)
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(client.post, "/api/v1/dns/create", json=large_body(new_zone))
        assert begun.wait(TIMEOUT)
        assert client.post("/api/v1/dns/create", json=body(new_zone, "h1")).status_code == 202
        assert not large.done()
        small_is_answered.set()
        assert large.result(TIMEOUT).status_code == 202


def test_a_client_that_goes_in_the_middle_of_its_body(client: TestClient) -> None:
    """It gets a 400, which nobody reads; nothing is logged as an error, and nothing is stored."""
    sent: list[Any] = []

    async def call() -> None:
        coming = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> Any:
            return coming.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "path": "/api/v1/dns/create",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
            "app": client.app,
        }
        await client.app(scope, receive, send)

    asyncio.run(call())
    assert sent[0]["status"] == 400


def test_no_account_takes_all_slots(app_settings: Settings) -> None:
    workers = BodyWorkers("test", at_once=1, most=4)
    one, other = (
        Caller(Principal(f"token {account}", frozenset({account})), Grants()) for account in ("a", "b")
    )
    same = Caller(Principal("another token", one.principal.accounts), Grants())
    with ExitStack() as stack:
        for who in (one, same, one):
            stack.enter_context(workers.slot(10, who))
        for who in (one, same):
            with pytest.raises(Overloaded), workers.slot(10, who):
                pass
        stack.enter_context(workers.slot(10, other))
        with pytest.raises(Overloaded), workers.slot(10, other):
            pass
    large = app_settings.intake_bytes // 2
    with workers.slot(large, one), pytest.raises(Overloaded), workers.slot(large, same):
        pass
    with workers.slot(large, one), workers.slot(large, other):
        pass
    with ExitStack() as stack:  # where nobody is asked who he is
        for _ in range(4):
            stack.enter_context(workers.slot(10, EVERYBODY))
