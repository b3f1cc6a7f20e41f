"""The consumer with an API in trouble: what the real one cannot be made to show, a stand-in shows."""

import time

import pytest

from tests.support.eventually import eventually
from tests.support.free_port import free_port
from tests.support.kafka.fake_api import BREAK, FakeApi, Json, Reply, accept, api_url, decide, fake_api, name
from tests.support.kafka.sandbox import BATCH_FAILED, ZONE, KafkaSandbox, header, request
from tests.support.thoroughly import thoroughly

AT_ONCE = {"Retry-After": "0"}


def names(calls: list[list[Json]]) -> list[list[str]]:
    """The first labels of the names in each call."""
    return [[name(item) for item in call] for call in calls]


def test_nothing_is_committed_while_the_api_is_away(sandbox: KafkaSandbox) -> None:
    sandbox.create_topic()
    messages = [request(sandbox, f"n{number}") for number in range(10)]
    sandbox.produce(*messages, b"not JSON", key=ZONE)  # one partition: the last one alone would need no API
    port = free_port()
    consumer = sandbox.start_consumer(api_url(port))
    eventually(lambda: consumer.output.count(BATCH_FAILED) > 1)
    assert sandbox.committed() == 0
    assert sandbox.dead_letters() == []
    with fake_api(port) as api:
        api.answer = api.keep
        eventually(lambda: sandbox.committed() == 11)
        assert consumer.stop() == 0
    assert len(api.kept) == 10
    assert len(sandbox.dead_letters()) == 1


def test_sigterm_ends_a_consumer_whose_api_is_away(sandbox: KafkaSandbox) -> None:
    sandbox.create_topic()
    sandbox.produce(request(sandbox, "one"))
    consumer = sandbox.start_consumer(api_url(free_port()))
    eventually(lambda: consumer.output.count(BATCH_FAILED) > 2)  # a pause of seconds has begun
    began = time.monotonic()
    assert consumer.stop() == 0
    assert time.monotonic() - began < 5
    assert sandbox.committed() == 0


def test_retry_after_is_obeyed(sandbox: KafkaSandbox, api: FakeApi) -> None:
    sandbox.create_topic()
    sandbox.produce(request(sandbox, "one"))
    times: list[float] = []

    def answer(items: list[Json]) -> Reply:
        times.append(time.monotonic())
        return accept(items) if len(times) > 1 else Reply(503, {"detail": "full"}, {"Retry-After": "3"})

    api.answer = answer
    consumer = sandbox.start_consumer(api.url)
    eventually(lambda: sandbox.committed() == 1)
    refused, accepted = times
    assert accepted - refused > 2.5
    assert api.calls[0] == api.calls[1]
    assert consumer.stop() == 0


def test_a_batch_with_an_undecided_item_is_sent_again_as_it_was(sandbox: KafkaSandbox, api: FakeApi) -> None:
    sandbox.create_topic()
    sandbox.produce(request(sandbox, "one"), request(sandbox, "two"), request(sandbox, "three"), key=ZONE)
    api.answer = lambda items: decide([202, 503, 422]) if len(api.calls) < 3 else decide([200, 202, 422])
    sandbox.start_consumer(api.url)
    eventually(lambda: sandbox.committed() == 3)
    assert names(api.calls) == [["one", "two", "three"]] * 3
    assert api.calls[0] == api.calls[1] == api.calls[2]
    assert len(sandbox.dead_letters()) == 1


@pytest.mark.thorough
def test_an_item_on_which_the_api_fails_again_and_again_no_longer_blocks_its_partition(
    sandbox: KafkaSandbox, api: FakeApi
) -> None:
    sandbox.create_topic()
    sandbox.produce(request(sandbox, "one"), request(sandbox, "poison"), request(sandbox, "two"), key=ZONE)
    api.answer = lambda items: decide([500 if "poison" in str(item) else 202 for item in items])
    sandbox.start_consumer(api.url)
    eventually(lambda: sandbox.committed() == 3)
    [letter] = sandbox.dead_letters()
    assert b"poison" in (letter.value() or b"")
    assert header(letter, "error") == "api_refused: the API answered 500"
    assert len(api.calls) == 6


@pytest.mark.parametrize("fault", [thoroughly(Reply(500, headers=AT_ONCE)), BREAK])
def test_a_message_on_which_the_api_fails_or_dies_is_found(
    sandbox: KafkaSandbox, api: FakeApi, fault: Reply
) -> None:
    sandbox.create_topic()
    sent = ["one", "two", "poison", "three", "four"]
    sandbox.produce(*(request(sandbox, name) for name in sent), key=ZONE)

    def answer(items: list[Json]) -> Reply:
        return fault if "poison" in str(items) else api.keep(items)

    api.answer = answer
    sandbox.start_consumer(api.url)
    eventually(lambda: sandbox.committed() == 5)
    [letter] = sandbox.dead_letters()
    assert b"poison" in (letter.value() or b"")
    assert header(letter, "error").endswith("it alone, 6 times in a row")
    assert api.names() == ["one", "two", "three", "four"]
    assert [call for call in names(api.calls) if len(call) == 5] == [sent] * 3
    sandbox.produce(request(sandbox, "five"), key=ZONE)
    eventually(lambda: sandbox.committed() == 6)


def test_no_other_failure_makes_a_dead_letter_however_often_it_comes(
    sandbox: KafkaSandbox, api: FakeApi
) -> None:
    """Only a 500 counts, and only as long as nothing else comes in between."""
    sandbox.create_topic()
    sandbox.produce(request(sandbox, "one"), request(sandbox, "two"), key=ZONE)
    away, failed = Reply(503, headers=AT_ONCE), Reply(500, headers=AT_ONCE)
    failures = [decide([202, 503]), *[failed] * 2, *[away] * 8, *[failed, failed, away] * 3]
    replies = [*failures, decide([200, 202])]
    api.answer = lambda _: replies[len(api.calls) - 1]
    sandbox.start_consumer(api.url)
    eventually(lambda: sandbox.committed() == 2)
    assert names(api.calls) == [["one", "two"]] * len(replies)
    assert sandbox.dead_letters() == []


def test_an_item_too_large_for_the_api_alone_becomes_a_dead_letter(
    sandbox: KafkaSandbox, api: FakeApi
) -> None:
    sandbox.create_topic()
    sandbox.produce(*(request(sandbox, name) for name in ("one", "huge", "two", "three")), key=ZONE)
    api.answer = lambda items: Reply(413) if "huge" in str(items) else accept(items)
    sandbox.start_consumer(api.url)
    eventually(lambda: sandbox.committed() == 4)
    [letter] = sandbox.dead_letters()
    assert header(letter, "error").startswith("message_too_large: ")
    accepted = [name for call in names(api.calls) if "huge" not in call for name in call]
    assert accepted == ["one", "two", "three"]


def test_the_stop_signal_lets_the_batch_in_flight_finish(sandbox: KafkaSandbox, api: FakeApi) -> None:
    sandbox.create_topic()
    sandbox.produce(request(sandbox, "one"), key=ZONE)

    def slowly(items: list[Json]) -> Reply:
        time.sleep(2)
        return accept(items)

    api.answer = slowly
    consumer = sandbox.start_consumer(api.url)
    eventually(lambda: api.calls)
    assert consumer.stop() == 0
    assert sandbox.committed() == 1
    assert len(api.calls) == 1


@pytest.mark.thorough
def test_a_dlq_that_was_deleted_is_created_again(sandbox: KafkaSandbox, api: FakeApi) -> None:
    sandbox.create_topic()
    consumer = sandbox.start_member(api.url)
    sandbox.delete_topic(f"{sandbox.topic}.dlq")
    sandbox.produce(b"not JSON", request(sandbox, "one"), key=ZONE)
    eventually(lambda: sandbox.committed() == 2, limit=90)
    assert "the dead letters are not delivered" in consumer.output
    assert len(sandbox.dead_letters()) == 1
