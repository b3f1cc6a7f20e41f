"""A zone that was there before: imported by the worker, changed by requests, exported."""

from typing import Any

from tests.acceptance.conftest import ServedOn
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User


def records(user: User, zone: str) -> dict[tuple[str, str], tuple[list[str], str, str | None]]:
    found = user.api.get("/dns/records", params={"zone": zone}).json()["items"]
    return {
        (each["domain"].removesuffix(f".{zone}"), each["record_type"]): (
            each["target"],
            each["origin"],
            each["owner"],
        )
        for each in found
    }


def imported(user: User, zone: str) -> dict[str, Any]:
    def is_done() -> dict[str, Any] | None:
        found: dict[str, Any] = user.api.get(f"/zones/{zone}/import").json()
        return found if found["state"] in ("done", "failed") else None

    assert user.api.post(f"/zones/{zone}/import").status_code == 202
    return eventually(is_done)


def test_what_was_there_before_can_be_changed_and_belongs_to_nobody(user: User, served_on: ServedOn) -> None:
    beside = served_on("bind")
    zone = beside.name
    beside.apply(*(beside.change("create", owner, "A", "192.0.2.1") for owner in ("kept", "more", "gone")))
    found = imported(user, zone)
    assert (found["state"], found["result"]["added"], found["result"]["candidates"]) == ("done", 4, 0)
    create = body(zone, "more", target="192.0.2.2")
    made = body(zone, "new", target="192.0.2.3")
    delete = body(zone, "gone", action="delete", target="192.0.2.1")
    requests = user.submit_and_wait(create, made, delete)
    assert [each["status"] for each in requests] == ["succeeded"] * 3
    account = made["context"]["account_id"]
    assert records(user, zone) == {
        (zone, "NS"): (["ns1.example.test."], "import", None),
        ("kept", "A"): (["192.0.2.1"], "import", None),
        ("more", "A"): (["192.0.2.1", "192.0.2.2"], "request", None),
        ("new", "A"): (["192.0.2.3"], "request", account),
    }
    undone = user.api.post(f"/dns/requests/{requests[2]['id']}/undo").json()["id"]
    (back,) = user.wait_until_settled([undone])
    assert back["status"] == "succeeded"
    again = imported(user, zone)  # our own changes are no drift
    assert (again["state"], again["result"]["added"], again["result"]["candidates"]) == ("done", 0, 0)
    file = user.api.get(f"/zones/{zone}/export").text
    assert f"gone.{zone}. 300 IN A 192.0.2.1\n" in file
    assert file.splitlines()[0].startswith(f"{zone}. 300 IN SOA ns1.example.test. hostmaster.example.test. ")
