"""What is scheduled, and about what another account owns by the time it is due."""

from typing import Any

import pytest
from sqlalchemy import text

from app.core.database import transaction
from app.services.requests.schedule import queue_due
from tests.integration.api.review.conftest import Office
from tests.support.builders import body, time_after
from tests.support.eventually import eventually

DAY = 86_400
PASS = "UPDATE dns_requests SET not_before = not_before - interval '2 days' WHERE zone = :zone"


def ask(office: Office, account: str, *asked: tuple[str, str, float], **more: Any) -> list[dict[str, Any]]:
    """Submit changes in one call, each an action, a name and the seconds until it is due."""
    times = {seconds: time_after(seconds) for _, _, seconds in asked}
    items = [
        body(office.zone, name, action=action, account=account, not_before=times[seconds])
        for action, name, seconds in asked
    ]
    headers = office.by("requester", accounts=[account])
    answer = office.post("batch", headers, json={"requests": items, **more})
    results = answer.raise_for_status().json()["results"]
    assert {each["status_code"] for each in results} == {202}, results
    return [each["request"] for each in results]


def fates(office: Office, asked: list[dict[str, Any]]) -> list[str]:
    """What has become of these when they are due: how each failed, or its status."""
    with transaction() as session:
        session.execute(text(PASS), {"zone": office.zone})

    def found() -> list[dict[str, Any]] | None:
        queue_due()
        shown = [office.show(each) for each in asked]
        return None if any(each["status"] == "scheduled" for each in shown) else shown

    return [(each.get("error") or {}).get("code", each["status"]) for each in eventually(found)]


@pytest.fixture
def shared(office: Office) -> Office:
    """A zone in which two accounts may change everything, but not what the other one owns."""
    shared = office.new_zone(others="deny")
    for account in (shared.asks, shared.decides):
        shared.grant(account=account, zone=shared.zone)
    return shared


def change(office: Office, **patch: Any) -> None:
    path = f"/api/v1/zones/{office.zone}"
    office.client.patch(path, json=patch, headers=office.admin).raise_for_status()


def test_it_fails_with_its_group_and_its_words_name_the_owner_to_operators_only(shared: Office) -> None:
    office, owner = shared, shared.decides
    alone = ask(office, office.asks, ("delete", "svc", DAY))
    group = ask(office, office.asks, ("upsert", "free", DAY), ("upsert", "waits", DAY), atomic=True)
    others = ask(office, office.asks, ("upsert", "other", DAY), ("delete", "nobody", DAY))
    ask(office, owner, ("create", "svc", -1))
    office.drain()
    ask(office, owner, ("create", "waits", -1))
    assert fates(office, [*alone, *group, *others]) == [
        "not_owner",
        "atomic_failed",
        "not_owner",
        "pending",
        "pending",
    ]
    seen = office.get(f"requests/{alone[0]['id']}", office.asker).json()
    assert owner not in str(seen)
    assert seen["events"][-1]["message"] == seen["error"]["message"]
    words = f"svc.{office.zone} A belongs to {owner} by now"
    assert [office.show(alone[0])["events"][-1][key] for key in ("status", "message")] == [
        "failed",
        f"{words}, and the settings of the zone {office.zone} let no other change it",
    ]
    assert group[1]["id"] in office.show(group[0])["error"]["message"]
    office.drain()
    assert [office.show(each)["status"] for each in (*alone, *group)] == ["failed"] * 3
    assert office.post(f"requests/{alone[0]['id']}/retry", office.asker).json()["code"] == "not_owner"


def test_nobody_owns_what_he_has_but_scheduled(shared: Office) -> None:
    office = shared
    early = ask(office, office.asks, ("create", "one", DAY), ("upsert", "two", DAY))
    made = ask(office, office.decides, ("create", "one", -1), ("create", "three", -1))
    later = [("create", "five", DAY), ("create", "five", -1)]
    gateway = office.by("gateway", accounts=())
    items = [
        body(office.zone, name, action=action, account=account, not_before=time_after(seconds))
        for account, (action, name, seconds) in zip((office.asks, office.decides), later, strict=True)
    ]
    results = office.post("batch", gateway, json={"requests": items}).json()["results"]
    assert [each["status_code"] for each in results] == [202, 202]
    assert fates(office, [*early, *made, results[0]["request"]]) == [
        "not_owner",
        "pending",
        "pending",
        "pending",
        "not_owner",
    ]
    other = office.by("requester", accounts=[office.decides])
    refused = office.post("upsert", other, json=body(office.zone, "two", account=office.decides))
    assert refused.json()["code"] == "not_owner"  # it is queued: now it is owned


def test_of_several_that_are_due_the_first_to_make_it_owns_it(shared: Office) -> None:
    office = shared
    before = ask(office, office.asks, ("delete", "new", DAY))
    made = ask(office, office.decides, ("create", "new", DAY + 1), ("delete", "new", DAY + 3))
    after = ask(office, office.asks, ("upsert", "new", DAY + 2))
    assert fates(office, [*before, *made, *after]) == ["pending", "pending", "pending", "not_owner"]


@pytest.mark.thorough
def test_who_may_all_the_same(shared: Office) -> None:
    office = shared
    change(office, others="review")
    early = ask(office, office.asks, ("delete", "svc", DAY))
    ask(office, office.decides, ("create", "svc", -1))
    office.drain()
    [reviewed] = ask(office, office.asks, ("upsert", "svc", DAY))
    assert reviewed["status"] == "awaiting_approval"
    office.decide("approve", reviewed, office.approver).raise_for_status()
    assert fates(office, [*early, reviewed]) == ["not_owner", "pending"]
    for patch in ({"others": "allow"}, {"others": "deny", "owner": office.asks}):
        change(office, others="allow")
        asked = ask(office, office.asks, ("upsert", "svc", DAY))
        change(office, **patch)
        assert fates(office, asked) == ["pending"]
