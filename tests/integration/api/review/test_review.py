"""What waits for an approval: by every door, and until somebody else decides."""

from typing import Any

from tests.integration.api.review.conftest import Office


def statuses(answer: Any) -> list[str]:
    return [each["request"]["status"] for each in answer.raise_for_status().json()["results"]]


def test_from_the_question_to_the_record(office: Office) -> None:
    asked = office.ask()
    assert asked["status"] == "awaiting_approval"
    office.drain()
    seen = office.look(asked)
    [change] = seen["changes"]
    assert (change["request_id"], change["context"]["account_id"]) == (asked["id"], office.asks)
    assert change["plan"]["change"]["before"] is None
    assert change["plan"]["change"]["after"] == {"ttl": 300, "target": ["192.0.2.1"]}
    approved = office.decide("approve", asked, office.approver, comment="fine", state=seen["state"])
    assert (approved.status_code, approved.json()["status"]) == (202, "pending")
    office.drain()
    shown = office.show(asked)
    assert shown["status"] == "succeeded"
    assert (shown["review"]["verdict"], shown["review"]["comment"]) == ("approved", "fine")
    log = {each["status"]: each["message"] for each in shown["events"]}
    assert log["awaiting_approval"] == "accepted; somebody has to approve it"
    assert log["pending"].startswith("approved by token ")
    assert log["pending"].endswith(": fine")
    [entry] = [each for each in office.entries("requests_approved") if each["subject"] == asked["id"]]
    assert entry["before"]["rrsets"] == [[asked["id"], {"ttl": None, "rdata": []}]]
    assert entry["after"]["rrsets"] == [[asked["id"], {"ttl": 300, "rdata": ["192.0.2.1"]}]]


def test_rejected_is_for_good(office: Office) -> None:
    asked = office.ask()
    rejected = office.decide("reject", asked, office.approver, comment="not this name").json()
    assert (rejected["status"], rejected["error"]["code"]) == ("rejected", "rejected")
    assert rejected["error"]["message"].endswith("not this name")
    for verb in ("approve", "reject"):
        again = office.decide(verb, asked, office.approver)
        assert (again.status_code, again.json()["code"]) == (409, "not_awaiting_approval")
    retried = office.post(f"requests/{asked['id']}/retry", office.asker)
    assert (retried.status_code, retried.json()["code"]) == (409, "request_not_retryable")
    listed = office.get("requests", office.asker, status="rejected").json()["items"]
    assert [each["id"] for each in listed] == [asked["id"]]
