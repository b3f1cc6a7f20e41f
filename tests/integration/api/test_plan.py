"""`POST /dns/plan`: what a batch would change, on a real database; nothing is stored."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.config import Settings, settings
from app.runner.ansible.runner import AnsibleRunner
from app.runner.process.fork_pool import ForkPool
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain


@pytest.fixture
def new_database(emptied_database: str) -> str:
    return emptied_database


def item(zone: str, action: str, *targets: str, owner: str = "www", **more: Any) -> dict[str, Any]:
    resource = {"record_type": "A", "domain": f"{owner}.{zone}", **more}
    if targets:
        resource["target"] = list(targets)
    return {"action": action, "context": {"account_id": "team-a"}, "resource": resource}


def plan(client: TestClient, *items: Any, **more: Any) -> list[dict[str, Any]]:
    answer = client.post("/api/v1/dns/plan", json={"requests": items, **more})
    assert answer.status_code == 207, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    assert [result["index"] for result in results] == list(range(len(items)))
    return results


def test_what_would_change(
    client: TestClient, app_settings: Settings, new_zone: str, fork_pool: ForkPool
) -> None:
    created = client.post("/api/v1/dns/batch", json={"requests": [item(new_zone, "create", "192.0.2.1")]})
    assert created.json()["results"][0]["status_code"] == 202
    runner = AnsibleRunner(app_settings.playbook, app_settings.inventory, fork_pool=fork_pool)
    drain(new_zone, runner, make_backends())
    added, bad, removed = plan(
        client,
        item(new_zone, "create", "192.0.2.2", config={"ttl": 60}),
        item(new_zone, "create", "no address"),
        item(new_zone, "delete", "192.0.2.1"),
    )
    assert added == {
        "index": 0,
        "status_code": 200,
        "change": {
            "action": "create",
            "zone": new_zone,
            "domain": f"www.{new_zone}",
            "record_type": "A",
            "before": {"ttl": 300, "target": ["192.0.2.1"]},
            "after": {"ttl": 60, "target": ["192.0.2.1", "192.0.2.2"]},
        },
        "forecast": {"by": "records", "outcome": "applied", "code": None, "message": None},
    }
    assert (bad["status_code"], [reason["type"] for reason in bad["errors"]]) == (422, ["ipv4_invalid"])
    assert set(bad) == {"index", "status_code", "errors"}
    assert removed["change"]["before"] == added["change"]["after"]
    assert removed["change"]["after"] == {"ttl": 60, "target": ["192.0.2.2"]}
    assert len(client.get("/api/v1/dns/requests").json()["items"]) == 1
    (record,) = client.get("/api/v1/dns/records").json()["items"]
    assert record["target"] == ["192.0.2.1"]


def test_the_frame_is_that_of_a_batch(client: TestClient, new_zone: str, app_settings: Settings) -> None:
    assert plan(client) == []
    assert client.post("/api/v1/dns/plan", json={"requests": [], "surplus": 1}).status_code == 422
    assert client.post("/api/v1/dns/plan", json=[]).status_code == 422
    many = {"requests": [None] * (app_settings.max_batch_items + 1)}
    assert client.post("/api/v1/dns/plan", json=many).json()["detail"][0]["type"] == "too_many_items"
    (foreign, shapeless) = plan(client, item("nowhere.test", "create", "192.0.2.1"), 7)
    assert foreign["errors"][0]["type"] == "zone_unknown"
    assert shapeless["status_code"] == 422


def test_ten_thousand_items(client: TestClient, new_zone: str) -> None:
    items = [item(new_zone, "upsert", "192.0.2.1", owner=f"h{number}") for number in range(10_000)]
    assert {result["forecast"]["outcome"] for result in plan(client, *items)} == {"applied"}


def test_no_worker_answers(client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "plan_timeout", 0.5)
    body = {"requests": [item(new_zone, "create", "192.0.2.1")], "ask_servers": True}
    answer = client.post("/api/v1/dns/plan", json=body)
    assert (answer.status_code, answer.json()) == (
        503,
        {"detail": "no worker has answered within 0.5 s; try again"},
    )


def test_redis_is_away(client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    settings.cache_clear()
    body = {"requests": [item(new_zone, "create", "192.0.2.1")], "ask_servers": True}
    answer = client.post("/api/v1/dns/plan", json=body)
    assert answer.status_code == 503
    assert "can't be reached" in answer.json()["detail"]


def test_nobody_is_asked_about_what_is_not_valid(client: TestClient) -> None:
    (result,) = plan(client, {}, ask_servers=True)
    assert result["status_code"] == 422
