"""Two zones of one name, in views that a key chooses: each is changed and verified by itself."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import dns.query
import dns.rcode
import dns.update
import pytest

from app.domain.change import RRsetKey
from app.nameservers.key_file import read_key
from app.nameservers.resolver import ask
from stack.embedded import Stack
from tests.acceptance.conftest import OwnServer
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.thoroughly import thoroughly
from tests.support.user import User, statuses
from tests.support.views import CHILD, REVERSE, VIEWS, ZONE, Views, bind_with_views

DS = "1 8 2 " + "ab" * 32
ONE_VIEW = ["inside", thoroughly("outside")]


@pytest.fixture(scope="module")
def views(stack: Stack, own_servers: Mapping[str, OwnServer]) -> Iterator[Views]:
    """The server; each view is a backend with a key of its own, and the zones in it are served."""
    user = User(stack.env)
    with bind_with_views(*own_servers["views"]) as found:
        for view in VIEWS:
            user.wait_for_backend(view)
            for zone in (ZONE, REVERSE):
                served = {"name": zone, "view": view, "backend": view}
                user.api.post("/zones", json=served).raise_for_status()
        yield found
        for zone in user.api.get("/zones").json()["items"]:
            if zone["view"] is not None:
                user.api.delete(f"/zones/{zone['key']}").raise_for_status()
    user.api.close()


def key_of(view: str, zone: str = ZONE) -> str:
    return f"{zone}@{view}"


def shown(views: Views, view: str, owner: str, record_type: str = "A", zone: str = ZONE) -> set[str]:
    """What the server answers to the holders of the view's key."""
    key = RRsetKey(f"{owner}.{zone}", record_type)
    return set(ask(views.signed(view), [key], timeout=10)[key].rdata)


def fates(requests: list[dict[str, Any]]) -> list[str]:
    return [(each["error"] or {}).get("code", each["status"]) for each in requests]


def ptr_requests(user: User, request_id: str) -> list[str]:
    found: list[str] = user.request(request_id)["ptr_requests"]
    return found


def apply(user: User, *items: dict[str, Any]) -> list[dict[str, Any]]:
    """Plan the changes by the servers, and apply the plan."""
    planned = user.api.post("/dns/plan", json={"requests": items, "ask_servers": True}).raise_for_status()
    applied = user.api.post(f"/dns/plans/{planned.json()['plan_id']}/apply")
    assert applied.status_code == 207, applied.text
    return user.wait_until_settled(each["request"]["id"] for each in applied.json()["results"])


def test_each_is_changed_by_itself(views: Views, user: User) -> None:
    items = [
        body(ZONE, "new", target="192.0.2.11", view="inside"),
        body(ZONE, "new", target="192.0.2.12", zone=key_of("outside")),
        body(ZONE, "new", target="192.0.2.13", action="create", view="inside"),
        body(ZONE, "www", target="192.0.2.14", action="update", view="outside"),
    ]
    requests = user.submit_and_wait(*items)
    assert fates(requests) == ["succeeded"] * 4
    assert [(each["zone"], each["view"]) for each in requests[:2]] == [
        (key_of("inside"), "inside"),
        (key_of("outside"), "outside"),
    ]
    assert shown(views, "inside", "new") == {"192.0.2.11", "192.0.2.13"}
    assert shown(views, "outside", "new") == {"192.0.2.12"}
    assert shown(views, "inside", "www") == {"192.0.2.1"}
    assert requests[3]["before"]["target"] == ["192.0.2.2"]
    records = user.api.get("/dns/records", params={"zone": key_of("outside")}).json()["items"]
    targets = {each["domain"]: each["target"] for each in records}
    assert targets[f"new.{ZONE}"] == ["192.0.2.12"]
    assert {each["view"] for each in records} == {"outside"}
    gone = [body(ZONE, "new", action="delete", target=None, view=view) for view in VIEWS]
    for each in gone:
        del each["resource"]["target"]
    assert fates(user.submit_and_wait(gone[0])) == ["succeeded"]
    assert (shown(views, "inside", "new"), shown(views, "outside", "new")) == (set(), {"192.0.2.12"})
    assert fates(user.submit_and_wait(gone[1])) == ["succeeded"]


def test_without_a_view_nobody_knows_which_is_meant(views: Views, user: User) -> None:
    answer = user.api.post("/dns/create", json=body(ZONE, "unclear"))
    assert answer.status_code == 422
    assert [each["type"] for each in answer.json()["detail"]] == ["view_required"]
    assert "inside, outside" in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("view", ONE_VIEW)
def test_planned_by_the_servers_applied_and_taken_back(views: Views, user: User, view: str) -> None:
    before = shown(views, view, "www")
    item = body(ZONE, action="upsert", target="192.0.2.99", view=view)
    asked = {"requests": [item], "ask_servers": True}
    (planned,) = user.api.post("/dns/plan", json=asked).raise_for_status().json()["results"]
    assert planned["change"]["before"]["target"] == sorted(before)
    assert (planned["change"]["zone"], planned["change"]["view"]) == (key_of(view), view)
    (done,) = apply(user, item)
    assert shown(views, view, "www") == {"192.0.2.99"}
    undone = user.api.post(f"/dns/requests/{done['id']}/undo").raise_for_status().json()
    assert undone["zone"] == key_of(view)
    assert fates(user.wait_until_settled([undone["id"]])) == ["succeeded"]
    assert shown(views, view, "www") == before
    path = f"/zones/{key_of(view)}/rrsets/www/A/history"
    assert [each["action"] for each in user.api.get(path).json()["items"]][:2] == ["upsert", "upsert"]


def change_beside(views: Views, view: str, owner: str, address: str) -> None:
    """Change the zone with the view's key, as somebody else might."""
    update = dns.update.UpdateMessage(ZONE, keyring=read_key(views.key_file(view)))
    update.replace(owner, 300, "A", address)
    reply = dns.query.tcp(update, views.server.address, port=views.server.port, timeout=10)
    assert reply.rcode() == dns.rcode.NOERROR


@pytest.mark.thorough
def test_each_is_imported_watched_and_exported_by_itself(views: Views, user: User) -> None:
    def imported(view: str) -> bool:
        return bool(
            user.api.get(f"/zones/{key_of(view)}/import").raise_for_status().json()["state"] == "done"
        )

    def drifted(view: str) -> list[str]:
        found = user.api.get(f"/zones/{key_of(view)}/drift").raise_for_status().json()["items"]
        return [each["domain"] for each in found]

    for view in VIEWS:
        user.api.post(f"/zones/{key_of(view)}/import").raise_for_status()
    for view in VIEWS:
        eventually(partial(imported, view), limit=60)
        file = user.api.get(f"/zones/{key_of(view)}/export").raise_for_status().text
        assert next(iter(shown(views, view, "www"))) in file
        assert f"@{view}" not in file
    change_beside(views, "outside", "beside", "192.0.2.200")
    eventually(lambda: drifted("outside") == [f"beside.{ZONE}"], limit=60)
    assert drifted("inside") == []
    answer = user.api.post(f"/zones/{key_of('outside')}/drift/restore", headers={"Prefer": "wait=60"})
    assert [each["status"] for each in answer.raise_for_status().json()["items"]] == ["succeeded"]
    assert (answer.status_code, shown(views, "outside", "beside")) == (200, set())


@pytest.mark.parametrize("view", ONE_VIEW)
def test_all_or_none(views: Views, user: User, view: str) -> None:
    good, bad = (body(ZONE, "group", view=view), body(ZONE, "missing", action="update", view=view))
    requests = user.wait_until_settled(user.submit(good, bad, atomic=True))
    assert fates(requests) == ["atomic_failed", "rrset_missing"]
    assert shown(views, view, "group") == set()
    requests = user.wait_until_settled(user.submit(good, body(ZONE, "group2", view=view), atomic=True))
    assert fates(requests) == ["succeeded"] * 2
    both = [body(ZONE, "group3", view=each) for each in VIEWS]
    answer = user.api.post("/dns/batch", json={"requests": both, "atomic": True})
    assert [each["type"] for each in answer.json()["detail"]] == ["atomic_zones"]


@pytest.mark.thorough
@pytest.mark.parametrize("view", VIEWS)
def test_at_below_and_beside_cuts_it_is_verified_at_once(views: Views, user: User, view: str) -> None:
    """One zone below is served here and by the server, in the same view, the other by neither."""
    served = {"name": key_of(view, CHILD), "backend": view}
    assert user.api.post("/zones", json=served).raise_for_status().json()["view"] == view
    in_parent = {"zone": key_of(view)}
    requests = [
        *apply(user, body(ZONE, "d", record_type="NS", target="ns.example.net", view=view)),
        *apply(user, body(ZONE, "d", record_type="DS", target=DS, view=view)),
        *user.submit_and_wait(
            body(ZONE, "www.d", view=view),
            body(ZONE, "d", record_type="TXT", target="beside the cut", view=view),
            body(ZONE, "xd", view=view),
            body(ZONE, "child", record_type="NS", target=f"ns.{CHILD}", **in_parent),
            body(ZONE, "ns.child", target="192.0.2.53", **in_parent),
            body(CHILD, "www", view=view),
        ),
    ]
    assert fates(requests) == ["succeeded"] * 8
    assert not any("verifying" in statuses(each) for each in requests)
    assert requests[-1]["zone"] == key_of(view, CHILD)
    assert f"delegation d.{ZONE}" in requests[2]["events"][-1]["message"]
    assert shown(views, view, "www", zone=CHILD) == {"192.0.2.1"}
    answer = user.api.post("/dns/create", json=body(CHILD, "text", record_type="TXT", **in_parent))
    assert [each["type"] for each in answer.json()["detail"]] == ["not_parent_side"]


@pytest.mark.thorough
def test_a_rollback_takes_back_what_was_done_in_its_view(views: Views, user: User) -> None:
    start = datetime.now(UTC).isoformat()
    user.submit_and_wait(*(body(ZONE, "late", view=view) for view in VIEWS))
    asked = {"to": start, "ask_servers": True, "context": {"account_id": "team-a"}}
    planned = user.api.post(f"/zones/{key_of('inside')}/rollback", json=asked).raise_for_status().json()
    assert [each["change"]["zone"] for each in planned["results"]] == [key_of("inside")]
    applied = user.api.post(f"/dns/plans/{planned['plan_id']}/apply").json()["results"]
    assert fates(user.wait_until_settled(each["request"]["id"] for each in applied)) == ["succeeded"]
    assert (shown(views, "inside", "late"), shown(views, "outside", "late")) == (set(), {"192.0.2.1"})


@pytest.mark.thorough
def test_ptrs_lie_in_the_same_view_and_go_and_come_back_with_their_addresses(
    views: Views, user: User
) -> None:
    def settled_ptr(request: dict[str, Any], view: str) -> None:
        assert fates([request]) == ["succeeded"]
        (ptr,) = user.wait_until_settled(eventually(partial(ptr_requests, user, request["id"])))
        assert (ptr["zone"], *fates([ptr])) == (key_of(view, REVERSE), "succeeded")

    def undo(request_id: str) -> dict[str, Any]:
        answer = user.api.post(f"/dns/requests/{request_id}/undo").raise_for_status().json()
        return user.wait_until_settled([answer["id"]])[0]

    def pointers() -> list[set[str]]:
        return [shown(views, view, "77", "PTR", REVERSE) for view in VIEWS]

    made = []
    for view in VIEWS:
        asked = body(ZONE, f"h-{view}", target="192.0.2.77", view=view, config={"manage_ptr": True})
        made += user.submit_and_wait(asked)
        settled_ptr(made[-1], view)
    named = [{f"h-{view}.{ZONE}."} for view in VIEWS]
    assert pointers() == named
    undone = undo(made[0]["id"])
    settled_ptr(undone, "inside")
    assert pointers() == [set(), named[1]]
    settled_ptr(undo(undone["id"]), "inside")
    assert pointers() == named


@pytest.mark.parametrize("view", ONE_VIEW)
def test_a_zone_is_imported_in_its_view(user: User, views: Views, view: str) -> None:
    def is_done() -> bool:
        return bool(user.api.get(f"/zones/{key_of(view)}/import").json()["state"] == "done")

    assert user.api.post(f"/zones/{key_of(view)}/import").status_code == 202
    eventually(is_done)
    wanted = {"zone": key_of(view), "domain": f"www.{ZONE}"}
    found = user.api.get("/dns/records", params=wanted).json()["items"]
    assert {target for each in found for target in each["target"]} == shown(views, view, "www")
    assert f"{ZONE}. 300 IN SOA " in user.api.get(f"/zones/{key_of(view)}/export").text
