"""Requests of every action, from the API to the DNS server's answer and the records."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import dns.flags
import dns.message
import dns.rrset
import psycopg
import pytest

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.name_servers import Connection, serving
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


def test_what_a_wildcard_answers_is_no_record(user: User, zone: str) -> None:
    def records(owner: str) -> list[list[str]]:
        items = user.api.get("/dns/records", params={"domain": f"{owner}.{zone}"}).json()["items"]
        return [record["target"] for record in items]

    def text(owner: str, value: str, action: str) -> dict[str, object]:
        return body(zone, owner, action=action, record_type="TXT", target=value)

    made = [text("*", "x", "create"), text("last", "one", "create"), text("left", "one", "create")]
    user.submit_and_wait(*made, text("left", "two", "create"))
    gone = [text(owner, "one", "delete") for owner in ("last", "left", "never")]
    assert [request["status"] for request in user.submit_and_wait(*gone)] == ["succeeded"] * 3
    assert user.dig(f"last.{zone}", "TXT") == {'"x"'}  # from the wildcard
    assert records("last") == records("never") == []
    assert records("left") == [['"two"']]
    assert records("*") == [['"x"']]


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


def answer_nothing_yet(connection: Connection) -> None:
    """Answer, with authority, that the name is not there: a secondary that lags behind."""
    for query in connection.queries():
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        connection.send(reply)


def answer_the_address(connection: Connection) -> None:
    """Answer what the primary has."""
    for query in connection.queries():
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", "A", "192.0.2.1"))
        connection.send(reply)


class Secondaries(NamedTuple):
    """The ports of two; the backends `with_lagging` and `with_away` have one each."""

    lagging: int
    away: int


@pytest.fixture(scope="module")
def secondaries(stack: Stack) -> Iterator[Secondaries]:
    """Both are made by one change of the inventory, which every process then reads again."""
    with serving(answer_the_address) as closed:
        pass
    inventory = Path(stack.env["INVENTORY"])
    with serving(answer_nothing_yet) as lagging:
        ports = Secondaries(lagging.port, closed.port)
        for name, port in ports._asdict().items():
            hosts = (inventory / "hosts.yml").read_text().replace("bind:", f"with_{name}:")
            hosts += f"        - address: 127.0.0.1\n          port: {port}\n"
            (inventory / f"with_{name}.yml").write_text(hosts)
        yield ports


def move(user: User, zone: str, backend: str) -> None:
    """Let another backend serve the zone."""
    user.wait_for_backend(backend)
    user.api.patch(f"/zones/{zone}", json={"backend": backend}).raise_for_status()


@pytest.mark.thorough
def test_a_secondary_that_lags_behind_fails_the_request_at_the_deadline(
    secondaries: Secondaries, user: User, zone: str
) -> None:
    move(user, zone, "with_lagging")
    (request,) = user.submit_and_wait(body(zone))
    assert statuses(request) == ["pending", "running", "verifying", "failed"]
    assert request["error"]["code"] == "not_answered"
    assert str(secondaries.lagging) in request["error"]["message"]
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.1"}


@pytest.mark.thorough
def test_a_secondary_that_is_away_fails_nothing_and_what_the_primary_answers_is_recorded(
    stack: Stack, secondaries: Secondaries, user: User, zone: str
) -> None:
    move(user, zone, "with_away")
    (request_id,) = user.submit(body(zone))
    eventually(lambda: user.request(request_id)["status"] == "verifying")
    (record,) = user.api.get("/dns/records", params={"zone": zone}).json()["items"]
    assert record["target"] == ["192.0.2.1"]
    time.sleep(2 * float(stack.env["VERIFY_DEADLINE"]))
    assert user.request(request_id)["status"] == "verifying"
    with serving(answer_the_address, secondaries.away):
        (request,) = user.wait_until_settled([request_id])
    assert statuses(request) == ["pending", "running", "verifying", "succeeded"]


def test_a_backend_that_the_inventory_lacks_keeps_its_requests_waiting(
    stack: Stack, user: User, zone: str
) -> None:
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:  # as after a mistake in the inventory
        connection.execute("UPDATE dns_zones SET backend = 'missing' WHERE name = %s", [zone])
    (request_id,) = user.submit(body(zone))
    eventually(lambda: fault_of(user, "missing") == "backend_unknown")
    waiting = user.request(request_id)
    assert (waiting["status"], waiting["waits_for"]["code"]) == ("pending", "backend_unknown")
    user.api.patch(f"/zones/{zone}", json={"backend": "bind"}).raise_for_status()
    (request,) = user.wait_until_settled([request_id])
    assert (request["status"], request["waits_for"]) == ("succeeded", None)


def fault_of(user: User, backend: str) -> str | None:
    """The code of what is wrong with a backend."""
    faults = (item["fault"] for item in user.backends() if item["name"] == backend)
    return next((fault["code"] for fault in faults if fault), None)
