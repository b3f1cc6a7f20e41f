"""`Prefer: wait=N`: calls that submit answer when what they ask for is settled, or after that time."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx2
import psycopg
import pytest

from tests.integration.api.live.conftest import ZONE, Live, ids_of, work_off
from tests.support.api_process import cost
from tests.support.builders import body, time_after
from tests.support.eventually import eventually

MANY = 60


@contextmanager
def posted(
    live: Live, path: str, content: object, wait: object = 30, key: str = ""
) -> Iterator[Future[httpx2.Response]]:
    """A call that is on its way during the block."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(live.post, path, content, wait=wait, key=key)


def open_requests(beside: psycopg.Connection) -> int:
    return len(beside.execute("SELECT id FROM dns_requests WHERE finished_at IS NULL").fetchall())


@pytest.fixture(autouse=True)
def nothing_is_open(live: Live) -> None:
    """What another test has left behind is no matter of this one."""
    work_off()


def worked_off(beside: psycopg.Connection, number: int = 1, failure_rate: float = 0) -> None:
    """Work off so many requests, once they are there."""
    eventually(lambda: open_requests(beside) == number, limit=20)
    time.sleep(0.2)  # the call waits by then
    work_off(failure_rate=failure_rate)


def test_each_call_answers_when_its_request_is_settled(live: Live, beside: psycopg.Connection) -> None:
    for action in ("create", "update", "upsert", "delete"):
        with posted(live, action, body(ZONE, "each")) as call:
            began = time.monotonic()
            worked_off(beside)
            answer = call.result(30)
        assert time.monotonic() - began < 20
        assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=30")
        shown = live.show(f"requests/{answer.json()['id']}")
        assert answer.json() == shown.json()
        assert answer.json()["status"] == "succeeded"
        assert answer.headers["location"] == f"/api/v1/dns/requests/{answer.json()['id']}"


def test_a_request_that_fails_is_settled_too(live: Live, beside: psycopg.Connection) -> None:
    with posted(live, "create", body(ZONE, "fails")) as call:
        worked_off(beside, failure_rate=1)
        answer = call.result(30)
    assert (answer.status_code, answer.json()["status"]) == (200, "failed")
    assert answer.json()["error"]["code"] == "simulated_failure"
    request_id = answer.json()["id"]
    with posted(live, f"requests/{request_id}/retry", {}) as call:
        worked_off(beside)
        answer = call.result(30)
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    with posted(live, f"requests/{request_id}/undo", {}) as call:
        worked_off(beside)
        answer = call.result(30)
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert answer.json()["undoes"] == request_id


def test_what_is_not_settled_in_time_is_accepted(live: Live, beside: psycopg.Connection) -> None:
    began = time.monotonic()
    answer = live.create("late", wait=1)
    assert 1 <= time.monotonic() - began < 8
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=1")
    plain = live.create("late2")
    assert answer.json().keys() == plain.json().keys()
    assert "preference-applied" not in plain.headers
    worked_off(beside, 2)


@pytest.mark.thorough
def test_warnings_are_kept(live: Live, beside: psycopg.Connection) -> None:
    plain = live.post("create", body(ZONE, "a_b"))
    assert plain.json()["warnings"]
    with posted(live, "create", body(ZONE, "a_b")) as call:
        worked_off(beside, 2)
        answer = call.result(30)
    assert (answer.status_code, answer.json()["warnings"]) == (200, plain.json()["warnings"])


@pytest.mark.thorough
def test_what_cannot_be_read_is_passed_over(live: Live, beside: psycopg.Connection) -> None:
    for number, wait in enumerate(("abc", "0", "-1", "")):
        answer = live.post("create", body(ZONE, f"odd{number}"), wait=wait)
        assert (answer.status_code, "preference-applied" in answer.headers) == (202, False)
    with posted(live, "create", body(ZONE, "longest"), wait=61) as call:
        worked_off(beside, 5)
        assert call.result(30).headers["preference-applied"] == "wait=60"


def test_what_is_scheduled_is_not_waited_for(live: Live, beside: psycopg.Connection) -> None:
    answer = live.post("create", body(ZONE, "later", not_before=time_after(3600)), wait=30)
    assert (answer.status_code, answer.json()["status"]) == (202, "scheduled")
    assert "preference-applied" not in answer.headers
    live.post(f"requests/{answer.json()['id']}/cancel", {}).raise_for_status()


def test_the_same_key_waits_for_the_first_request(live: Live, beside: psycopg.Connection) -> None:
    first = live.post("create", body(ZONE, "again"), key="waits").json()["id"]
    with posted(live, "create", body(ZONE, "again"), key="waits") as call:
        worked_off(beside)
        answers = [call.result(30)]
    answers.append(live.post("create", body(ZONE, "again"), wait=30, key="waits"))  # it is settled already
    for answer in answers:
        assert (answer.status_code, answer.json()["id"]) == (200, first)
        assert answer.headers["idempotent-replayed"] == "true"
        assert answer.json()["status"] == "succeeded"


def test_a_batch_answers_with_the_state_of_each_item(live: Live, beside: psycopg.Connection) -> None:
    items = [body(ZONE, f"b{number}", action="create") for number in range(50)]
    refused = body("elsewhere.test", "x", action="create")
    missing = body(ZONE, "missing", action="update")
    later = body(ZONE, "later", action="create", not_before=time_after(3600))
    with posted(live, "batch", {"requests": [*items, refused, missing, later]}) as call:
        worked_off(beside, 52)
        answer = call.result(30)
    assert (answer.status_code, answer.headers["preference-applied"]) == (207, "wait=30")
    results = answer.json()["results"]
    assert [each["status_code"] for each in results] == [200] * 50 + [403, 200, 202]
    assert {each["request"]["status"] for each in results[:50]} == {"succeeded"}
    assert results[51]["request"]["error"]["code"] == "rrset_missing"
    assert results[52]["request"]["status"] == "scheduled"
    shown = live.show(f"requests/{ids_of(answer)[0]}").json()
    assert results[0]["request"].items() <= shown.items()
    live.post(f"requests/{ids_of(answer)[-1]}/cancel", {}).raise_for_status()


def test_a_batch_that_is_not_settled_in_time_says_what_is(live: Live, beside: psycopg.Connection) -> None:
    items = [body(ZONE, f"p{number}", action="create") for number in range(2)]
    with posted(live, "batch", {"requests": items}, wait=2) as call:
        eventually(lambda: open_requests(beside) == 2, limit=20)
        found = live.show(f"requests?domain=p0.{ZONE}").json()
        live.post(f"requests/{found['items'][0]['id']}/cancel", {}).raise_for_status()
        results = call.result(30).json()["results"]
    states = [(each["status_code"], each["request"]["status"]) for each in results]
    assert states == [(200, "cancelled"), (202, "pending")]
    worked_off(beside)


@pytest.mark.thorough
def test_a_plan_that_is_applied_answers_as_a_batch(live: Live, beside: psycopg.Connection) -> None:
    plan = live.post("plan", {"requests": [body(ZONE, "planned", action="create")]}).json()["plan_id"]
    with posted(live, f"plans/{plan}/apply", {}) as call:
        worked_off(beside)
        [result] = call.result(30).json()["results"]
    assert (result["status_code"], result["request"]["status"]) == (200, "succeeded")


def test_those_who_wait_hold_no_connections_and_keep_nobody_waiting(
    live: Live, beside: psycopg.Connection
) -> None:
    live.create("warm").raise_for_status()
    with ThreadPoolExecutor(MANY) as pool:
        calls = [pool.submit(live.create, f"many{number}", wait=60) for number in range(MANY)]
        eventually(lambda: open_requests(beside) == MANY + 1, limit=60)
        with cost(live.api) as measured:
            for number in range(20):
                live.create(f"beside{number}").raise_for_status()
        assert not any(call.done() for call in calls)
        [used] = beside.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
        ).fetchone() or (0,)
        assert used <= 3  # this one, and the one look that is for all
        assert not measured.held_up
        assert measured.memory < 20
        work_off()
        answers = [call.result(60) for call in calls]
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(200, "succeeded")}


def test_a_client_that_goes_leaves_nothing_behind(live: Live, beside: psycopg.Connection) -> None:
    content = httpx2.Request("POST", "http://x", json=body(ZONE, "gone")).content
    headers = {**live.requester, "Host": "x", "Content-Type": "application/json", "Prefer": "wait=60"}
    lines = [f"{name}: {value}" for name, value in (headers | {"Content-Length": len(content)}).items()]
    sent = "\r\n".join(["POST /api/v1/dns/create HTTP/1.1", *lines, "", ""]).encode() + content
    with ExitStack() as open_:
        for _ in range(20):
            open_.enter_context(live.api.connect()).sendall(sent)
        eventually(lambda: open_requests(beside) == 20, limit=20)
        eventually(lambda: beside.execute("SELECT id FROM live_listeners").fetchone(), limit=20)
    # nobody follows by now, so the API stops listening, though nothing is settled
    eventually(lambda: not beside.execute("SELECT id FROM live_listeners").fetchall(), limit=20)
    assert open_requests(beside) == 20
    worked_off(beside, 20)


def test_a_call_that_waits_ends_with_the_process(
    live: Live, beside: psycopg.Connection, live_processes: dict[str, Live]
) -> None:
    with posted(live, "create", body(ZONE, "ends"), wait=60) as call:
        eventually(lambda: open_requests(beside) == 1, limit=20)
        time.sleep(0.2)
        began = time.monotonic()
        del live_processes["api"]
        live.api.stop()
        assert call.result(10).status_code == 202
        assert time.monotonic() - began < 15
    live.client.close()
