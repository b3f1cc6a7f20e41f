"""The consumer as a member of its group."""

from threading import Event

from tests.support.eventually import eventually
from tests.support.kafka.broker import free_port
from tests.support.kafka.lane import BATCH_FAILED, ZONE, Lane, request
from tests.support.kafka.stand_in import Json, Reply, StandIn, api_url, stand_in

SESSION = 6.0  # seconds until the broker gives up a member that it does not hear from


def test_a_consumer_that_is_told_to_stop_leaves_the_group_at_once(lane: Lane, api: StandIn) -> None:
    lane.create_topic()
    consumers = [lane.start_member(api.url), lane.start_member(api.url)]
    eventually(lambda: lane.members() == [3, 3])
    assert consumers[0].stop() == 0
    eventually(lambda: lane.members() == [6], limit=SESSION / 2)
    lane.produce(*(request(lane, f"n{number}") for number in range(60)))
    eventually(lambda: lane.committed() == 60)
    assert consumers[1].stop() == 0
    assert lane.members() == []


def test_a_consumer_of_tansu_leaves_the_group(tansu_lane: Lane, api: StandIn) -> None:
    """On Tansu too: it forms groups in a way of its own."""
    lane = tansu_lane
    lane.create_topic()
    api.answer = api.keep
    first, second = (lane.start_member(api.url) for _ in range(2))
    lane.produce(*(request(lane, f"n{number}") for number in range(60)))
    eventually(lambda: lane.committed() == 60)
    assert first.stop() == 0
    lane.produce(*(request(lane, f"m{number}") for number in range(60)))
    eventually(lambda: lane.committed() == 120)
    assert second.stop() == 0
    assert len(api.kept) == 120


def test_buffered_messages_go_to_the_member_that_takes_over(lane: Lane) -> None:
    lane.create_topic()
    port = free_port()
    lane.produce(*(request(lane, f"n{number}") for number in range(200)))
    first = lane.start(api_url(port))
    eventually(lambda: BATCH_FAILED in first.output)
    second = lane.start(api_url(port))
    eventually(lambda: lane.members() == [3, 3])
    eventually(lambda: "partitions are revoked" in first.output)
    with stand_in(port) as api:
        api.answer = api.keep
        eventually(lambda: lane.committed() == 200)
        assert [first.stop(), second.stop()] == [0, 0]
    assert len(api.kept) == 200
    assert sum(map(len, api.calls)) == 200


def test_partitions_are_revoked_after_their_batches_have_finished(lane: Lane, api: StandIn) -> None:
    """A member that joins meanwhile gets no message a second time, and no dead letter is written twice."""
    lane.create_topic()
    lane.produce(request(lane, "one"), b"not JSON", key=ZONE)
    joined = Event()

    def late(items: list[Json]) -> Reply:
        assert joined.wait(60)
        return api.keep(items)

    api.answer = late
    first = lane.start(api.url)
    eventually(lambda: api.calls)
    second = lane.start(api.url)
    eventually(lane.rebalancing)
    joined.set()
    eventually(lambda: lane.committed() == 2)
    eventually(lambda: lane.members() == [3, 3])
    assert [consumer.stop() for consumer in (first, second)] == [0, 0]
    assert len(api.calls) == 1
    assert [letter.value() for letter in lane.dead_letters()] == [b"not JSON"]


def test_waiting_for_the_api_is_no_reason_to_lose_the_membership(lane: Lane) -> None:
    lane.create_topic()
    lane.produce(request(lane, "one"))
    short = {"KAFKA_CONFIG__MAX_POLL_INTERVAL_MS": "6000"}
    consumer = lane.start(api_url(free_port()), short)
    eventually(lambda: BATCH_FAILED in consumer.output)
    lane.assert_members_stay([6], 2 * SESSION)
    assert "revoked" not in consumer.output
