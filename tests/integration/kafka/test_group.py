"""The consumer as a member of its group."""

from threading import Event

import pytest

from tests.support.eventually import eventually
from tests.support.free_port import free_port
from tests.support.kafka.fake_api import FakeApi, Json, Reply, api_url, fake_api
from tests.support.kafka.sandbox import BATCH_FAILED, ZONE, KafkaSandbox, request

SESSION = 6.0  # seconds until the broker gives up a member that it does not hear from


@pytest.mark.thorough
def test_a_consumer_that_is_told_to_stop_leaves_the_group_at_once(
    sandbox: KafkaSandbox, api: FakeApi
) -> None:
    sandbox.create_topic()
    consumers = [sandbox.start_member(api.url), sandbox.start_member(api.url)]
    eventually(lambda: sandbox.members() == [3, 3])
    assert consumers[0].stop() == 0
    eventually(lambda: sandbox.members() == [6], limit=SESSION / 2)
    sandbox.produce(*(request(sandbox, f"n{number}") for number in range(60)))
    eventually(lambda: sandbox.committed() == 60)
    assert consumers[1].stop() == 0
    assert sandbox.members() == []


@pytest.mark.thorough
def test_a_consumer_of_tansu_leaves_the_group(tansu_sandbox: KafkaSandbox, api: FakeApi) -> None:
    """On Tansu too: it forms groups in a way of its own."""
    sandbox = tansu_sandbox
    sandbox.create_topic()
    api.answer = api.keep
    first, second = (sandbox.start_member(api.url) for _ in range(2))
    sandbox.produce(*(request(sandbox, f"n{number}") for number in range(60)))
    eventually(lambda: sandbox.committed() == 60)
    assert first.stop() == 0
    sandbox.produce(*(request(sandbox, f"m{number}") for number in range(60)))
    eventually(lambda: sandbox.committed() == 120)
    assert second.stop() == 0
    assert len(api.kept) == 120


def test_buffered_messages_go_to_the_member_that_takes_over(sandbox: KafkaSandbox) -> None:
    sandbox.create_topic()
    port = free_port()
    sandbox.produce(*(request(sandbox, f"n{number}") for number in range(200)))
    first = sandbox.start_consumer(api_url(port))
    eventually(lambda: BATCH_FAILED in first.output)
    second = sandbox.start_consumer(api_url(port))
    eventually(lambda: sandbox.members() == [3, 3])
    eventually(lambda: "partitions are revoked" in first.output)
    with fake_api(port, keeps=True) as api:
        eventually(lambda: sandbox.committed() == 200)
        assert [first.stop(), second.stop()] == [0, 0]
    assert len(api.kept) == 200
    assert sum(map(len, api.calls)) == 200


def test_partitions_are_revoked_after_their_batches_have_finished(
    sandbox: KafkaSandbox, api: FakeApi
) -> None:
    """A member that joins meanwhile gets no message a second time, and no dead letter is written twice."""
    sandbox.create_topic()
    sandbox.produce(request(sandbox, "one"), b"not JSON", key=ZONE)
    joined = Event()

    def late(items: list[Json]) -> Reply:
        assert joined.wait(60)
        return api.keep(items)

    api.answer = late
    first = sandbox.start_consumer(api.url)
    eventually(lambda: api.calls)
    second = sandbox.start_consumer(api.url)
    eventually(sandbox.rebalancing)
    joined.set()
    eventually(lambda: sandbox.committed() == 2)
    eventually(lambda: sandbox.members() == [3, 3])
    assert [consumer.stop() for consumer in (first, second)] == [0, 0]
    assert len(api.calls) == 1
    assert [letter.value() for letter in sandbox.dead_letters()] == [b"not JSON"]


@pytest.mark.thorough
def test_waiting_for_the_api_is_no_reason_to_lose_the_membership(sandbox: KafkaSandbox) -> None:
    sandbox.create_topic()
    sandbox.produce(request(sandbox, "one"))
    short = {"KAFKA_CONFIG__MAX_POLL_INTERVAL_MS": "6000"}
    consumer = sandbox.start_consumer(api_url(free_port()), short)
    eventually(lambda: BATCH_FAILED in consumer.output)
    sandbox.assert_members_stay([6], 2 * SESSION)
    assert "revoked" not in consumer.output
