"""The consumer as a member of its group."""

import time

from tests.kafka.eventually import eventually
from tests.kafka.lane import Lane, request
from tests.kafka.processes import Api

SESSION = 6.0  # seconds until the broker gives up a member that it does not hear from


def test_a_consumer_that_is_told_to_stop_hands_over_at_once(apache_lane: Lane, kafka_api: Api) -> None:
    lane = apache_lane
    lane.create_topic()
    consumers = [lane.start_member(kafka_api.url), lane.start_member(kafka_api.url)]
    eventually(lambda: lane.members() == [3, 3])
    assert consumers[0].stop() == 0
    eventually(lambda: lane.members() == [6], limit=SESSION / 2)
    lane.produce(*(request(lane, f"n{number}") for number in range(60)))
    eventually(lambda: lane.committed() == 60)
    assert consumers[1].stop() == 0
    assert lane.members() == []


def test_a_consumer_that_is_told_to_stop_hands_over(lane: Lane, kafka_api: Api) -> None:
    lane.create_topic()
    first, second = (lane.start_member(kafka_api.url) for _ in range(2))
    lane.produce(*(request(lane, f"n{number}") for number in range(60)))
    eventually(lambda: lane.committed() == 60)
    assert first.stop() == 0
    lane.produce(*(request(lane, f"m{number}") for number in range(60)))
    eventually(lambda: lane.committed() == 120)
    assert second.stop() == 0
    assert len(kafka_api.requests(lane.account)) == 120


def test_messages_in_hand_go_to_the_member_that_takes_over(apache_lane: Lane, absent_api: Api) -> None:
    lane = apache_lane
    lane.create_topic()
    lane.produce(*(request(lane, f"n{number}") for number in range(200)))
    first = lane.start(absent_api.url)
    eventually(lambda: "trying again later" in first.output)
    second = lane.start(absent_api.url)
    eventually(lambda: lane.members() == [3, 3])
    eventually(lambda: "partitions are revoked" in first.output)
    absent_api.start()
    eventually(lambda: lane.committed() == 200)
    assert len(absent_api.requests(lane.account)) == 200
    assert [first.stop(), second.stop()] == [0, 0]


def test_waiting_for_the_api_is_no_reason_to_lose_the_membership(apache_lane: Lane, absent_api: Api) -> None:
    lane = apache_lane
    lane.create_topic()
    lane.produce(request(lane, "one"))
    short = {"KAFKA_CONFIG__MAX_POLL_INTERVAL_MS": "6000"}
    consumer = lane.start(absent_api.url, short)
    eventually(lambda: "trying again later" in consumer.output)
    until = time.monotonic() + 2 * SESSION
    while time.monotonic() < until:
        assert lane.members() == [6]
        time.sleep(0.5)
    assert "revoked" not in consumer.output
