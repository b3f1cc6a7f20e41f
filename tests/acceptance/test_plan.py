"""`POST /dns/plan` with `ask_servers`: a worker asks the DNS servers, and nothing changes."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User


def plan(user: User, *items: dict[str, Any]) -> list[dict[str, Any]]:
    answer = user.api.post("/dns/plan", json={"requests": items, "ask_servers": True})
    results: list[dict[str, Any]] = answer.raise_for_status().json()["results"]
    return results


def test_the_servers_know_more_than_the_records(user: User, zone: str) -> None:
    found = plan(
        user,
        body(zone, "@", action="update", record_type="NS", target=["ns1.example.org", "ns2.example.org"]),
        body(zone, action="update"),
        body(zone, action="create"),
        body(zone, action="create", target="nonsense"),
        body(zone, action="update", target="192.0.2.2"),
    )
    assert [each["status_code"] for each in found] == [200, 200, 200, 422, 200]
    forecasts = [each["forecast"] for each in found if "forecast" in each]
    assert {each["by"] for each in forecasts} == {"servers"}
    assert [(each["outcome"], each["code"]) for each in forecasts] == [
        ("would_be_sent", None),
        ("failed", "rrset_missing"),
        ("would_be_sent", None),
        ("would_be_sent", None),
    ]
    assert found[1]["change"]["after"] is None
    assert user.dig(f"www.{zone}", "A") == set()
    assert user.dig(zone, "NS") != {"ns1.example.org.", "ns2.example.org."}
    assert user.api.get("/dns/requests", params={"zone": zone}).json()["items"] == []


def test_two_zones_and_templates(user: User, zone: str) -> None:
    text = "{{ lookup('pipe', 'touch /tmp/never-to-be-made') }}"
    found = plan(
        user,
        body(zone, "txt", record_type="TXT", target=text, comment=text),
        body("example.test", "plan"),
        body(zone, "txt", action="upsert", record_type="CNAME", target="a.example.org"),
    )
    assert [each["forecast"]["outcome"] for each in found] == ["would_be_sent", "would_be_sent", "failed"]
    assert found[0]["change"]["after"]["target"] == [f'"{text}"']
    assert found[2]["forecast"]["code"] == "cname_conflict"


def test_a_backend_that_the_inventory_lacks(stack: Stack, user: User, zone: str) -> None:
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        connection.execute("UPDATE dns_zones SET backend = 'nobody' WHERE name = %s", [zone])
    (found,) = plan(user, body(zone, "a"))
    assert found["forecast"]["outcome"] == "unknown"
    assert found["forecast"]["code"] == "backend_unknown"


@pytest.mark.thorough
def test_many_plans_make_no_kick_wait(stack: Stack, user: User, zone: str) -> None:
    """A plan of many zones is as many runs; a request meanwhile is settled as ever."""
    zones = [f"p{number}.{zone}" for number in range(15)]
    for name in zones:
        user.serve(name)
    with ThreadPoolExecutor(4) as pool:
        plans = [
            pool.submit(
                user.api.post,
                "/dns/plan",
                json={"requests": [body(name) for name in zones], "ask_servers": True},
            )
            for _ in range(4)
        ]
        started = time.monotonic()
        (request,) = user.submit_and_wait(body(zone))
        assert time.monotonic() - started < 10
        assert not all(each.done() for each in plans)
    assert request["status"] == "succeeded"
    assert {each.result().status_code for each in plans} <= {207, 503}


def limited(stack: Stack, name: str, **limits: int) -> None:
    """Describe the same server as another backend, with limits."""
    inventory = Path(stack.env["INVENTORY"])
    text = (inventory / "hosts.yml").read_text().replace("bind:", f"{name}:")
    lines = "".join(f"\n      {key}: {value}" for key, value in limits.items())
    (inventory / f"{name}.yml").write_text(text.replace(f"{name}:", f"{name}:{lines}", 1))


@pytest.mark.thorough
def test_the_limits_of_a_backend_hold_for_plans(stack: Stack, user: User, zone: str) -> None:
    limited(stack, "narrow", dns_max_runs=1, dns_max_changes=2)
    eventually(lambda: user.api.patch(f"/zones/{zone}", json={"backend": "narrow"}).is_success)
    items = [body(zone, f"h{number}") for number in range(5)]
    with ThreadPoolExecutor(2) as pool:
        planned = pool.submit(plan, user, *items)
        requests = user.submit_and_wait(*(body(zone, f"r{number}") for number in range(3)))
        found = planned.result()
    assert {each["forecast"]["outcome"] for each in found} == {"would_be_sent"}
    assert {request["status"] for request in requests} == {"succeeded"}


def test_what_no_server_will_show_is_said_beforehand(user: User, zone: str) -> None:
    found = plan(
        user,
        body(zone, "sub", record_type="NS", target="ns.other.test"),
        body(zone, "www.sub"),
    )
    assert "warnings" not in found[0]
    (warning,) = found[1]["warnings"]
    assert (warning["code"], warning["loc"]) == ("not_visible", ["body", "resource", "domain"])
