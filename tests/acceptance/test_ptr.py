"""PTR records are kept with addresses, by the shipped playbook on a real server."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from app.domain.reverse import reverse_name
from stack.embedded import Stack
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.thoroughly import thoroughly
from tests.support.user import User
from tests.support.zones import ZoneUnderTest


@pytest.fixture
def network(stack: Stack, user: User) -> str:
    """The first three octets of a network whose reverse zone is served, and used by no other test."""
    octets = [10, secrets.randbelow(256), secrets.randbelow(256)]
    name = ".".join(map(str, reversed(octets))) + ".in-addr.arpa"
    stack.add_zone(name)
    user.serve(name)
    return ".".join(map(str, octets))


def managed(zone: str, owner: str, target: Any, **fields: Any) -> dict[str, Any]:
    return body(zone, owner, target=target, config={"manage_ptr": True, "ttl": 77}, **fields)


def pointers(user: User, address: str) -> set[str]:
    return user.dig(reverse_name(address), "PTR")


def ptr_lines(request: dict[str, Any], address: str) -> list[str]:
    """What the request's log says about the PTR of the address."""
    start = f"PTR of {address}: "
    return [
        event["message"].removeprefix(start)
        for event in request["events"]
        if event["message"].startswith(start)
    ]


def with_ptrs(user: User, request: dict[str, Any], number: int = 1) -> tuple[dict[str, Any], Sequence[Any]]:
    """The request and those for its PTRs, of which there are so many, when these are settled."""
    assert request["status"] == "succeeded"
    ids = eventually(partial(_ptr_requests, user, request["id"], number))
    ptrs = user.wait_until_settled(ids)
    assert {ptr["ptr_of"] for ptr in ptrs} == {request["id"]}
    return user.request(request["id"]), ptrs


def _ptr_requests(user: User, request_id: str, number: int) -> list[str] | None:
    found: list[str] = user.request(request_id)["ptr_requests"]
    return found if len(found) == number else None


def test_it_is_made_changed_and_removed_with_its_address(user: User, zone: str, network: str) -> None:
    first, second = f"{network}.10", f"{network}.11"
    [made] = user.submit_and_wait(managed(zone, "www", first))
    made, [ptr] = with_ptrs(user, made)
    assert pointers(user, first) == {f"www.{zone}."}
    assert user.ttl(reverse_name(first), "PTR") == 77
    lines = ptr_lines(made, first)
    assert lines[0] == f"create {reverse_name(first)} PTR www.{zone}., request {ptr['id']}"
    assert lines[1].startswith("succeeded: answered by ")
    assert lines[1].endswith(f", request {ptr['id']}")

    [changed] = user.submit_and_wait(managed(zone, "www", second, action="update"))
    with_ptrs(user, changed, 2)
    assert (pointers(user, first), pointers(user, second)) == (set(), {f"www.{zone}."})

    [gone] = user.submit_and_wait(managed(zone, "www", None, action="delete"))
    with_ptrs(user, gone)
    assert pointers(user, second) == set()


@pytest.mark.thorough
def test_of_an_ipv6_address(stack: Stack, user: User, zone: str) -> None:
    subnet = secrets.token_hex(2)
    reverse = ".".join(reversed(subnet)) + ".8.b.d.0.1.0.0.2.ip6.arpa"
    stack.add_zone(reverse)
    user.serve(reverse)
    address = f"2001:db8:{subnet}::10"
    [made] = user.submit_and_wait(managed(zone, "www", address, record_type="AAAA"))
    with_ptrs(user, made)
    assert pointers(user, address) == {f"www.{zone}."}


def test_a_foreign_one_is_never_overwritten(stack: Stack, user: User, zone: str, network: str) -> None:
    address = f"{network}.10"
    reverse_zone = reverse_name(address).partition(".")[2]
    ZoneUnderTest(stack, reverse_zone).do("create", "10", "PTR", "foreign.example.")
    [made] = user.submit_and_wait(managed(zone, "www", address))
    made, [ptr] = with_ptrs(user, made)
    assert (ptr["status"], ptr["error"]["code"]) == ("failed", "ptr_not_ours")
    assert "ptr_not_ours" in ptr_lines(made, address)[-1]
    assert made["status"] == "succeeded"

    [gone] = user.submit_and_wait(managed(zone, "www", None, action="delete"))
    assert gone["ptr_requests"] == []
    assert pointers(user, address) == {"foreign.example."}


@pytest.mark.thorough
def test_the_first_of_several_names_keeps_it(user: User, zone: str, network: str) -> None:
    address = f"{network}.10"
    [first] = user.submit_and_wait(managed(zone, "a", address))
    with_ptrs(user, first)
    [second] = user.submit_and_wait(managed(zone, "b", address))
    _, [refused] = with_ptrs(user, second)
    assert refused["error"]["code"] == "ptr_not_ours"
    [gone] = user.submit_and_wait(managed(zone, "b", None, action="delete"))
    assert "ptr_not_ours" in ptr_lines(gone, address)[-1]
    assert pointers(user, address) == {f"a.{zone}."}
    [gone] = user.submit_and_wait(managed(zone, "a", None, action="delete"))
    with_ptrs(user, gone)
    assert pointers(user, address) == set()


@pytest.mark.thorough
def test_it_moves_within_one_batch(user: User, zone: str, network: str) -> None:
    address = f"{network}.10"
    moved = user.submit_and_wait(
        managed(zone, "a", address, action="create"),
        managed(zone, "a", address, action="delete"),
        managed(zone, "b", address, action="create"),
    )
    for request in moved:
        _, [ptr] = with_ptrs(user, request)
        assert ptr["status"] == "succeeded"
    assert pointers(user, address) == {f"b.{zone}."}


def test_an_rfc_2317_delegation_is_followed(stack: Stack, user: User, zone: str, network: str) -> None:
    address = f"{network}.10"
    parent = reverse_name(address).partition(".")[2]
    child = f"0/25.{parent}"
    stack.add_zone(child)
    user.serve(child)
    user.submit_and_wait(body(parent, "10", record_type="CNAME", target=f"10.{child}"))
    [made] = user.submit_and_wait(managed(zone, "www", address))
    _, [ptr] = with_ptrs(user, made)
    assert (ptr["status"], ptr["zone"]) == ("succeeded", child)
    assert user.dig(f"10.{child}", "PTR") == {f"www.{zone}."}


def plan_of(user: User, *items: dict[str, Any]) -> list[dict[str, Any]]:
    answer = user.api.post("/dns/plan", json={"requests": [*items]}).raise_for_status().json()
    results: list[dict[str, Any]] = answer["results"]
    return results


@pytest.mark.thorough
def test_none_is_made_below_a_delegation_to_others(user: User, zone: str, network: str) -> None:
    by_alias, by_name, at_name, free = (f"{network}.{number}" for number in (131, 141, 10, 12))
    parent = reverse_name(free).partition(".")[2]
    child = f"128/26.{parent}"
    user.submit_and_wait(
        body(parent, "128/26", record_type="NS", target="ns.other.test."),
        body(parent, "131", record_type="CNAME", target=f"131.{child}"),
        body(parent, "10", record_type="NS", target="ns.other.test."),
    )
    items = [managed(zone, f"a{number}", each) for number, each in enumerate((by_alias, by_name, at_name))]
    for planned in plan_of(user, *items):
        assert "ptr" not in planned
        assert [warning["code"] for warning in planned["warnings"]] == ["ptr_zone_unknown"]
    *refused, made = user.submit_and_wait(*items, managed(zone, "free", free))
    for request, address in zip(refused, (by_alias, by_name, at_name), strict=True):
        [line] = ptr_lines(user.request(request["id"]), address)
        assert line.startswith("ptr_zone_unknown: ")
        assert f"is delegated by {parent}" in line
        assert request["ptr_requests"] == []
    with_ptrs(user, made)
    assert pointers(user, free) == {f"free.{zone}."}


@pytest.mark.thorough
def test_below_a_delegation_that_is_not_on_record_the_log_says_that_nobody_sees_it(
    stack: Stack, user: User, zone: str, network: str
) -> None:
    address = f"{network}.10"
    parent = reverse_name(address).partition(".")[2]
    ZoneUnderTest(stack, parent).do("create", "10", "NS", "ns.other.test.")
    [made] = user.submit_and_wait(managed(zone, "www", address))
    made, _ = with_ptrs(user, made)
    assert f"can't show it: it lies at or below the delegation 10.{parent}" in ptr_lines(made, address)[-1]


@pytest.mark.thorough
def test_a_delegation_whose_parent_is_not_served_is_found_by_its_name(
    stack: Stack, user: User, zone: str
) -> None:
    network = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
    child = "0-127." + reverse_name(f"{network}.10").partition(".")[2]
    stack.add_zone(child)
    user.serve(child)
    [made] = user.submit_and_wait(managed(zone, "www", f"{network}.10"))
    with_ptrs(user, made)
    assert user.dig(f"10.{child}", "PTR") == {f"www.{zone}."}


def test_without_a_reverse_zone_the_log_says_so(user: User, zone: str) -> None:
    [made] = user.submit_and_wait(managed(zone, "www", "203.0.113.77"))
    [line] = ptr_lines(user.request(made["id"]), "203.0.113.77")
    assert line.startswith("ptr_zone_unknown: ")
    assert made["ptr_requests"] == []


def test_none_is_made_for_an_address_that_failed(user: User, zone: str, network: str) -> None:
    [failed] = user.submit_and_wait(managed(zone, "none", f"{network}.10", action="update"))
    assert failed["status"] == "failed"
    assert (failed["ptr_requests"], ptr_lines(failed, f"{network}.10")) == ([], [])


def undo(user: User, request: dict[str, Any]) -> dict[str, Any]:
    answer = user.api.post(f"/dns/requests/{request['id']}/undo").raise_for_status().json()
    [undone] = user.wait_until_settled([answer["id"]])
    return undone


@pytest.mark.thorough
def test_it_goes_with_an_address_that_is_removed_without_a_word_of_it(
    user: User, zone: str, network: str
) -> None:
    first, second = f"{network}.10", f"{network}.11"
    [made] = user.submit_and_wait(managed(zone, "www", first))
    with_ptrs(user, made)
    [changed] = user.submit_and_wait(body(zone, action="update", target=second))
    with_ptrs(user, changed)
    assert (pointers(user, first), pointers(user, second)) == (set(), set())


def test_it_goes_and_comes_with_undos(user: User, zone: str, network: str) -> None:
    address = f"{network}.10"
    [made] = user.submit_and_wait(managed(zone, "www", address))
    with_ptrs(user, made)
    undone = undo(user, made)
    with_ptrs(user, undone)
    assert pointers(user, address) == set()
    again = undo(user, undone)
    assert again["resource"]["config"]["manage_ptr"]
    with_ptrs(user, again)
    assert (pointers(user, address), user.ttl(reverse_name(address), "PTR")) == ({f"www.{zone}."}, 77)

    [gone] = user.submit_and_wait(body(zone, target=None, action="delete"))
    with_ptrs(user, gone)
    with_ptrs(user, undo(user, gone))
    assert pointers(user, address) == {f"www.{zone}."}


@pytest.mark.thorough
@pytest.mark.parametrize("ttl", [77, thoroughly(88)])
def test_its_own_undo_leaves_it_ours(user: User, zone: str, network: str, ttl: int) -> None:
    """The PTR is taken back by itself, or its TTL, and that as well."""
    address = f"{network}.10"
    [made] = user.submit_and_wait(managed(zone, "www", address))
    _, [ptr] = with_ptrs(user, made)
    if ttl != 77:
        changed = body(zone, target=address, action="upsert", config={"manage_ptr": True, "ttl": ttl})
        _, [ptr] = with_ptrs(user, user.submit_and_wait(changed)[0])
    undone = undo(user, ptr)
    assert undone["status"] == "succeeded"
    assert pointers(user, address) == (set() if ttl == 77 else {f"www.{zone}."})
    again = undo(user, undone)
    assert (pointers(user, address), user.ttl(reverse_name(address), "PTR")) == ({f"www.{zone}."}, ttl)
    assert (again["status"], again["ptr_of"]) == ("succeeded", ptr["ptr_of"])
    taken_back = [
        event["message"]
        for event in user.request(ptr["ptr_of"])["events"]
        if event["message"].startswith(f"undo of PTR of {address}: succeeded: ")
    ]
    assert [line.rpartition(" ")[2] for line in taken_back] == [undone["id"], again["id"]]
    [gone] = user.submit_and_wait(body(zone, target=None, action="delete"))
    with_ptrs(user, gone)
    assert pointers(user, address) == set()


@pytest.mark.thorough
def test_an_address_whose_ptr_was_taken_back_goes_without_one(user: User, zone: str, network: str) -> None:
    address = f"{network}.10"
    [made] = user.submit_and_wait(managed(zone, "www", address))
    _, [ptr] = with_ptrs(user, made)
    undo(user, ptr)
    [gone] = user.submit_and_wait(body(zone, target=None, action="delete"))
    assert (gone["status"], gone["ptr_requests"]) == ("succeeded", [])
    again = undo(user, gone)
    assert "manage_ptr" not in again["resource"]["config"]
    [other] = user.submit_and_wait(managed(zone, "other", address))
    with_ptrs(user, other)
    assert pointers(user, address) == {f"other.{zone}."}


@pytest.mark.thorough
@pytest.mark.parametrize(("size", "atomic"), [(2, False), (3, True)])
def test_addresses_change_hands_in_a_circle(
    user: User, zone: str, network: str, size: int, atomic: bool
) -> None:
    addresses = [f"{network}.{10 + number}" for number in range(size)]
    for request in user.submit_and_wait(*(managed(zone, f"h{n}", each) for n, each in enumerate(addresses))):
        with_ptrs(user, request)
    moves = [managed(zone, f"h{n}", addresses[(n + 1) % size], action="update") for n in range(size)]
    for planned in plan_of(user, *moves):
        assert "warnings" not in planned
        assert [step["action"] for step in planned["ptr"]] == ["delete", "create"]
    batch = {"requests": moves, "atomic": atomic}
    results = user.api.post("/dns/batch", json=batch).raise_for_status().json()["results"]
    for request in user.wait_until_settled([result["request"]["id"] for result in results]):
        _, ptrs = with_ptrs(user, request, 2)
        assert [ptr["status"] for ptr in ptrs] == ["succeeded", "succeeded"]
    for n, address in enumerate(addresses):
        assert pointers(user, address) == {f"h{(n - 1) % size}.{zone}."}


@pytest.mark.thorough
def test_an_undo_makes_none_that_was_not_there(user: User, zone: str, network: str) -> None:
    plain, kept = f"{network}.10", f"{network}.11"
    user.submit_and_wait(body(zone, target=plain, config={"ttl": 77}))
    [added] = user.submit_and_wait(managed(zone, "www", kept))
    with_ptrs(user, added)
    with_ptrs(user, undo(user, added))
    assert (pointers(user, plain), pointers(user, kept)) == (set(), set())


@pytest.mark.thorough
@pytest.mark.parametrize("ask_servers", [thoroughly(False), True])
def test_it_goes_and_comes_with_rollbacks(user: User, zone: str, network: str, ask_servers: bool) -> None:
    there, new = f"{network}.10", f"{network}.11"
    [made] = user.submit_and_wait(managed(zone, "www", there))
    with_ptrs(user, made)
    to = datetime.now(UTC)
    first, second = user.submit_and_wait(body(zone, target=None, action="delete"), managed(zone, "new", new))
    with_ptrs(user, first)
    with_ptrs(user, second)
    assert (pointers(user, there), pointers(user, new)) == (set(), {f"new.{zone}."})
    asked = {"to": to.isoformat(), "ask_servers": ask_servers}
    planned = user.api.post(f"/zones/{zone}/rollback", json=asked).raise_for_status().json()
    assert [[step["action"] for step in each["ptr"]] for each in planned["results"]] == [
        ["delete"],
        ["create"],
    ]
    applied = user.api.post(f"/dns/plans/{planned['plan_id']}/apply").raise_for_status().json()
    for request in user.wait_until_settled([each["request"]["id"] for each in applied["results"]]):
        with_ptrs(user, request)
    assert (pointers(user, there), pointers(user, new)) == ({f"www.{zone}."}, set())
