"""The consumer with an API in trouble: what the real one cannot be made to show, a stand-in shows."""

import time

from tests.support.eventually import eventually
from tests.support.kafka.broker import free_port
from tests.support.kafka.lane import BATCH_FAILED, ZONE, Lane, header, request
from tests.support.kafka.stand_in import Json, Reply, StandIn, accept, api_url, decide, name, stand_in

AT_ONCE = {"Retry-After": "0"}


def names(calls: list[list[Json]]) -> list[list[str]]:
    """The first labels of the names in each call."""
    return [[name(item) for item in call] for call in calls]


def test_nothing_is_committed_while_the_api_is_away(lane: Lane) -> None:
    lane.create_topic()
    messages = [request(lane, f"n{number}") for number in range(10)]
    lane.produce(*messages, b"not JSON", key=ZONE)  # one partition: the last one alone would need no API
    port = free_port()
    consumer = lane.start(api_url(port))
    eventually(lambda: consumer.output.count(BATCH_FAILED) > 1)
    assert lane.committed() == 0
    assert lane.dead_letters() == []
    with stand_in(port) as api:
        api.answer = api.keep
        eventually(lambda: lane.committed() == 11)
        assert consumer.stop() == 0
    assert len(api.kept) == 10
    assert len(lane.dead_letters()) == 1


def test_sigterm_ends_a_consumer_whose_api_is_away(lane: Lane) -> None:
    lane.create_topic()
    lane.produce(request(lane, "one"))
    consumer = lane.start(api_url(free_port()))
    eventually(lambda: consumer.output.count(BATCH_FAILED) > 2)  # a pause of seconds has begun
    began = time.monotonic()
    assert consumer.stop() == 0
    assert time.monotonic() - began < 5
    assert lane.committed() == 0


def test_retry_after_is_obeyed(lane: Lane, api: StandIn) -> None:
    lane.create_topic()
    lane.produce(request(lane, "one"))
    api.answer = lambda _: Reply(503, {"detail": "full"}, {"Retry-After": "3"})
    consumer = lane.start(api.url)
    eventually(lambda: api.calls)
    refused = time.monotonic()
    api.answer = accept
    eventually(lambda: len(api.calls) == 2)
    assert time.monotonic() - refused > 2.5
    eventually(lambda: lane.committed() == 1)
    assert api.calls[0] == api.calls[1]
    assert consumer.stop() == 0


def test_a_batch_with_an_undecided_item_is_sent_again_as_it_was(lane: Lane, api: StandIn) -> None:
    lane.create_topic()
    lane.produce(request(lane, "one"), request(lane, "two"), request(lane, "three"), key=ZONE)
    api.answer = lambda items: decide([202, 503, 422]) if len(api.calls) < 3 else decide([200, 202, 422])
    lane.start(api.url)
    eventually(lambda: lane.committed() == 3)
    assert names(api.calls) == [["one", "two", "three"]] * 3
    assert api.calls[0] == api.calls[1] == api.calls[2]
    assert len(lane.dead_letters()) == 1


def test_an_item_on_which_the_api_fails_again_and_again_no_longer_blocks_its_partition(
    lane: Lane, api: StandIn
) -> None:
    lane.create_topic()
    lane.produce(request(lane, "one"), request(lane, "poison"), request(lane, "two"), key=ZONE)
    api.answer = lambda items: decide([500 if "poison" in str(item) else 202 for item in items])
    lane.start(api.url)
    eventually(lambda: lane.committed() == 3)
    [letter] = lane.dead_letters()
    assert b"poison" in (letter.value() or b"")
    assert header(letter, "error") == "api_refused: the API answered 500"
    assert len(api.calls) == 6


def test_a_message_on_which_the_api_fails_the_whole_call_is_found(lane: Lane, api: StandIn) -> None:
    lane.create_topic()
    sent = ["one", "two", "poison", "three", "four"]
    lane.produce(*(request(lane, name) for name in sent), key=ZONE)

    def answer(items: list[Json]) -> Reply:
        return Reply(500, headers=AT_ONCE) if "poison" in str(items) else api.keep(items)

    api.answer = answer
    lane.start(api.url)
    eventually(lambda: lane.committed() == 5)
    [letter] = lane.dead_letters()
    assert b"poison" in (letter.value() or b"")
    assert header(letter, "error") == "api_refused: the API answered 500"
    assert api.names() == ["one", "two", "three", "four"]
    assert [call for call in names(api.calls) if len(call) == 5] == [sent] * 6
    lane.produce(request(lane, "five"), key=ZONE)
    eventually(lambda: lane.committed() == 6)


def test_no_other_failure_makes_a_dead_letter_however_often_it_comes(lane: Lane, api: StandIn) -> None:
    """Only a 500 counts, and only as long as nothing else comes in between."""
    lane.create_topic()
    lane.produce(request(lane, "one"), request(lane, "two"), key=ZONE)
    away, failed = Reply(503, headers=AT_ONCE), Reply(500, headers=AT_ONCE)
    failures = [decide([202, 503]), *[failed] * 3, *[away] * 8, *[failed, failed, away] * 3]
    replies = [*failures, decide([200, 202])]
    api.answer = lambda _: replies[len(api.calls) - 1]
    lane.start(api.url)
    eventually(lambda: lane.committed() == 2)
    assert names(api.calls) == [["one", "two"]] * len(replies)
    assert lane.dead_letters() == []


def test_an_item_too_large_for_the_api_alone_becomes_a_dead_letter(lane: Lane, api: StandIn) -> None:
    lane.create_topic()
    lane.produce(*(request(lane, name) for name in ("one", "huge", "two", "three")), key=ZONE)
    api.answer = lambda items: Reply(413) if "huge" in str(items) else accept(items)
    lane.start(api.url)
    eventually(lambda: lane.committed() == 4)
    [letter] = lane.dead_letters()
    assert header(letter, "error").startswith("message_too_large: ")
    accepted = [name for call in names(api.calls) if "huge" not in call for name in call]
    assert accepted == ["one", "two", "three"]


def test_the_stop_signal_lets_the_batch_in_flight_finish(lane: Lane, api: StandIn) -> None:
    lane.create_topic()
    lane.produce(request(lane, "one"), key=ZONE)

    def slowly(items: list[Json]) -> Reply:
        time.sleep(2)
        return accept(items)

    api.answer = slowly
    consumer = lane.start(api.url)
    eventually(lambda: api.calls)
    assert consumer.stop() == 0
    assert lane.committed() == 1
    assert len(api.calls) == 1


def test_a_dlq_that_was_deleted_is_created_again(lane: Lane, api: StandIn) -> None:
    lane.create_topic()
    consumer = lane.start_member(api.url)
    lane.delete_topic(f"{lane.topic}.dlq")
    lane.produce(b"not JSON", request(lane, "one"), key=ZONE)
    eventually(lambda: lane.committed() == 2, limit=90)
    assert "the dead letters are not delivered" in consumer.output
    assert len(lane.dead_letters()) == 1
