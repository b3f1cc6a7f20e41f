"""The consumer between real brokers and the real API."""

import json
from datetime import datetime

import pytest

from tests.support.builders import time_after
from tests.support.eventually import eventually
from tests.support.kafka import raw_producer
from tests.support.kafka.processes import Api
from tests.support.kafka.sandbox import ZONE, KafkaSandbox, header, request


def test_accepted_messages_are_committed(any_sandbox: KafkaSandbox, kafka_api: Api) -> None:
    """On both: Tansu is what `make up` starts."""
    sandbox = any_sandbox
    sandbox.create_topic()
    sandbox.produce(*(request(sandbox, f"n{number}", target=f"192.0.2.{number}") for number in range(5)))
    sandbox.produce(request(sandbox, "gone", action="delete"), key=ZONE)
    sandbox.start_consumer(kafka_api.url)
    eventually(lambda: sandbox.committed() == 6)
    found = kafka_api.requests(sandbox.account)
    assert {(each["action"], each["resource"]["domain"]) for each in found} == {
        *(("create", f"n{number}.{ZONE}") for number in range(5)),
        ("delete", f"gone.{ZONE}"),
    }
    assert len(found) == 6
    assert {(each["context"]["source"], each["context"]["via"]) for each in found} == {("kafka", "kafka")}


def test_a_message_may_say_when(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    message = json.loads(request(sandbox, "later"))
    message["context"]["not_before"] = time_after(3_600)
    sandbox.produce(json.dumps(message).encode())
    sandbox.start_consumer(kafka_api.url)
    eventually(lambda: sandbox.committed() == 1)
    [found] = kafka_api.requests(sandbox.account)
    assert found["status"] == "scheduled"
    assert datetime.fromisoformat(found["context"]["not_before"]) == datetime.fromisoformat(
        message["context"]["not_before"]
    )


def test_a_redelivery_is_no_second_request(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    sandbox.produce(*(request(sandbox, f"n{number}") for number in range(20)))
    sandbox.start_consumer(kafka_api.url)
    eventually(lambda: sandbox.committed() == 20)
    again = sandbox.start_consumer(kafka_api.url, {"KAFKA_GROUP_ID": f"{sandbox.group}-again"})
    eventually(lambda: sandbox.committed(f"{sandbox.group}-again") == 20)
    assert len(kafka_api.requests(sandbox.account)) == 20
    assert again.stop() == 0
    assert counts(again.output, "accepted", "replayed") == 20


def test_the_order_within_a_partition_is_kept(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    names = {key: [f"{key}{number}" for number in range(60)] for key in "abcdef"}
    for key, own in names.items():
        sandbox.produce(*(request(sandbox, name) for name in own), key=key)
    sandbox.start_consumer(kafka_api.url, {"KAFKA_BATCH_ITEMS": "7"})
    eventually(lambda: sandbox.committed() == 360)
    found = [each["resource"]["domain"].partition(".")[0] for each in kafka_api.requests(sandbox.account)]
    assert {key: [name for name in found if name[0] == key] for key in names} == names


def test_the_senders_idempotency_key_counts(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    key = [("idempotency-key", b"order-17")]
    sandbox.produce(
        request(sandbox, "one"), request(sandbox, "one"), request(sandbox, "two"), headers=key, key=ZONE
    )
    sandbox.start_consumer(kafka_api.url)
    eventually(lambda: sandbox.committed() == 3)
    assert [each["resource"]["domain"] for each in kafka_api.requests(sandbox.account)] == [f"one.{ZONE}"]
    [letter] = sandbox.dead_letters()
    assert header(letter, "error").startswith("idempotency_key_reused: ")


def bad_messages(sandbox: KafkaSandbox) -> dict[str, bytes | None]:
    """A message of each kind that can't be accepted, by the error code that its dead letter must have."""
    good = json.loads(request(sandbox, "good"))
    return {
        "message_empty": None,
        "message_not_utf8": request(sandbox, "x").replace(b"192", b"\xff\xfe"),
        "message_not_json": b"{'context': nothing}",
        "message_not_an_object": b"[1, 2]",
        "message_too_large": json.dumps(good | {"padding": "x" * 900_000}).encode(),
        "message_field_reserved": json.dumps(good | {"idempotency_key": "mine"}).encode(),
        "json_invalid": b'{"context": ' + b"[" * 500 + b"]" * 500 + b"}",
        "ipv4_invalid": request(sandbox, "x", target="192.0.2.999"),
        "zone_unknown": request(sandbox, "x", domain="www.nowhere.test"),
        "extra_forbidden": json.dumps(good | {"surplus": 1}).encode(),
        "enum": request(sandbox, "x", action="explode"),
        "missing": json.dumps({"context": {"account_id": sandbox.account}}).encode(),
    }


def test_bad_messages_become_dead_letters_and_the_next_one_is_processed(
    sandbox: KafkaSandbox, kafka_api: Api
) -> None:
    sandbox.create_topic()
    bad = bad_messages(sandbox)
    headers = [("trace", b"abc"), ("error", b"of the sender's own")]
    sandbox.produce(*bad.values(), key=b"\x00key\xff", headers=headers)
    sandbox.produce(request(sandbox, "next"), key=b"\x00key\xff")
    sandbox.start_consumer(kafka_api.url)
    eventually(lambda: sandbox.committed() == len(bad) + 1)

    assert [each["resource"]["domain"] for each in kafka_api.requests(sandbox.account)] == [f"next.{ZONE}"]
    letters = sorted(sandbox.dead_letters(), key=lambda letter: int(header(letter, "original-offset")))
    assert [header(letter, "error").partition(":")[0] for letter in letters] == list(bad)
    assert [letter.value() for letter in letters] == list(bad.values())
    assert {letter.key() for letter in letters} == {b"\x00key\xff"}
    assert {header(letter, "original-topic") for letter in letters} == {sandbox.topic}
    assert len({header(letter, "original-partition") for letter in letters}) == 1
    assert all(list(letter.headers() or ())[:2] == headers for letter in letters)


def test_a_dead_letter_too_large_for_the_broker_is_written_without_its_value(
    sandbox: KafkaSandbox, kafka_api: Api
) -> None:
    sandbox.create_topic()
    sandbox.create_topic(f"{sandbox.topic}.dlq", 1, **{"max.message.bytes": "10000"})
    sandbox.produce(b"x" * 20_000, key="a", headers=[("trace", b"abc")])
    sandbox.produce(b"x", key="a", headers=[("huge", b"y" * 20_000)])
    sandbox.produce(request(sandbox, "next"), key="a")
    sandbox.start_consumer(kafka_api.url)
    eventually(lambda: sandbox.committed() == 3)
    without_value, bare = sandbox.dead_letters()
    assert (without_value.value(), header(without_value, "value-left-out")) == (None, "20000")
    assert header(without_value, "trace") == "abc"
    assert (bare.value(), bare.key(), header(bare, "value-left-out")) == (None, None, "1")
    assert header(bare, "error").startswith("message_not_json: ")
    assert len(kafka_api.requests(sandbox.account)) == 1


def test_a_header_that_cannot_be_read_blocks_no_partition(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    raw_producer.produce(sandbox.broker.address, sandbox.topic, request(sandbox, "odd"), header=b"\xff\xfe")
    sandbox.produce(request(sandbox, "next"))
    sandbox.start_consumer(kafka_api.url)
    eventually(lambda: sandbox.committed() == 2)
    [letter] = sandbox.dead_letters()
    assert header(letter, "error").startswith("header_not_utf8: ")
    assert letter.value() == request(sandbox, "odd")
    assert [each["resource"]["domain"] for each in kafka_api.requests(sandbox.account)] == [f"next.{ZONE}"]


@pytest.mark.timeout(180)
def test_a_killed_consumer_loses_and_doubles_nothing(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    consumers = [sandbox.start_consumer(kafka_api.url, {"KAFKA_BATCH_ITEMS": "10"}) for _ in range(3)]
    sandbox.produce(*(request(sandbox, f"n{number}") for number in range(500)))
    eventually(lambda: sandbox.committed() > 50, pause=0.01)
    consumers[0].kill()
    sandbox.produce(*(request(sandbox, f"n{number}") for number in range(500, 700)))
    eventually(lambda: sandbox.committed() == 700, limit=60)
    domains = [each["resource"]["domain"] for each in kafka_api.requests(sandbox.account)]
    assert sorted(domains) == sorted(f"n{number}.{ZONE}" for number in range(700))
    assert sandbox.dead_letters() == []
    assert [consumer.stop() for consumer in consumers[1:]] == [0, 0]


def counts(output: str, *fields: str) -> int:
    """The sum of these fields over the lines that report a batch."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return sum(line[name] for line in lines if line["message"] == "processed a batch" for name in fields)
