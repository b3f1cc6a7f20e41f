"""Requests as the API shows them: one by its id, and lists."""

from typing import Any
from uuid import UUID, uuid4

from fastapi.testclient import TestClient
from sqlalchemy import text
from uuid_utils.compat import uuid7

from app.core.database import transaction
from app.store import runs
from tests.support.answers import codes
from tests.support.builders import body


def test_a_request_can_be_followed(client: TestClient, new_zone: str) -> None:
    accepted = client.post("/api/v1/dns/create", json=body(new_zone)).json()
    shown = client.get(f"/api/v1/dns/requests/{accepted['id']}").json()
    assert accepted.items() <= shown.items()
    assert shown["attempts"] == 0
    assert shown["error"] is None
    assert [(event["status"], event["message"]) for event in shown["events"]] == [("pending", "accepted")]


def test_what_is_not_there_is_404(client: TestClient) -> None:
    assert client.get(f"/api/v1/dns/requests/{uuid4()}").status_code == 404
    assert codes(client.get("/api/v1/dns/requests/17")) == {"uuid_parsing"}


def test_pages_newest_first(client: TestClient, new_zone: str) -> None:
    ids = [client.post("/api/v1/dns/create", json=body(new_zone)).json()["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get("/api/v1/dns/requests", params=query).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ids[::-1]


def test_filters(client: TestClient, new_zone: str) -> None:
    client.post("/api/v1/dns/create", json=body(new_zone))
    client.post("/api/v1/dns/create", json=body(new_zone, record_type="TXT", target="x"))

    def count(**query: str) -> int:
        return len(client.get("/api/v1/dns/requests", params=query).json()["items"])

    assert count(zone=new_zone.upper() + ".") == 2
    assert count(record_type="TXT", domain=f"WWW.{new_zone}") == 1
    assert count(status="failed") == 0
    assert count(status="pending", account_id="team-a", source="api") == 2
    assert count(account_id="team-b") == 0


def test_a_status_that_does_not_exist_is_refused(client: TestClient) -> None:
    assert codes(client.get("/api/v1/dns/requests", params={"status": "lost"}))


def test_a_long_log_comes_in_pages(client: TestClient, new_zone: str) -> None:
    request_id = client.post("/api/v1/dns/create", json=body(new_zone)).json()["id"]
    run_id = uuid7()
    with transaction() as session:
        runs.start(session, run_id, new_zone, "bind", [UUID(request_id)])
        columns = "(request_id, run_id, status, message)"
        event = f"INSERT INTO dns_request_events {columns} VALUES (:id, :run, :status, '')"
        session.execute(text(event), {"id": request_id, "run": run_id, "status": "running"})
        runs.add_events(
            session, run_id, [runs.NewLine(0, f"line {number}", None, None) for number in range(500)]
        )
        session.execute(text(event), {"id": request_id, "run": run_id, "status": "succeeded"})
    shown = client.get(f"/api/v1/dns/requests/{request_id}").json()
    assert len(shown["events"]) == 200
    assert shown["events"][-1]["status"] == "succeeded"
    log, cursor = shown["events"][::-1], shown["earlier_events"]
    while cursor:
        query = {"cursor": cursor, "limit": 70}
        page = client.get(f"/api/v1/dns/requests/{request_id}/events", params=query).json()
        assert len(page["items"]) <= 70
        log += page["items"]
        cursor = page["next_cursor"]
    assert [line["message"] for line in log[1:-2]] == [f"line {number}" for number in range(500)][::-1]
    assert [line["status"] for line in log[-2:]] == ["running", "pending"]
    whole = client.get(f"/api/v1/dns/requests/{request_id}/events", params={"limit": 1000}).json()
    assert whole == {"items": log, "next_cursor": None}
    assert client.get(f"/api/v1/dns/requests/{uuid4()}/events").status_code == 404
    for bad in ("nonsense", shown["earlier_events"][:-4]):
        answer = client.get(f"/api/v1/dns/requests/{request_id}/events", params={"cursor": bad})
        assert codes(answer) == {"cursor_invalid"}
