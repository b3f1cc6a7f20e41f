"""`POST /dns/plan`: what a batch would change, on a real database; nothing is stored."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.config import Settings, settings
from app.runner import make_runner
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from stack.embedded import Stack
from tests.support.builders import body
from tests.support.settings import SetSettings
from tests.support.thoroughly import thoroughly
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest


def plan(client: TestClient, *items: Any, **more: Any) -> list[dict[str, Any]]:
    answer = client.post("/api/v1/dns/plan", json={"requests": items, **more})
    assert answer.status_code == 207, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    assert [result["index"] for result in results] == list(range(len(items)))
    return results


def test_what_would_change(client: TestClient, new_zone: str, infrastructure: Stack) -> None:
    created = client.post("/api/v1/dns/batch", json={"requests": [body(new_zone)]})
    assert created.json()["results"][0]["status_code"] == 202
    drain(new_zone, ZoneRunner(ZoneUnderTest(infrastructure, new_zone)), make_backends())
    added, bad, removed = plan(
        client,
        body(new_zone, target="192.0.2.2", config={"ttl": 60}),
        body(new_zone, target="no address"),
        body(new_zone, action="delete"),
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
    (foreign, shapeless) = plan(client, body("nowhere.test"), 7)
    assert foreign["errors"][0]["type"] == "zone_unknown"
    assert shapeless["status_code"] == 422


@pytest.mark.parametrize("number", [1_000, thoroughly(10_000)])
def test_many_items(client: TestClient, new_zone: str, number: int) -> None:
    items = [body(new_zone, f"h{each}", action="upsert") for each in range(number)]
    assert {result["forecast"]["outcome"] for result in plan(client, *items)} == {"applied"}


def test_no_worker_answers(client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "plan_timeout", 0.5)
    sent = {"requests": [body(new_zone)], "ask_servers": True}
    answer = client.post("/api/v1/dns/plan", json=sent)
    assert (answer.status_code, answer.json()) == (
        503,
        {"detail": "no worker has answered within 0.5 s; try again", "code": "servers_not_asked"},
    )


def test_redis_is_away(client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    settings.cache_clear()
    sent = {"requests": [body(new_zone)], "ask_servers": True}
    answer = client.post("/api/v1/dns/plan", json=sent)
    assert answer.status_code == 503
    assert "can't be reached" in answer.json()["detail"]


def test_nobody_is_asked_about_what_is_not_valid(client: TestClient) -> None:
    (result,) = plan(client, {}, ask_servers=True)
    assert result["status_code"] == 422


def test_what_a_change_does_to_other_names(client: TestClient, new_zone: str, infrastructure: Stack) -> None:
    made = [
        body(new_zone, "m", target="192.0.2.1"),
        body(new_zone, "w", record_type="CNAME", target=f"m.{new_zone}"),
        body(new_zone, "www.c", target="192.0.2.1"),
    ]
    client.post("/api/v1/dns/batch", json={"requests": made}).raise_for_status()
    drain(new_zone, ZoneRunner(ZoneUnderTest(infrastructure, new_zone)), make_backends())
    child = f"child.{new_zone}"
    client.post("/api/v1/zones", json={"name": child, "backend": "bind"}).raise_for_status()
    results = plan(
        client,
        body(new_zone, "m", action="delete"),
        body(new_zone, "c", record_type="NS", target="ns.other.test"),
        body(new_zone, "@", record_type="MX", target=f"10 w.{new_zone}"),
        body(child, "@", record_type="NS", target="ns.other.test"),
        body(new_zone, "child", record_type="NS", target="ns.other.test", zone=new_zone),
    )
    assert [[each["code"] for each in result.get("warnings", ())] for result in results] == [
        ["breaks_reference"],
        ["hides_names"],
        ["target_is_alias"],
        ["parent_without_ns"],
        [],
    ]


def test_both_sides_of_a_delegation(client: TestClient, new_zone: str, set_settings: SetSettings) -> None:
    set_settings(EXECUTOR="simulated")
    child = f"child.{new_zone}"
    client.post("/api/v1/zones", json={"name": child, "backend": "bind"}).raise_for_status()
    above = {"zone": new_zone}
    made = [
        body(new_zone, "child", record_type="NS", target=[f"ns1.{child}", "ns.other.test"], **above),
        body(new_zone, "ns1.child", target="192.0.2.1", **above),
        body(new_zone, "child", record_type="DS", target="1 8 2 " + "ab" * 32, **above),
        body(child, "ns1", target="192.0.2.1"),
        body(
            child, "@", record_type="DNSKEY", target="257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
        ),
    ]
    client.post("/api/v1/dns/batch", json={"requests": made}).raise_for_status()
    for zone in (new_zone, child):
        drain(zone, make_runner(), make_backends())
    [less] = plan(
        client, body(new_zone, "child", action="delete", record_type="NS", target=f"ns1.{child}", **above)
    )
    assert [each["code"] for each in less["warnings"]] == ["glue_left_over"]
    gone = [body(new_zone, "child", action="delete", record_type=kind, **above) for kind in ("DS", "NS")]
    for item in gone:
        del item["resource"]["target"]
    results = plan(
        client,
        gone[1],
        body(child, "ns1", action="update", target="192.0.2.9"),
        body(child, "@", action="delete", record_type="DNSKEY", target=None),
    )
    assert (results[0]["forecast"]["outcome"], results[0]["forecast"]["code"]) == ("failed", "ds_without_ns")
    assert [{each["code"] for each in result.get("warnings", ())} for result in results] == [
        set(),
        {"glue_differs"},
        {"ds_without_key"},
    ]
    results = plan(client, *gone)
    assert [result["forecast"]["outcome"] for result in results] == ["applied", "applied"]
    assert [{each["code"] for each in result.get("warnings", ())} for result in results] == [
        {"key_without_ds"},
        {"glue_left_over"},
    ]
