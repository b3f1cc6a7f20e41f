"""Requests of every action, from the API to the DNS server's answer and the records."""

from pathlib import Path

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User, statuses


def test_the_life_of_an_rrset(user: User, zone: str) -> None:
    name = f"www.{zone}"

    def do(action: str, *targets: str) -> dict[str, object]:
        item = body(zone, action=action, target=list(targets))
        if not targets:
            del item["resource"]["target"]
        (request,) = user.submit_and_wait(item)
        return request

    assert do("update", "192.0.2.1")["error"]["code"] == "rrset_missing"  # type: ignore[index]
    assert do("create", "192.0.2.1")["status"] == "succeeded"
    assert do("create", "192.0.2.1")["status"] == "succeeded"
    assert do("create", "192.0.2.2")["status"] == "succeeded"
    assert user.dig(name, "A") == {"192.0.2.1", "192.0.2.2"}
    assert do("delete", "192.0.2.1")["status"] == "succeeded"
    assert user.dig(name, "A") == {"192.0.2.2"}
    assert do("update", "192.0.2.3", "192.0.2.4")["status"] == "succeeded"
    assert user.dig(name, "A") == {"192.0.2.3", "192.0.2.4"}
    records = user.api.get("/dns/records", params={"domain": name}).json()["items"]
    assert [(record["target"], record["ttl"]) for record in records] == [(["192.0.2.3", "192.0.2.4"], 300)]
    assert do("upsert", "192.0.2.5")["status"] == "succeeded"
    assert do("delete")["status"] == "succeeded"
    assert user.dig(name, "A") == set()
    assert user.api.get("/dns/records", params={"domain": name}).json()["items"] == []


def test_requests_for_one_rrset_apply_in_the_order_of_acceptance(user: User, zone: str) -> None:
    items = [body(zone, action="upsert", target=f"192.0.2.{number}") for number in range(1, 21)]
    requests = user.submit_and_wait(*items)
    assert {request["status"] for request in requests} == {"succeeded"}
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.20"}


def test_one_bad_record_never_fails_its_neighbours(user: User, zone: str) -> None:
    user.submit_and_wait(body(zone, "alias", record_type="CNAME", target=f"www.{zone}"))
    items = [body(zone, f"h{number}", target=f"192.0.2.{number}") for number in range(20)]
    items.insert(10, body(zone, "alias", target="192.0.2.99"))
    requests = user.submit_and_wait(*items)
    bad = requests.pop(10)
    assert (bad["status"], bad["error"]["code"]) == ("failed", "cname_conflict")
    assert {request["status"] for request in requests} == {"succeeded"}
    assert len({request["run_id"] for request in requests} | {bad["run_id"]}) == 1


def test_a_request_tells_its_story(user: User, zone: str) -> None:
    (request,) = user.submit_and_wait(body(zone, "@", record_type="TXT", target="hello"))
    assert statuses(request) == ["pending", "running", "succeeded"]
    assert request["attempts"] == 1
    assert request["created_at"] <= request["started_at"] <= request["verified_at"] <= request["finished_at"]
    messages = [event["message"] for event in request["events"]]
    assert any(message == "task: Send the dynamic update" for message in messages)
    assert any("1 change to 127.0.0.1" in message for message in messages)


def test_a_secondary_that_never_answers_fails_the_request_at_the_deadline(
    stack: Stack, user: User, zone: str
) -> None:
    inventory = Path(stack.env["INVENTORY"])
    hosts = (inventory / "hosts.yml").read_text().replace("bind:", "half_dead:")
    hosts += "        - address: 127.0.0.1\n          port: 9\n"
    (inventory / "half_dead.yml").write_text(hosts)
    user.api.patch(f"/zones/{zone}", json={"backend": "half_dead"}).raise_for_status()
    (request,) = user.submit_and_wait(body(zone))
    assert statuses(request) == ["pending", "running", "verifying", "failed"]
    assert request["error"]["code"] == "not_answered"
    assert "127.0.0.1:9" in request["error"]["message"]
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.1"}


def test_a_backend_that_the_inventory_lacks_keeps_its_requests_waiting(user: User, zone: str) -> None:
    user.api.patch(f"/zones/{zone}", json={"backend": "missing"}).raise_for_status()
    (request_id,) = user.submit(body(zone))
    eventually(
        lambda: any('no host "missing"' in event["message"] for event in user.request(request_id)["events"])
    )
    user.api.patch(f"/zones/{zone}", json={"backend": "bind"}).raise_for_status()
    (request,) = user.wait_until_settled([request_id])
    assert request["status"] == "succeeded"
