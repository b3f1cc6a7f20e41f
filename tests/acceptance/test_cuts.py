"""What a zone holds at, below and beside a cut: servers don't show it, and it succeeds nevertheless."""

from typing import Any

import pytest

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.user import User, statuses


def submit(user: User, *items: dict[str, Any]) -> list[dict[str, Any]]:
    requests = user.submit_and_wait(*items)
    assert [(each["status"], each["error"]) for each in requests] == [("succeeded", None)] * len(items)
    return requests


def whole(zone: str, owner: str, record_type: str = "A") -> dict[str, Any]:
    """Delete the RRset."""
    item = body(zone, owner, action="delete", record_type=record_type)
    del item["resource"]["target"]
    return item


def recorded(user: User, name: str) -> list[list[str]]:
    items = user.api.get("/dns/records", params={"domain": name}).raise_for_status().json()["items"]
    return [record["target"] for record in items]


def test_below_a_delegation(user: User, zone: str) -> None:
    submit(user, body(zone, "d4", record_type="NS", target=["ns.example.net", f"ns1.d4.{zone}"]))
    (seen, hidden, beside) = submit(
        user,
        body(zone, "ns1.d4", target="192.0.2.53"),  # glue
        body(zone, "www.d4"),
        body(zone, "d4", record_type="TXT", target="beside the cut"),
    )
    assert "verifying" not in statuses(hidden)
    assert "delegation" not in seen["events"][-1]["message"]
    for request in (hidden, beside):
        assert f"it lies at or below the delegation d4.{zone}" in request["events"][-1]["message"]
    assert recorded(user, f"www.d4.{zone}") == [["192.0.2.1"]]
    submit(user, body(zone, "www.d4", action="create", target="192.0.2.2"))
    assert recorded(user, f"www.d4.{zone}") == [["192.0.2.1", "192.0.2.2"]]
    submit(user, whole(zone, "www.d4"), whole(zone, "d4", "TXT"))
    assert recorded(user, f"www.d4.{zone}") == []
    submit(user, whole(zone, "ns1.d4"), whole(zone, "d4", "NS"))
    assert user.dig(f"www.d4.{zone}", "A") == set()


def test_in_a_child_zone_that_is_not_served_here(stack: Stack, user: User, zone: str) -> None:
    stack.add_zone(f"child.{zone}")
    submit(user, body(zone, "child", record_type="NS", target=f"ns.child.{zone}"))
    (request,) = submit(user, body(zone, "www.child"))
    assert f"the server answers from the zone child.{zone}" in request["events"][-1]["message"]
    submit(user, body(zone, "www.child", action="delete"), whole(zone, "child", "NS"))


@pytest.mark.parametrize("action", ["create", "upsert"])
def test_a_name_that_shows_otherwise_still_fails(user: User, zone: str, action: str) -> None:
    """Beside a delegation the server shows all that there is."""
    submit(user, body(zone, "d4", record_type="NS", target="ns.example.net"))
    submit(user, body(zone, "xd4", action=action))
    assert user.dig(f"xd4.{zone}", "A") == {"192.0.2.1"}
