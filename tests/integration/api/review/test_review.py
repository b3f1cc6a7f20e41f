"""What waits for an approval: by every door, and until somebody else decides."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.database import transaction
from tests.integration.api.review.conftest import Office
from tests.support.access import prefix_of
from tests.support.eventually import eventually
from tests.support.thoroughly import thoroughly


def answered(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def statuses(answer: Any) -> list[str]:
    return [each["request"]["status"] for each in answer.raise_for_status().json()["results"]]


def mine(office: Office, headers: Any) -> list[str]:
    found = office.get("requests", headers, mine="true").raise_for_status().json()["items"]
    return [each["id"] for each in found if each["zone"] == office.zone]


def test_from_the_question_to_the_record(office: Office) -> None:
    asked = office.ask()
    assert asked["status"] == "awaiting_approval"
    office.drain()
    seen = office.look(asked)
    [change] = seen["changes"]
    assert (change["request_id"], change["context"]["account_id"]) == (asked["id"], office.asks)
    assert change["plan"]["change"]["before"] is None
    assert change["plan"]["change"]["after"] == {"ttl": 300, "target": ["192.0.2.1"]}
    waits = {**office.approver, "Prefer": "wait=30"}
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(office.decide, "approve", asked, waits, comment="fine", state=seen["state"])
        while not call.done():
            office.drain()
    approved = call.result()
    assert (approved.status_code, approved.json()["status"]) == (200, "succeeded")
    shown = office.show(asked)
    assert shown["status"] == "succeeded"
    assert (shown["review"]["verdict"], shown["review"]["comment"]) == ("approved", "fine")
    own = office.get(f"requests/{asked['id']}", office.asker).json()
    log = {each["status"]: each["message"] for each in own["events"]}
    assert log["awaiting_approval"] == "accepted; somebody has to approve it"
    assert log["pending"].startswith("approved by token ")
    assert log["pending"].endswith(": fine")
    [entry] = office.entries("requests_approved", asked)
    assert entry["before"]["rrsets"] == [[asked["id"], {"ttl": None, "rdata": []}]]
    assert entry["after"]["rrsets"] == [[asked["id"], {"ttl": 300, "rdata": ["192.0.2.1"]}]]


def test_rejected_is_for_good(office: Office) -> None:
    asked = office.ask()
    office.decide("reject", asked, office.approver, comment="not this name").raise_for_status()
    rejected = office.get(f"requests/{asked['id']}", office.asker).json()
    assert (rejected["status"], rejected["error"]["code"]) == ("rejected", "rejected")
    assert rejected["error"]["message"].endswith("not this name")
    for verb in ("approve", "reject"):
        again = office.decide(verb, asked, office.approver)
        assert answered(again) == (409, "not_awaiting_approval")
    retried = office.post(f"requests/{asked['id']}/retry", office.asker)
    assert answered(retried) == (409, "request_not_retryable")
    listed = office.get("requests", office.asker, status="rejected").json()["items"]
    assert [each["id"] for each in listed] == [asked["id"]]
    [entry] = office.entries("requests_rejected", asked)
    assert (entry["before"]["asked_by"], entry["after"]["comment"]) == (
        f"token {prefix_of(office.asker['Authorization'].split()[1])}",
        "not this name",
    )


def test_a_state_that_has_moved_is_looked_at_again(office: Office) -> None:
    asked = office.ask()
    seen = office.look(asked)
    office.made("www", "192.0.2.9")
    stale = office.decide("approve", asked, office.approver, state=seen["state"])
    assert answered(stale) == (409, "plan_stale")
    assert office.show(asked)["status"] == "awaiting_approval"
    again = office.look(asked)
    assert again["changes"][0]["plan"]["change"]["before"] == {"ttl": 300, "target": ["192.0.2.9"]}
    office.decide("approve", asked, office.approver, state=again["state"]).raise_for_status()
    office.made("www", "192.0.2.10", drained=False)  # behind it in the queue
    office.drain()
    assert office.show(asked)["status"] == "succeeded"


def test_what_moves_after_the_approval_is_not_changed(office: Office) -> None:
    first, second = office.ask(action="upsert"), office.ask(action="upsert", target="192.0.2.2")
    for asked in (first, second):  # both see that there is nothing
        office.decide("approve", asked, office.approver).raise_for_status()
    office.drain()
    assert [office.show(each)["status"] for each in (first, second)] == ["succeeded", "failed"]
    assert office.show(second)["error"]["code"] == "state_changed"
    again = office.post(f"requests/{second['id']}/retry", office.asker)
    assert again.json()["status"] == "pending"  # it was approved, for that state
    office.drain()
    assert office.show(second)["error"]["code"] == "state_changed"


def test_what_would_fail_is_not_approved(office: Office) -> None:
    office.made("www", "192.0.2.9")
    asked = office.ask(record_type="CNAME", target="other.test")
    refused = office.decide("approve", asked, office.approver)
    assert refused.status_code == 409
    assert [each["type"] for each in refused.json()["detail"]] == ["cname_conflict"]
    assert office.show(asked)["status"] == "awaiting_approval"


def test_a_grant_that_denies_by_now_beats_an_approval(office: Office) -> None:
    asked = office.ask()
    office.grant("deny", account=office.asks, zone=office.zone, names="www")
    assert answered(office.decide("approve", asked, office.approver)) == (409, "requester_denied")
    office.decide("reject", asked, office.approver).raise_for_status()


@pytest.mark.thorough
def test_what_a_role_is_denied_by_now_is_not_approved_after_a_retry_of_an_operator(office: Office) -> None:
    asked = office.ask()
    operator = office.by("operator", accounts=())
    for verb in ("cancel", "retry"):
        office.post(f"requests/{asked['id']}/{verb}", operator).raise_for_status()
    office.grant("deny", role="requester", zone=office.zone)
    assert answered(office.decide("approve", asked, office.approver)) == (409, "requester_denied")


def test_nobody_decides_what_he_may_have_asked_for(office: Office) -> None:
    asked = office.ask()
    token = office.new_token("approver", "requester", accounts=[office.decides, office.asks])
    asks_himself = office.new_token("requester", accounts=[office.asks], person="ada@example.org")
    same_person = office.new_token("approver", accounts=[office.decides], person="Ada@Example.ORG")
    his = office.post("create", asks_himself, json=office.body("his")).json()
    order = {"roles": ["requester"], "accounts": [office.asks]}
    made = office.client.post("/api/v1/access/tokens", json=order, headers=office.admin).json()
    office.client.app.state.access.expire()  # type: ignore[attr-defined]
    by_made = {"Authorization": f"Bearer {made['token']}"}
    of_made = office.post("create", by_made, json=office.body("made")).json()
    own = office.post("create", office.admin, json=office.body("own")).json()
    assert own["status"] == "awaiting_approval"  # a grant says so, and admins are no exception
    for verb in ("approve", "reject"):
        assert answered(office.decide(verb, asked, token)) == (403, "four_eyes")
        assert answered(office.decide(verb, his, same_person)) == (403, "four_eyes")
        assert answered(office.decide(verb, of_made, office.admin)) == (403, "four_eyes")
        assert answered(office.decide(verb, own, office.admin)) == (403, "four_eyes")
    assert mine(office, token) == []
    assert mine(office, same_person) == [own["id"], of_made["id"], asked["id"]]
    assert office.decide("approve", own, office.approver).status_code == 202
    assert office.decide("approve", asked, office.admin).status_code == 202


def test_who_else_may_see_and_decide_it(office: Office) -> None:
    asked = office.ask()
    stranger = office.by("approver", accounts=["nobody"])
    for verb in ("approve", "reject"):
        assert answered(office.decide(verb, asked, stranger)) == (404, "request_unknown")
        assert answered(office.decide(verb, asked, office.asker)) == (403, "no_approver")
        no_role = office.by("operator", accounts=[office.decides])
        assert answered(office.decide(verb, asked, no_role)) == (403, "right_missing")
    assert office.get(f"requests/{asked['id']}", stranger).status_code == 404
    assert office.get(f"requests/{asked['id']}", office.approver).status_code == 200
    assert office.get(f"requests/{asked['id']}/review", office.asker).status_code == 200
    assert (mine(office, stranger), mine(office, office.approver)) == ([], [asked["id"]])
    wrong = office.get("requests", office.approver, mine="true", status="failed")
    assert (wrong.status_code, wrong.json()["detail"][0]["type"]) == (422, "status_contradicts")
    assert answered(office.get("requests", office.by("auditor"), mine="true")) == (403, "right_missing")


def test_a_batch_is_decided_as_one_as_far_as_it_is_reviewed(office: Office) -> None:
    office = office.new_zone(granted={"names": "free"})
    items = [office.body("free"), office.body("a"), office.body("b")]
    accepted = office.post("batch", office.asker, json={"requests": items})
    assert statuses(accepted) == ["pending", "awaiting_approval", "awaiting_approval"]
    _, first, second = (each["request"] for each in accepted.json()["results"])
    assert [each["request_id"] for each in office.look(second)["changes"]] == [first["id"], second["id"]]
    seen = office.look(first)["state"]
    office.post(f"requests/{first['id']}/cancel", office.asker).raise_for_status()
    assert answered(office.decide("approve", second, office.approver, state=seen)) == (409, "plan_stale")
    office.decide("approve", second, office.approver).raise_for_status()
    office.drain()
    assert [office.show(each)["status"] for each in (first, second)] == ["cancelled", "succeeded"]


def test_an_atomic_batch_waits_as_a_whole(office: Office) -> None:
    office = office.new_zone(granted={"names": "free"})
    items = [office.body("free"), office.body("a")]
    accepted = office.post("batch", office.asker, json={"requests": items, "atomic": True})
    assert statuses(accepted) == ["awaiting_approval"] * 2
    last = accepted.json()["results"][1]["request"]
    office.decide("approve", last, office.approver).raise_for_status()
    office.drain()
    fates = [office.show(each["request"])["status"] for each in accepted.json()["results"]]
    assert fates == ["succeeded", "succeeded"]


def test_what_nobody_approves_in_time_is_rejected(office: Office) -> None:
    asked = office.ask()
    overdue = "UPDATE dns_reviews SET expires_at = now() WHERE :zone = ANY(zones)"
    with transaction() as session:
        session.execute(text(overdue), {"zone": office.zone})
    assert office.decide("approve", asked, office.approver).status_code == 409
    eventually(lambda: office.show(asked)["status"] == "rejected", 10)
    shown = office.show(asked)
    assert (shown["error"]["code"], shown["review"]["verdict"]) == ("approval_expired", "expired")
    assert office.entries("requests_expired", asked)[0]["after"]["code"] == "approval_expired"


@pytest.mark.parametrize("who", ["asker", thoroughly("admin")])
def test_a_retry_gets_round_no_approval(office: Office, who: str) -> None:
    asked = office.ask()
    headers = getattr(office, who)
    office.post(f"requests/{asked['id']}/cancel", headers).raise_for_status()
    assert mine(office, office.approver) == []
    retried = office.post(f"requests/{asked['id']}/retry", headers).raise_for_status().json()
    assert retried["status"] == "awaiting_approval"
    if who == "admin":
        assert answered(office.decide("approve", asked, office.admin)) == (403, "four_eyes")
        office.post(f"requests/{asked['id']}/cancel", headers).raise_for_status()
        many = {"zone": office.zone, "status": "cancelled"}
        assert office.post("requests/retry", office.admin, json=many).json()["count"] == 1
    assert mine(office, office.approver) == [asked["id"]]
    office.decide("approve", asked, office.approver).raise_for_status()
    office.drain()
    assert office.show(asked)["status"] == "succeeded"


@pytest.mark.thorough
def test_operators_retry_what_others_have_asked_for_and_their_own_as_anybody(office: Office) -> None:
    office = office.new_zone(granted={"names": "**"})
    own = office.by("operator", "requester", accounts=[office.asks])
    free, group, denied = office.ask("free"), ["g1", "g2"], office.ask("denied")
    batch = {"requests": [office.body(each) for each in group], "atomic": True}
    grouped = [each["request"] for each in office.post("batch", own, json=batch).json()["results"]]
    for each in (free, denied, grouped[0]):
        office.post(f"requests/{each['id']}/cancel", own).raise_for_status()
    office.grant("deny", account=office.asks, zone=office.zone, names="denied")
    office.grant("review", account=office.asks, zone=office.zone, names="g1")
    assert answered(office.post(f"requests/{denied['id']}/retry", own)) == (403, "not_allowed")
    many = {"zone": office.zone, "status": "cancelled"}
    assert office.post("requests/retry", own, json=many).json()["count"] == 3
    found = [office.show(each)["status"] for each in (free, denied, *grouped)]
    assert found == ["pending", "cancelled", "awaiting_approval", "awaiting_approval"]
    other = office.by("operator", accounts=["others"])
    assert office.post(f"requests/{denied['id']}/retry", other).json()["status"] == "pending"


def test_the_database_queues_nothing_that_nobody_has_approved(office: Office) -> None:
    """A process of the release before retries what was cancelled so: it knows no reviews."""
    asked = office.ask()
    office.post(f"requests/{asked['id']}/cancel", office.asker).raise_for_status()
    retried = "UPDATE dns_requests SET status = 'pending', seq = 1, finished_at = NULL WHERE id = :id"
    with pytest.raises(IntegrityError, match="nobody has approved"), transaction() as session:
        session.execute(text(retried), {"id": asked["id"]})


def test_who_owns_the_rrset_decides_for_others(office: Office) -> None:
    office = office.new_zone(others="review", ungranted="review")
    office.grant(account=office.asks, zone=office.zone, names="mine")
    office.made("mine", "192.0.2.1", by=office.by("admin", accounts=("owns",)), account="owns")
    owner, asked = office.by("requester", accounts=["owns"]), office.ask("mine")
    assert "belongs to another account" in office.look(asked)["why"]
    assert mine(office, owner) == [asked["id"]]
    other = office.ask("other")  # nobody owns that
    assert answered(office.decide("approve", other, owner)) == (404, "request_unknown")
    assert office.decide("approve", asked, owner).status_code == 202


@pytest.mark.thorough
def test_what_no_grant_is_about_is_reviewed_where_the_zone_says_so(office: Office) -> None:
    other = office.by("requester", accounts=["ungranted"])
    asked = {**office.body(), "context": {"account_id": "ungranted", "reason": "a new shop", "ticket": "T-1"}}
    assert office.post("create", other, json=asked).status_code == 403
    change = {"ungranted": "review"}
    office.client.patch(f"/api/v1/zones/{office.zone}", json=change, headers=office.admin).raise_for_status()
    keyed = {**other, "Idempotency-Key": "k"}
    accepted = office.post("create", keyed, json=asked).json()
    assert (accepted["status"], accepted["context"]["ticket"]) == ("awaiting_approval", "T-1")
    assert office.post("create", keyed, json=asked).json() == accepted
    asked["context"]["reason"] = "another"
    assert office.post("create", keyed, json=asked).status_code == 409
    [seen] = office.look(accepted)["changes"]
    assert (seen["context"]["reason"], seen["context"]["ticket"]) == ("a new shop", "T-1")
    office.decide("approve", accepted, office.approver).raise_for_status()
    [entry] = office.entries("requests_approved", accepted)
    assert entry["before"]["reasons"] == [["a new shop", "T-1"]]
    explained = {"domain": f"x.{office.zone}", "record_type": "A"}
    why = office.client.post("/api/v1/access/explain", json=explained, headers=other).json()
    assert why["effect"] == "review"


def test_plans_undos_and_rollbacks_are_reviewed_too(office: Office) -> None:
    made = office.made("www", "192.0.2.1")
    planned = office.post(
        "plan", office.asker, json={"requests": [office.body("a"), office.body("b")]}
    ).json()
    assert all(each["review"].startswith("grant ") for each in planned["results"])
    applied = office.post(f"plans/{planned['plan_id']}/apply", office.asker)
    assert statuses(applied) == ["awaiting_approval"] * 2
    ids = [each["request"]["id"] for each in applied.json()["results"]]
    office.made("a", "192.0.2.9")  # the plan saw nothing there
    refused = office.decide("approve", {"id": ids[1]}, office.approver)
    assert [each["type"] for each in refused.json()["detail"]] == ["state_changed"]
    wrong = {"context": {"account_id": office.asks, "reason": "wrong"}}
    undone = office.post(f"requests/{made['id']}/undo", office.admin, json=wrong)
    assert (undone.status_code, undone.json()["status"]) == (202, "awaiting_approval")
    assert undone.json()["context"]["reason"] == "wrong"
    office.decide("approve", undone.json(), office.approver).raise_for_status()
    office.drain()
    assert office.show(undone.json())["status"] == "succeeded"


def test_with_its_ptr_the_approvers_of_both_zones_decide(office: Office) -> None:
    number = int(office.zone[1:3], 16)
    reverse = f"{number}.18.198.in-addr.arpa"
    sent = {"name": reverse, "backend": "ns1", "approvers": ["reverse"], "ungranted": "review"}
    office.client.post("/api/v1/zones", json=sent, headers=office.admin).raise_for_status()
    free = office.new_zone(granted={"names": "free"})
    asked = free.ask("free", target=f"198.18.{number}.1", config={"manage_ptr": True})
    assert asked["status"] == "awaiting_approval"
    only_one = free.by("approver", accounts=[free.decides])
    assert answered(free.decide("approve", asked, only_one)) == (404, "request_unknown")
    right = free.by("approver", accounts=["reverse"])
    assert mine(free, right) == [asked["id"]]
    assert free.decide("approve", asked, right).status_code == 202


def test_of_two_that_decide_at_once_one_does(office: Office) -> None:
    asked = office.ask()
    verbs = ["approve", "reject", "approve", "reject"]
    with ThreadPoolExecutor(len(verbs)) as threads:
        answers = list(threads.map(lambda verb: office.decide(verb, asked, office.approver), verbs))
    decided = [each for each in answers if each.status_code in (200, 202)]
    assert len(decided) == 1
    assert {answered(each) for each in answers if each not in decided} == {(409, "not_awaiting_approval")}
    assert office.show(asked)["status"] == decided[0].json()["status"]


@pytest.mark.thorough
def test_a_body_that_is_none(office: Office) -> None:
    asked = office.ask()
    bodies: list[Any] = [{"comment": ""}, {"comment": "x" * 1001}, {"state": "x"}, {"other": 1}, [], "\x00"]
    for body in bodies:
        for verb in ("approve", "reject"):
            answer = office.post(f"requests/{asked['id']}/{verb}", office.approver, json=body)
            assert answer.status_code == 422, body


@pytest.mark.thorough
def test_what_waits_is_not_in_the_way(office: Office) -> None:
    """Of the queue, and of removing the zone only as far as it is open."""
    asked = office.ask()
    made = office.made("www", "192.0.2.1")
    assert office.show(made)["status"] == "succeeded"
    zone = f"/api/v1/zones/{office.zone}"
    assert office.client.delete(zone, headers=office.admin).status_code == 409
    listed = office.get("requests", office.admin, status="awaiting_approval", zone=office.zone).json()[
        "items"
    ]
    assert [each["id"] for each in listed] == [asked["id"]]
    params = {"cancel_open": "true"}
    assert office.client.delete(zone, headers=office.admin, params=params).status_code == 204
    assert office.show(asked)["status"] == "cancelled"


@pytest.mark.thorough
def test_each_message_from_kafka_is_decided_by_itself(office: Office) -> None:
    gateway = {**office.by("gateway", accounts=()), "Orchestrator-Via": "kafka"}
    accepted = office.post("batch", gateway, json={"requests": [office.body("a"), office.body("b")]})
    assert statuses(accepted) == ["awaiting_approval"] * 2
    first, second = (each["request"] for each in accepted.json()["results"])
    assert [each["request_id"] for each in office.look(first)["changes"]] == [first["id"]]
    office.decide("reject", first, office.approver).raise_for_status()
    assert office.show(second)["status"] == "awaiting_approval"


def test_approvers_follow_batches_and_nobody_else_does(office: Office) -> None:
    items = {"requests": [office.body("one"), office.body("two")]}
    batch = office.post("batch", office.asker, json=items).json()["batch_id"]
    number = {"status_code": 200, "requests": 2, "awaiting": 2}

    def followed(headers: Any) -> dict[str, int]:
        answer = office.get(f"batches/{batch}", headers)
        found = answer.json()
        if answer.status_code != 200:
            return {"status_code": answer.status_code}
        waiting = found["by_status"]["awaiting_approval"]
        return {"status_code": 200, "requests": found["requests"], "awaiting": waiting}

    assert followed(office.approver) == number
    assert followed(office.asker) == number
    # An account that approves, in a role that does not; an approver of another zone.
    no_approver = office.by("requester", accounts=[office.decides])
    assert followed(no_approver) == {"status_code": 404}
    assert mine(office, no_approver) == []
    assert followed(office.new_zone().approver) == {"status_code": 404}
