"""What waits can be ended, and what has ended can be tried again: one request, many, and a zone's."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from uuid_utils.compat import uuid7

from app.core.config import ROOT
from app.core.database import transaction
from app.core.redis import redis
from app.domain.lifecycle import Status
from app.domain.settlement import Decision
from app.services.kicks import KICKED
from app.services.requests import many
from app.store import leases, queue, requests
from app.store.queue import Timing
from tests.support.answers import codes
from tests.support.builders import body
from tests.support.locks import wait_for_blocked_transaction

REQUESTS = "/api/v1/dns/requests"
TIMING = Timing(60, 1, 1, 60)
ENDED = """
    UPDATE dns_requests
       SET status = CAST(:status AS text), finished_at = CASE WHEN :final THEN now() END,
           lost_runs = 3, attempts = 4, error_message = 'no luck',
           error_code = CASE WHEN CAST(:status AS text) = 'failed' THEN 'server_failed' END,
           verified_at = CASE WHEN CAST(:status AS text) = 'succeeded' THEN now() END,
           verify_by = CASE WHEN CAST(:status AS text) = 'verifying' THEN now() END
     WHERE id = ANY(:ids)
"""


def submit(
    api: TestClient, zone: str, *owners: str, status: Status = Status.PENDING, **more: Any
) -> list[str]:
    """Submit a create for each owner name, and give the requests that status; return their ids."""
    ids = [api.post("/api/v1/dns/create", json=body(zone, owner, **more)).json()["id"] for owner in owners]
    if status is not Status.PENDING:
        final = status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
        with transaction() as session:
            session.execute(text(ENDED), {"status": status, "final": final, "ids": ids})
    return ids


def shown(api: TestClient, request_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{REQUESTS}/{request_id}").json()
    return found


def statuses(api: TestClient, ids: Sequence[str]) -> list[str]:
    return [shown(api, request_id)["status"] for request_id in ids]


def in_queue(zone: str) -> list[str]:
    """The ids of the zone's pending requests, the next one first."""
    with transaction() as session:
        return [str(item.id) for item in queue.list_pending(session, zone, 100).items]


def was_kicked(zone: str) -> bool:
    return bool(redis().exists(KICKED.format(zone=zone)))


def forget_kick(zone: str) -> None:
    redis().delete(KICKED.format(zone=zone))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (Status.PENDING, "cancelled before it was applied"),
        (Status.VERIFYING, "cancelled: it is applied, and no longer verified"),
    ],
)
def test_what_is_open_is_cancelled(client: TestClient, new_zone: str, status: Status, said: str) -> None:
    [request_id] = submit(client, new_zone, "www", status=status)
    cancelled = client.post(f"{REQUESTS}/{request_id}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    found = shown(client, request_id)
    assert found["finished_at"] is not None
    assert found["error"] is None
    assert (found["events"][-1]["status"], found["events"][-1]["message"]) == ("cancelled", said)
    assert client.post(f"{REQUESTS}/{request_id}/cancel").status_code == 200  # the same call again
    assert shown(client, request_id) == found


def test_one_that_a_run_may_have_applied_says_so(client: TestClient, new_zone: str) -> None:
    [request_id] = submit(client, new_zone, "www")
    with transaction() as session:
        session.execute(text("UPDATE dns_requests SET lost_runs = 1"))
    client.post(f"{REQUESTS}/{request_id}/cancel").raise_for_status()
    assert (
        shown(client, request_id)["events"][-1]["message"] == "cancelled; an earlier run may have applied it"
    )


@pytest.mark.parametrize(
    ("status", "why"), [("running", "applies this request now"), ("succeeded", "succeeded already")]
)
def test_what_runs_or_has_ended_is_not_cancelled(
    client: TestClient, new_zone: str, status: str, why: str
) -> None:
    [request_id] = submit(client, new_zone, "www", status=Status(status))
    answer = client.post(f"{REQUESTS}/{request_id}/cancel")
    assert answer.status_code == 409
    assert why in answer.json()["detail"]
    assert shown(client, request_id)["status"] == status


@pytest.mark.parametrize(("status", "was"), [("failed", "failed: server_failed"), ("cancelled", "cancelled")])
def test_what_has_ended_is_retried(client: TestClient, new_zone: str, status: str, was: str) -> None:
    [request_id] = submit(client, new_zone, "www", status=Status(status))
    [later] = submit(client, new_zone, "www", target="192.0.2.2")
    forget_kick(new_zone)
    retried = client.post(f"{REQUESTS}/{request_id}/retry")
    assert (retried.status_code, retried.json()["status"]) == (202, "pending")
    assert retried.headers["location"].endswith(request_id)
    found = shown(client, request_id)
    assert (found["error"], found["finished_at"], found["attempts"]) == (None, None, 4)
    assert found["events"][-1]["message"] == f"retried, behind what is waiting already; it was {was}"
    assert in_queue(new_zone) == [later, request_id]
    assert was_kicked(new_zone)
    with transaction() as session:
        assert (
            session.scalar(text("SELECT lost_runs FROM dns_requests WHERE id = :id"), {"id": request_id}) == 0
        )
    again = client.post(f"{REQUESTS}/{request_id}/retry")
    assert (again.status_code, "this one is pending" in again.json()["detail"]) == (409, True)


def test_one_that_has_succeeded_is_not_retried(client: TestClient, new_zone: str) -> None:
    [request_id] = submit(client, new_zone, "www", status=Status.SUCCEEDED)
    assert client.post(f"{REQUESTS}/{request_id}/retry").status_code == 409


def test_one_of_a_zone_that_has_gone_is_not_retried(client: TestClient, new_zone: str) -> None:
    [request_id] = submit(client, new_zone, "www", status=Status.FAILED)
    client.delete(f"/api/v1/zones/{new_zone}").raise_for_status()
    answer = client.post(f"{REQUESTS}/{request_id}/retry")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        f"the zone {new_zone} is not served any more",
    )
    assert client.post(f"{REQUESTS}/retry", json={"zone": new_zone}).json()["count"] == 0


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_what_is_not_there_is_404(client: TestClient, verb: str) -> None:
    assert client.post(f"{REQUESTS}/{uuid4()}/{verb}").status_code == 404


def test_many_are_retried_in_their_order_by_what_they_have_in_common(
    client: TestClient, new_zone: str
) -> None:
    ids = submit(client, new_zone, "a", "b", "c", status=Status.FAILED)
    other = submit(client, new_zone, "d", status=Status.FAILED, account="team-b")
    cancelled = submit(client, new_zone, "e", status=Status.CANCELLED)
    [open_one] = submit(client, new_zone, "f")
    forget_kick(new_zone)
    selection = {"zone": new_zone.upper(), "code": "server_failed", "account_id": "team-a"}
    assert client.post(f"{REQUESTS}/retry", json=selection).json() == {"count": 3, "next_cursor": None}
    assert in_queue(new_zone) == [open_one, *ids]
    assert was_kicked(new_zone)
    assert statuses(client, [*other, *cancelled]) == ["failed", "cancelled"]
    assert client.post(f"{REQUESTS}/retry", json={"status": "cancelled"}).json()["count"] == 1
    assert in_queue(new_zone) == [open_one, *ids, *cancelled]


def test_many_are_retried_call_by_call(
    client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("retry", "cancel"):
        monkeypatch.setattr(f"app.services.requests.{module}.MAX_AT_ONCE", 2)
    owners = [f"h{number}" for number in range(5)]
    ids = submit(client, new_zone, *owners, status=Status.FAILED)
    for verb in ("retry", "cancel"):
        counts, cursor = [], None
        while True:
            answer = client.post(f"{REQUESTS}/{verb}", json={"zone": new_zone, "cursor": cursor}).json()
            counts.append(answer["count"])
            cursor = answer["next_cursor"]
            if cursor is None:
                break
        assert counts == [2, 2, 1]
        assert in_queue(new_zone) == (ids if verb == "retry" else [])
    assert many.MAX_AT_ONCE <= 1_000


def test_many_are_cancelled_by_time_and_batch(client: TestClient, new_zone: str) -> None:
    submitted = {"requests": [body(new_zone, "a"), body(new_zone, "b")]}
    batch = client.post("/api/v1/dns/batch", json=submitted).json()
    [single] = submit(client, new_zone, "c")
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert client.post(f"{REQUESTS}/cancel", json={"since": future}).json()["count"] == 0
    assert client.post(f"{REQUESTS}/cancel", json={"batch_id": batch["batch_id"]}).json()["count"] == 2
    assert client.post(f"{REQUESTS}/cancel", json={"until": future}).json()["count"] == 1
    assert shown(client, single)["status"] == "cancelled"


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_where_nothing_is_selected_the_filters_are_named(client: TestClient, verb: str) -> None:
    [reason] = client.post(f"/api/v1/dns/requests/{verb}", json={}).json()["detail"]
    assert {"code", "zone", "status", "since"} <= set(re.findall(r"\w+", reason["msg"]))
    assert "cursor" not in reason["msg"]


@pytest.mark.parametrize("verb", ["cancel", "retry"])
@pytest.mark.parametrize(
    ("selection", "code"),
    [
        ({}, "filter_missing"),
        ({"cursor": "x"}, "filter_missing"),
        ({"status": "running"}, "literal_error"),
        ({"status": "succeeded"}, "literal_error"),
        ({"zone": "bad..name"}, "label_empty"),
        ({"zone": "z.test", "cursor": "nonsense"}, "cursor_invalid"),
        ({"since": "2026-11-25T18:00:00"}, "timezone_aware"),
        ({"sinse": "2026-11-25T18:00:00Z"}, "extra_forbidden"),
        ({"batch_id": 17}, "uuid_type"),
    ],
)
def test_bad_selections_are_refused(
    client: TestClient, verb: str, selection: dict[str, Any], code: str
) -> None:
    answer = client.post(f"{REQUESTS}/{verb}", json=selection)
    assert codes(answer) == {code}
    assert answer.json()["detail"][0]["loc"][0] == "body"


def test_a_worker_that_claims_at_the_same_moment_comes_first(client: TestClient, new_zone: str) -> None:
    [request_id, other] = submit(client, new_zone, "www", "other")
    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            lease = leases.acquire(session, new_zone, "a worker", 60)
            assert lease is not None
            claimed = queue.claim(
                session, lease, [UUID(request_id)], uuid7(), queue.Line("one of 1", "in a run")
            )
            assert len(claimed) == 1
            many = client.post(f"{REQUESTS}/cancel", json={"zone": new_zone})  # does not wait for it
            assert many.json()["count"] == 1
            single = pool.submit(client.post, f"{REQUESTS}/{request_id}/cancel")
            wait_for_blocked_transaction()
        assert single.result().status_code == 409
    assert statuses(client, [request_id, other]) == ["running", "cancelled"]


def test_what_is_cancelled_first_is_not_claimed(client: TestClient, new_zone: str) -> None:
    ids = submit(client, new_zone, "a", "b")
    with transaction() as session:
        lease = leases.acquire(session, new_zone, "a worker", 60)
        assert lease is not None
        seen = [item.id for item in queue.list_pending(session, new_zone, 10).items]
    client.post(f"{REQUESTS}/{ids[0]}/cancel").raise_for_status()
    with transaction() as session:
        assert [
            str(each) for each in queue.claim(session, lease, seen, uuid7(), queue.Line("", "in a run"))
        ] == [ids[1]]


def test_a_worker_does_not_settle_what_was_cancelled_meanwhile(client: TestClient, new_zone: str) -> None:
    [request_id] = submit(client, new_zone, "www", status=Status.VERIFYING)
    decision = Decision(Status.SUCCEEDED, "answered", "answered")
    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            items = queue.list_verifying(session, new_zone, [f"www.{new_zone}"], 60)
            settled = queue.settle(session, {items[0].id: decision}, TIMING)
            assert settled
            cancelled = pool.submit(client.post, f"{REQUESTS}/{request_id}/cancel")
            wait_for_blocked_transaction()
        assert cancelled.result().status_code == 409
    assert shown(client, request_id)["status"] == "succeeded"
    [request_id] = submit(client, new_zone, "two", status=Status.VERIFYING)
    client.post(f"{REQUESTS}/{request_id}/cancel").raise_for_status()
    with transaction() as session:
        assert queue.settle(session, {items[0].id: decision}, TIMING) == {}


def test_calls_for_many_at_once_neither_lock_each_other_out_nor_retry_twice(
    client: TestClient, new_zone: str
) -> None:
    ids = submit(client, new_zone, *(f"h{number}" for number in range(30)), status=Status.FAILED)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(client.post, f"{REQUESTS}/retry", json={"zone": new_zone}) for _ in range(8)]
        assert sum(call.result().json()["count"] for call in calls) == len(ids)
    assert in_queue(new_zone) == ids


def test_what_is_cancelled_just_after_it_could_not_be_retried_is_told_so(
    client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [request_id] = submit(client, new_zone, "one")
    retry_stored = requests.retry

    def retry_and_lose_the_race(*given: Any, **more: Any) -> Any:
        changed = retry_stored(*given, **more)
        client.post(f"{REQUESTS}/{request_id}/cancel").raise_for_status()
        return changed

    with monkeypatch.context() as patch:
        patch.setattr(requests, "retry", retry_and_lose_the_race)
        refused = client.post(f"{REQUESTS}/{request_id}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "request_not_retryable")
    assert "cancelled since this moment: retry it again" in refused.text
    assert client.post(f"{REQUESTS}/{request_id}/retry").status_code == 202


def test_a_zone_is_removed_with_what_waits(client: TestClient, new_zone: str) -> None:
    ids = submit(client, new_zone, "a", "b")
    verifying = submit(client, new_zone, "c", status=Status.VERIFYING)
    assert client.delete(f"/api/v1/zones/{new_zone}").status_code == 409
    assert client.delete(f"/api/v1/zones/{new_zone}", params={"cancel_open": "true"}).status_code == 204
    assert statuses(client, [*ids, *verifying]) == ["cancelled"] * 3
    assert client.get(f"/api/v1/zones/{new_zone}").status_code == 404


def test_a_zone_with_a_running_request_stays_until_that_has_ended(client: TestClient, new_zone: str) -> None:
    [waiting] = submit(client, new_zone, "a")
    [running] = submit(client, new_zone, "b", status=Status.RUNNING)
    removed = client.delete(f"/api/v1/zones/{new_zone}", params={"cancel_open": "true"})
    assert (removed.status_code, "running" in removed.json()["detail"]) == (409, True)
    assert statuses(client, [waiting, running]) == ["cancelled", "running"]
    assert client.get(f"/api/v1/zones/{new_zone}").status_code == 200


def test_progress_of_a_batch(client: TestClient, new_zone: str) -> None:
    items = [body(new_zone, "a"), body(new_zone, "b"), body("nowhere.test")]
    answer = client.post("/api/v1/dns/batch", json={"requests": items}).json()
    submit(client, new_zone, "other")
    ids = [result["request"]["id"] for result in answer["results"][:2]]
    with transaction() as session:
        session.execute(text(ENDED), {"status": "failed", "final": True, "ids": ids[:1]})
    batch = client.get(f"/api/v1/dns/batches/{answer['batch_id']}").json()
    assert (batch["requests"], batch["open"]) == (2, 1)
    assert batch["by_status"] == {
        "awaiting_approval": 0,
        "scheduled": 0,
        "pending": 1,
        "running": 0,
        "verifying": 0,
        "succeeded": 0,
        "failed": 1,
        "cancelled": 0,
        "rejected": 0,
    }
    listed = client.get(REQUESTS, params={"batch_id": answer["batch_id"]}).json()["items"]
    assert [item["id"] for item in listed] == ids[::-1]
    assert {item["batch_id"] for item in listed} == {answer["batch_id"]}
    assert client.get(f"/api/v1/dns/batches/{uuid4()}").status_code == 404


def test_a_batch_of_which_nothing_was_stored_has_no_id(client: TestClient) -> None:
    answer = client.post("/api/v1/dns/batch", json={"requests": [body("nowhere.test")]}).json()
    assert "batch_id" not in answer


def test_the_manual_has_calls_that_work_and_no_statements(client: TestClient, new_zone: str) -> None:
    page = (ROOT / "docs" / "how-to" / "requests.md").read_text()
    assert not re.search(r"(?i)\b(UPDATE|DELETE FROM|INSERT INTO)\s+(dns_|ansible_)\w+", page)
    section = page.partition("## Cancel and retry")[2].partition("\n## ")[0]
    calls = re.findall(r"curl localhost:8000(\S+).*?-d '(.*?)'", section, re.DOTALL)
    assert len(calls) == 2
    submit(client, new_zone, "www", status=Status.FAILED)
    for path, sent in calls:
        answer = client.post(path, content=sent, headers={"content-type": "application/json"})
        assert (answer.is_success, answer.json()["count"]) == (True, 0)


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_what_nobody_has_to_approve_is_not_decided_about(
    client: TestClient, new_zone: str, verb: str
) -> None:
    [waiting] = submit(client, new_zone, "a")
    answer = client.post(f"/api/v1/dns/requests/{waiting}/{verb}")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_awaiting_approval")
    assert "its status is pending" in answer.json()["detail"]
    unknown = client.post(f"/api/v1/dns/requests/{UUID(int=7)}/{verb}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "request_unknown")
