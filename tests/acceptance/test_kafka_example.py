"""The example that sends messages, on a running stack, and what is told of them."""

import json
import os
import subprocess
import sys

from confluent_kafka import Consumer, TopicPartition

from stack.embedded import Stack
from stack.paths import ROOT
from tests.support.eventually import eventually
from tests.support.user import User


def test_what_it_sends_becomes_a_request(stack: Stack, user: User, zone: str) -> None:
    resource = {"record_type": "TXT", "domain": f"note.{zone}", "target": "hello"}
    line = json.dumps({"context": {"account_id": "team-a"}, "resource": resource})
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "send.py"],
        env=os.environ | stack.env,
        input=line + "\n",
        text=True,
        stderr=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    assert done.stderr.startswith("1 sent to dns_requests at ")
    found = eventually(lambda: user.api.get("/dns/requests", params={"zone": zone}).json()["items"])
    [request] = user.wait_until_settled(each["id"] for each in found)
    assert (request["status"], request["context"]["via"]) == ("succeeded", "kafka")
    consumer = Consumer({"bootstrap.servers": stack.env["KAFKA_BROKER_URL"], "group.id": "nobody"})
    results = stack.env["KAFKA_RESULTS_TOPIC"]
    partitions = consumer.list_topics(results, timeout=20).topics[results].partitions
    consumer.assign([TopicPartition(results, number, 0) for number in partitions])
    types: list[str] = []

    def all_told() -> bool:
        messages = consumer.consume(1_000, timeout=1)
        events = [json.loads(message.value() or b"") for message in messages]
        types.extend(event["type"] for event in events if event["subject"] == request["id"])
        return "dns.request.succeeded" in types

    eventually(all_told)
    consumer.close()
    assert types == [f"dns.request.{status}" for status in ("pending", "running", "succeeded")]
