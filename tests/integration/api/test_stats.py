"""The figures for those who look on."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import statements
from app.services.stats import CurrentStats
from tests.support.builders import body, time_after

SUCCEED = """
    UPDATE dns_requests SET status = 'succeeded', created_at = now() - interval '2 s',
           verified_at = now() - interval '1.5 s', finished_at = now()
     WHERE id = ANY(CAST(:ids AS uuid[]))
"""
FAIL = """
    UPDATE dns_requests SET status = 'failed', error_code = 'refused', finished_at = now()
     WHERE id = ANY(CAST(:ids AS uuid[]))
"""


def execute(statement: str, **parameters: object) -> None:
    with statements() as session:
        session.execute(text(statement), parameters)


def submit(client: TestClient, zone: str, owner: str, **fields: Any) -> str:
    answer = client.post("/api/v1/dns/create", json=body(zone, owner, **fields))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


@pytest.fixture(autouse=True)
def anew(client: TestClient) -> None:
    """The figures of the test before are not kept."""
    client.app.state.stats = CurrentStats()  # type: ignore[attr-defined]


def test_figures(client: TestClient, new_zone: str) -> None:
    ids = [submit(client, new_zone, f"h{number}") for number in range(6)]
    execute(SUCCEED, ids=ids[:3])
    execute(FAIL, ids=ids[3:4])
    execute("UPDATE dns_requests SET created_at = now() - interval '40 s' WHERE id = :id", id=ids[5])
    found = client.get("/api/v1/stats", params={"hours": 1}).json()
    assert found["requests"]["open"] == found["requests"]["by_status"]["pending"] == 2
    assert 40 <= found["requests"]["oldest_pending_s"] < 100
    assert found["accepted_per_minute"] == 6
    assert found["latency"] == {"p50_ms": 500, "p95_ms": 500, "p99_ms": 500, "window_s": 900, "count": 3}
    lately = found["history"][-2:]  # they may lie on both sides of a full minute
    assert {name: sum(step[name] for step in lately) for name in ("accepted", "succeeded", "failed")} == {
        "accepted": 6,
        "succeeded": 3,
        "failed": 1,
    }
    assert len(found["history"]) == 60
    assert found["zones"][0] | {"oldest_pending_s": 0} == {
        "zone": new_zone,
        "open": 2,
        "failed_24h": 1,
        "oldest_pending_s": 0,
    }
    assert [(backend["name"], backend["open"]) for backend in found["backends"]] == [("bind", 2)]
    assert found["runs"] == {"last_hour": 0, "failed_last_hour": 0, "p50_ms": None}
    assert (found["drift"], found["serial_lag"]) == ({"zones": 0, "rrsets": 0}, [])


def test_what_waits_for_its_time_or_an_approval_is_told_apart(client: TestClient, new_zone: str) -> None:
    submit(client, new_zone, "later", not_before=time_after(3600))
    found = client.get("/api/v1/stats").json()
    assert {status: number for status, number in found["requests"]["by_status"].items() if number} == {
        "scheduled": 1
    }
    assert found["requests"]["oldest_pending_s"] is None


def test_figures_are_kept_for_a_moment(client: TestClient, new_zone: str) -> None:
    first = client.get("/api/v1/stats").json()
    submit(client, new_zone, "www")
    assert client.get("/api/v1/stats").json() == first


@pytest.mark.parametrize("hours", ["0", "49", "1.0", "x", ""])
def test_a_history_has_a_bound(client: TestClient, hours: str) -> None:
    answer = client.get("/api/v1/stats", params={"hours": hours})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["query", "hours"])


def test_a_long_history_has_steps_of_five_minutes(client: TestClient) -> None:
    history = client.get("/api/v1/stats", params={"hours": 48}).json()["history"]
    first, second = (datetime.fromisoformat(step["at"]) for step in history[:2])
    assert ((second - first).total_seconds(), len(history)) == (300, 576)
    assert first.astimezone(UTC).minute % 5 == 0
