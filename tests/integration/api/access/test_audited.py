"""What the audit has of calls: refusals, and what operators do to requests of others."""

from collections import Counter
from typing import Any

import pytest

from tests.integration.api.access.test_changes import DNS, OTHER, OWN, ask, made, settle
from tests.support.access import Guarded, bearer
from tests.support.builders import body

pytestmark = pytest.mark.usefixtures("started_anew")


def entries(guarded: Guarded) -> list[dict[str, Any]]:
    """The audit's entries, oldest first; what was refused is written now."""
    guarded.client.app.state.refusals.write_due(everything=True)  # type: ignore[attr-defined]
    auditor = guarded.by("auditor", accounts=())
    found: list[dict[str, Any]] = guarded.client.get("/api/v1/access/audit", headers=auditor).json()["items"]
    return found[::-1]


def test_every_refusal_is_counted_for_its_principal(guarded: Guarded) -> None:
    requester = guarded.by("requester")
    name = f"token {requester['Authorization'].split('_')[1]}"
    items = {"requests": [body(guarded.zone, "x"), body(guarded.zone, "y", account=OTHER)]}
    call, counted = guarded.client.post, Counter[tuple[str, str]]()

    def new() -> dict[tuple[str, str], int]:
        """What was refused since the last call of this, by principal and code of the first reason."""
        found = [each for each in entries(guarded) if each["act"] == "refused"]
        assert {each["address"] for each in found} == {"testclient"}
        before, now = counted.copy(), Counter[tuple[str, str]]()
        for each in found:
            now[each["principal"], each["subject"]] += each["after"]["number"]
        counted.update(now - before)
        return dict(now - before)

    ask(guarded, requester, OWN)
    assert new() == {(name, "not_allowed"): 1}
    call(f"{DNS}/batch", json=items, headers=requester)
    assert new() == {(name, "not_allowed"): 2}
    call(f"{DNS}/batch", json=items | {"atomic": True}, headers=requester)
    assert new() == {(name, "not_allowed"): 1}
    call(f"{DNS}/plan", json=items, headers=requester)
    assert new() == {(name, "not_allowed"): 2}
    guarded.client.get("/api/v1/access/tokens", headers=requester)
    assert new() == {(name, "right_missing"): 1}
    guarded.client.get("/api/v1/access/me")
    assert new() == {("nobody known", "credentials_missing"): 1}
    for _ in range(12):
        guarded.client.get("/api/v1/access/me", headers=bearer("dnso_wrong"))
    assert new() == {("nobody known", "credentials_invalid"): 12}


def test_what_operators_do_to_requests_of_others(guarded: Guarded) -> None:
    guarded.grant()
    operator, requester = guarded.by("operator", accounts=()), guarded.by("requester")
    theirs, own = made(guarded, OWN), made(guarded, OWN, owner="own")
    for request_id, who in ((theirs, operator), (own, requester)):
        settle(request_id, "failed")
        for what in ("retry", "cancel"):
            answer = guarded.client.post(f"{DNS}/requests/{request_id}/{what}", headers=who)
            assert answer.status_code in (200, 202), answer.text
    for what, status in (("retry", "cancelled"), ("cancel", "pending"), ("cancel", "pending")):
        selection = {"zone": guarded.zone, "status": status}
        guarded.client.post(f"{DNS}/requests/{what}", json=selection, headers=operator).raise_for_status()
    about = {"account": OWN, "domain": f"made.{guarded.zone}", "type": "A"}
    found = [
        (each["act"], each["subject"], each["after"])
        for each in entries(guarded)
        if each["act"].endswith(("cancelled", "retried"))
    ]

    def many(status: str) -> dict[str, Any]:
        return {"filter": {"zone": guarded.zone, "status": status}, "number": 2}

    waiting = made(guarded, OWN, owner="waits")
    zone = f"/api/v1/zones/{guarded.zone}?cancel_open=true"
    guarded.client.delete(zone, headers=operator).raise_for_status()
    ended = [each for each in entries(guarded) if each["act"] != "requests_made_for_others"][-2:]
    assert [(each["act"], each["after"]) for each in ended] == [
        ("requests_cancelled", {"filter": {"zone": guarded.zone}, "number": 1}),
        ("zone_removed", None),
    ]
    assert guarded.client.get(f"{DNS}/requests/{waiting}", headers=requester).json()["status"] == "cancelled"
    assert found == [
        ("request_retried", theirs, about),
        ("request_cancelled", theirs, about),
        ("requests_retried", "by filter", many("cancelled")),
        ("requests_cancelled", "by filter", many("pending")),
    ]


def test_what_admins_ask_for_in_the_names_of_others(guarded: Guarded) -> None:
    guarded.grant()
    admin = guarded.by("admin", accounts=[OWN])
    call = guarded.client.post
    call(f"{DNS}/create", json=body(guarded.zone, "own"), headers=admin).raise_for_status()
    theirs = body(guarded.zone, "theirs", account=OTHER)
    first = call(f"{DNS}/create", json=theirs, headers=admin).json()["id"]
    batch = {"requests": [theirs, body(guarded.zone, "too", account=OTHER), body(guarded.zone, "own")]}
    call(f"{DNS}/batch", json=batch, headers=admin).raise_for_status()
    plan = call(f"{DNS}/plan", json={"requests": [theirs]}, headers=admin).json()["plan_id"]
    call(f"{DNS}/plans/{plan}/apply", headers=admin).raise_for_status()
    found = [each for each in entries(guarded) if each["act"] == "requests_made_for_others"]
    assert {each["principal"] for each in found} == {f"token {admin['Authorization'].split('_')[1]}"}
    assert (found[0]["subject"], found[0]["after"]["first"]) == (
        first,
        f"create theirs.{guarded.zone} A for {OTHER}",
    )
    assert sum(each["after"]["number"] for each in found) == 4
