"""The settings of a zone, from the API and the Kafka topic to BIND's answer."""

import json

import pytest
from confluent_kafka import Producer

from stack.embedded import Stack
from tests.support.answers import codes
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User


@pytest.mark.thorough
def test_the_default_ttl_reaches_the_server_by_every_door(stack: Stack, user: User, zone: str) -> None:
    chosen = {"default_ttl": 4711, "protected_names": ["@"]}
    user.api.patch(f"/zones/{zone}", json=chosen).raise_for_status()
    single = user.api.post("/dns/create", json=body(zone, "single")).raise_for_status().json()
    message = json.dumps(body(zone, "message"))
    producer = Producer({"bootstrap.servers": stack.env["KAFKA_BROKER_URL"]})
    producer.produce(stack.env["KAFKA_DNS_TOPIC"], message.encode())
    producer.flush(30)
    found = user.submit_and_wait(body(zone, "batch"), body(zone, "own", config={"ttl": 60}))
    found += user.wait_until_settled([single["id"]])
    assert {request["status"] for request in found} == {"succeeded"}
    expected = {"single": 4711, "batch": 4711, "message": 4711, "own": 60}
    eventually(lambda: user.ttl(f"message.{zone}", "A"))
    assert {owner: user.ttl(f"{owner}.{zone}", "A") for owner in expected} == expected
    recorded = eventually(lambda: records(user, zone, len(expected)))
    assert recorded == {f"{owner}.{zone}": ttl for owner, ttl in expected.items()}
    assert codes(user.api.post("/dns/create", json=body(zone, "@"))) == {"name_protected"}


def records(user: User, zone: str, number: int) -> dict[str, int] | None:
    """The TTLs of the zone's records, by name; None until there are so many."""
    items = user.api.get("/dns/records", params={"zone": zone}).json()["items"]
    return {item["domain"]: item["ttl"] for item in items} if len(items) == number else None
