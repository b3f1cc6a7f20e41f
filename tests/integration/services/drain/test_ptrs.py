"""PTR records that are kept with addresses: what is stored when an address is settled."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.core.database import transaction
from app.domain.change import NOTHING, RRsetState
from app.domain.lifecycle import Status
from app.domain.settlement import Decision
from app.services.drain import drain as module
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.drain.ptrs import keep_ptrs
from app.store import backends
from app.store.queue import Item, States
from stack.embedded import Stack
from tests.integration.conftest import ZoneOn
from tests.support.builders import body, change
from tests.support.thoroughly import thoroughly
from tests.support.zone_runner import Died, ZoneRunner
from tests.support.zones import ZoneUnderTest

ADDRESS, OTHER = "198.51.100.10", "198.51.100.11"
REVERSE = "100.51.198.in-addr.arpa"


@pytest.fixture
def zone(client: TestClient, zone_on: ZoneOn) -> ZoneUnderTest:
    made = zone_on("bind")
    client.post("/api/v1/zones", json={"name": made.name, "backend": "bind"}).raise_for_status()
    return made


def serve_reverse(client: TestClient, **settings: Any) -> None:
    client.post("/api/v1/zones", json={"name": REVERSE, "backend": "bind", **settings}).raise_for_status()


def accept(client: TestClient, zone: ZoneUnderTest, action: str = "create", **fields: Any) -> str:
    asked = body(zone.name, target=ADDRESS, config={"manage_ptr": True}, **fields)
    request_id: str = client.post(f"/api/v1/dns/{action}", json=asked).raise_for_status().json()["id"]
    return request_id


def work(zone: ZoneUnderTest) -> None:
    drain(zone.name, ZoneRunner(zone), make_backends())


def found(client: TestClient, request_id: str) -> dict[str, Any]:
    request: dict[str, Any] = client.get(f"/api/v1/dns/requests/{request_id}").raise_for_status().json()
    return request


def ptrs(client: TestClient, request_id: str) -> Sequence[dict[str, Any]]:
    return [found(client, each) for each in found(client, request_id)["ptr_requests"]]


def test_nothing_is_lost_when_a_worker_dies_as_it_settles(
    client: TestClient, zone: ZoneUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_reverse(client)
    request_id = accept(client, zone)

    def die(*_: Any) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(module, "rest_or_go_on", die)
        with pytest.raises(Died):
            work(zone)
    assert found(client, request_id)["status"] == "running"
    assert ptrs(client, request_id) == []
    work(zone)
    assert found(client, request_id)["status"] == "succeeded"
    [ptr] = ptrs(client, request_id)
    assert (ptr["status"], ptr["action"], ptr["zone"]) == ("pending", "create", REVERSE)
    assert ptr["resource"]["target"] == [f"www.{zone.name}."]
    assert ptr["context"] == found(client, request_id)["context"]


def test_an_address_that_is_deleted_before_its_ptr_is_made_takes_it_along(
    client: TestClient, zone: ZoneUnderTest
) -> None:
    serve_reverse(client)
    made = accept(client, zone)
    work(zone)
    gone = accept(client, zone, "delete")
    work(zone)
    assert [ptr["action"] for ptr in (*ptrs(client, made), *ptrs(client, gone))] == ["create", "delete"]


def test_a_worker_that_dies_after_a_ptr_was_made_leaves_it_ours(
    client: TestClient, zone: ZoneUnderTest, infrastructure: Stack
) -> None:
    infrastructure.add_zone(REVERSE)
    serve_reverse(client)
    reverse = ZoneUnderTest(infrastructure, REVERSE)
    made = accept(client, zone)
    work(zone)
    with pytest.raises(Died):
        drain(REVERSE, ZoneRunner(reverse, dies=True), make_backends())
    assert reverse.values("10", "PTR") == {f"www.{zone.name}."}
    work(reverse)
    assert [ptr["status"] for ptr in ptrs(client, made)] == ["succeeded"]
    gone = accept(client, zone, "delete")
    work(zone)
    work(reverse)
    assert [ptr["status"] for ptr in ptrs(client, gone)] == ["succeeded"]
    assert reverse.values("10", "PTR") == set()


def accept_plain(
    client: TestClient, zone: ZoneUnderTest, action: str, target: Any, owner: str = "www"
) -> str:
    """Ask for a change that does not ask for PTRs."""
    answer = client.post(f"/api/v1/dns/{action}", json=body(zone.name, owner, target=target))
    request_id: str = answer.raise_for_status().json()["id"]
    return request_id


@pytest.mark.parametrize(
    ("action", "target"), [thoroughly("delete", ADDRESS), thoroughly("update", OTHER), ("upsert", [OTHER])]
)
def test_an_address_takes_its_ptr_along_unasked(
    client: TestClient, zone: ZoneUnderTest, action: str, target: Any
) -> None:
    serve_reverse(client)
    accept(client, zone)
    work(zone)
    gone = accept_plain(client, zone, action, target)
    work(zone)
    assert [(ptr["action"], ptr["resource"]["domain"]) for ptr in ptrs(client, gone)] == [
        ("delete", f"10.{REVERSE}")
    ]


def test_a_change_that_does_not_ask_makes_none_and_leaves_those_of_others(
    client: TestClient, zone: ZoneUnderTest
) -> None:
    serve_reverse(client)
    made = accept(client, zone)
    work(zone)
    others = [
        accept_plain(client, zone, "create", OTHER),
        accept_plain(client, zone, "delete", OTHER),
        accept_plain(client, zone, "create", ADDRESS, "other"),
        accept_plain(client, zone, "delete", ADDRESS, "other"),
    ]
    work(zone)
    listed = client.get("/api/v1/dns/requests", params={"zone": REVERSE}).json()["items"]
    assert [item["id"] for item in listed] == found(client, made)["ptr_requests"]
    for request_id in others:
        request = found(client, request_id)
        assert request["status"] == "succeeded"
        assert "PTR" not in str(request["events"])


def test_what_is_made_and_removed_in_one_batch_leaves_no_ptr(client: TestClient, zone: ZoneUnderTest) -> None:
    serve_reverse(client)
    made, gone = accept(client, zone), accept_plain(client, zone, "delete", None)
    work(zone)
    assert [ptr["action"] for ptr in (*ptrs(client, made), *ptrs(client, gone))] == ["create", "delete"]


@pytest.fixture
def reverse(client: TestClient, infrastructure: Stack) -> ZoneUnderTest:
    """The reverse zone of a network that no other test uses."""
    name = f"{secrets.randbelow(256)}.{secrets.randbelow(256)}.10.in-addr.arpa"
    infrastructure.add_zone(name)
    client.post("/api/v1/zones", json={"name": name, "backend": "bind"}).raise_for_status()
    return ZoneUnderTest(infrastructure, name)


Move = Callable[..., str]


@pytest.fixture
def move(client: TestClient, zone: ZoneUnderTest, reverse: ZoneUnderTest) -> Move:
    """Asks that a host gets an address of the network, given by its last octet, with its PTR."""
    network = ".".join(reversed(reverse.name.removesuffix(".in-addr.arpa").split(".")))

    def ask(owner: str, number: int, action: str = "update") -> str:
        asked = body(zone.name, owner, target=f"{network}.{number}", config={"manage_ptr": True})
        request_id: str = client.post(f"/api/v1/dns/{action}", json=asked).raise_for_status().json()["id"]
        return request_id

    return ask


@pytest.mark.parametrize("order", [thoroughly((0, 1, 2)), (2, 1, 0)])
def test_addresses_change_hands_in_one_run(
    client: TestClient, zone: ZoneUnderTest, reverse: ZoneUnderTest, move: Move, order: Sequence[int]
) -> None:
    """Separate requests: three names in a circle."""
    for n in range(3):
        move(f"h{n}", n + 20, "create")
    work(zone)
    work(reverse)
    moved = [move(f"h{n}", (n + 1) % 3 + 20) for n in order]
    work(zone)
    work(reverse)
    for request_id in moved:
        assert [ptr["status"] for ptr in ptrs(client, request_id)] == ["succeeded", "succeeded"]
    for n in range(3):
        assert reverse.values(str((n + 1) % 3 + 20), "PTR") == {f"h{n}.{zone.name}."}


def test_where_one_of_them_fails_it_keeps_its_own(
    client: TestClient, zone: ZoneUnderTest, reverse: ZoneUnderTest, move: Move
) -> None:
    for n in range(3):
        move(f"h{n}", n + 20, "create")
    work(zone)
    work(reverse)
    zone.do("delete", "h2", "A")
    first, second, failed = (move(f"h{n}", (n + 1) % 3 + 20) for n in range(3))
    work(zone)
    work(reverse)
    assert (found(client, failed)["status"], ptrs(client, failed)) == ("failed", [])
    assert [ptr["status"] for ptr in ptrs(client, first)] == ["succeeded", "succeeded"]
    assert [(ptr["error"] or {}).get("code") for ptr in ptrs(client, second)] == [None, "ptr_not_ours"]
    assert [reverse.values(str(n + 20), "PTR") for n in range(3)] == [
        set(),
        {f"h0.{zone.name}."},
        {f"h2.{zone.name}."},
    ]


def test_what_the_reverse_zone_refuses_is_told(client: TestClient, zone: ZoneUnderTest) -> None:
    serve_reverse(client, protected_names=["10"])
    request_id = accept(client, zone)
    work(zone)
    request = found(client, request_id)
    assert (request["status"], request["ptr_requests"]) == ("succeeded", [])
    assert f"PTR of {ADDRESS}: name_protected: " in request["events"][-1]["message"]


def test_a_playbook_that_honours_no_conditions_gets_no_ptrs(client: TestClient, zone: ZoneUnderTest) -> None:
    serve_reverse(client)
    with transaction() as session:
        backends.publish(session, {"bind": frozenset()})
    request_id = accept(client, zone)
    work(zone)
    request = found(client, request_id)
    assert (request["status"], request["ptr_requests"]) == ("succeeded", [])
    assert f"PTR of {ADDRESS}: not_honoured: " in request["events"][-1]["message"]


def test_who_does_not_ask_for_it_costs_no_statement() -> None:
    there = RRsetState(300, (ADDRESS,))
    for asked, before in (
        (change("create", "www", "A", ADDRESS), NOTHING),
        (change("upsert", "www", "A", ADDRESS), there),
        (change("delete", "www", "TXT"), there),
    ):
        item = Item(asked, 1, "team-a", 0, None, None, False, False)
        decisions = {item.id: Decision(Status.SUCCEEDED, "answered", "answered")}
        states = {item.id: States(before, None)}
        assert keep_ptrs(Session(), [item], decisions, states) == set()  # which has no database
