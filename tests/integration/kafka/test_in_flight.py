"""Several batches in flight at once."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.eventually import eventually
from tests.support.kafka.fake_api import FakeApi, Json, Reply, decide
from tests.support.kafka.sandbox import BATCH_FAILED, KafkaSandbox, request

PARTITIONS = 6
EACH = 60  # messages
AT_ONCE = 3  # batches


def position(item: Json) -> tuple[int, int]:
    """The partition and the offset of an item's message."""
    _, partition, offset, _ = item["idempotency_key"].split(":")
    return int(partition), int(offset)


def partitions(items: list[Json]) -> set[int]:
    return {position(item)[0] for item in items}


class Watch:
    """Holds calls back until AT_ONCE of them are open, and records which partitions these had in common."""

    def __init__(self, api: FakeApi) -> None:
        self._api = api
        self._changed = threading.Condition()
        self._open: list[set[int]] = []
        self.free = False
        self.most = 0
        self.clashes: list[set[int]] = []

    def answer(self, items: list[Json]) -> Reply:
        with self._call(partitions(items)):
            return self._api.keep(items)

    @contextmanager
    def _call(self, own: set[int]) -> Iterator[None]:
        with self._changed:
            self.clashes += [other & own for other in self._open if other & own]
            self._open.append(own)
            self.most = max(self.most, len(self._open))
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self.free or self.most == AT_ONCE, 60)
        try:
            yield
        finally:
            with self._changed:
                self._open.remove(own)


@pytest.fixture
def filled(sandbox: KafkaSandbox) -> KafkaSandbox:
    """A sandbox with the same number of messages in each partition."""
    sandbox.create_topic()
    for number in range(PARTITIONS):
        sandbox.produce(*(request(sandbox, f"p{number}n{index}") for index in range(EACH)), partition=number)
    return sandbox


def test_batches_are_in_flight_together_but_never_two_of_a_partition(
    filled: KafkaSandbox, api: FakeApi
) -> None:
    watch = Watch(api)
    api.answer = watch.answer
    filled.start_consumer(api.url, {"KAFKA_IN_FLIGHT": str(AT_ONCE), "KAFKA_BATCH_ITEMS": "10"})
    eventually(lambda: filled.committed() == PARTITIONS * EACH)
    assert watch.most == AT_ONCE
    assert watch.clashes == []
    came = [position(item) for item in api.kept.values()]
    for number in range(PARTITIONS):
        assert [offset for partition, offset in came if partition == number] == list(range(EACH))


@pytest.mark.thorough
def test_one_at_a_time_is_a_matter_of_the_environment(filled: KafkaSandbox, api: FakeApi) -> None:
    watch = Watch(api)
    watch.free = True
    api.answer = watch.answer
    filled.start_consumer(api.url, {"KAFKA_IN_FLIGHT": "1", "KAFKA_BATCH_ITEMS": "10"})
    eventually(lambda: filled.committed() == PARTITIONS * EACH)
    assert watch.most == 1


def test_a_partition_that_waits_for_a_retry_holds_up_no_other(filled: KafkaSandbox, api: FakeApi) -> None:
    stuck = threading.Event()
    stuck.set()

    def answer(items: list[Json]) -> Reply:
        return decide([503] * len(items)) if stuck.is_set() and 0 in partitions(items) else api.keep(items)

    api.answer = answer
    filled.start_consumer(api.url, {"KAFKA_BATCH_ITEMS": "10"})
    eventually(lambda: filled.committed() == (PARTITIONS - 1) * EACH)
    stuck.clear()
    eventually(lambda: filled.committed() == PARTITIONS * EACH)
    assert len(api.kept) == PARTITIONS * EACH


@pytest.mark.thorough
def test_partitions_are_reassigned_while_the_buffer_is_full(filled: KafkaSandbox, api: FakeApi) -> None:
    """Partitions that were paused because the buffer was full are resumed when they are assigned again."""
    answering = threading.Event()
    api.answer = lambda items: api.keep(items) if answering.is_set() else Reply(503)
    little = {"KAFKA_IN_HAND": "20000", "KAFKA_BATCH_ITEMS": "5"}
    first = filled.start_consumer(api.url, little)
    eventually(lambda: BATCH_FAILED in first.output)
    time.sleep(2)  # paused by then
    second = filled.start_consumer(api.url, little)
    eventually(lambda: filled.members() == [PARTITIONS // 2, PARTITIONS // 2])
    answering.set()
    eventually(lambda: filled.committed() == PARTITIONS * EACH, limit=90)
    assert len(api.kept) == PARTITIONS * EACH
    assert [consumer.stop() for consumer in (first, second)] == [0, 0]


@pytest.mark.thorough
def test_with_its_buffer_full_a_member_keeps_its_partitions(filled: KafkaSandbox, api: FakeApi) -> None:
    """It receives nothing new, but polls: otherwise it would lose them within the 6 s that are set here."""
    answering = threading.Event()

    def answer(items: list[Json]) -> Reply:
        return api.keep(items) if answering.is_set() else Reply(503)

    api.answer = answer
    short = {"KAFKA_IN_HAND": "20000", "KAFKA_BATCH_ITEMS": "5", "KAFKA_CONFIG__MAX_POLL_INTERVAL_MS": "6000"}
    consumer = filled.start_consumer(api.url, short)
    eventually(lambda: BATCH_FAILED in consumer.output)
    filled.assert_members_stay([PARTITIONS], 8)
    for number in range(PARTITIONS):
        filled.produce(request(filled, f"p{number}later"), partition=number)
    answering.set()
    eventually(lambda: filled.committed() == PARTITIONS * (EACH + 1), limit=90)
    assert "revoked" not in consumer.output
    assert len(api.kept) == PARTITIONS * (EACH + 1)


@pytest.mark.thorough
def test_a_call_that_does_not_end_is_given_up_with_the_consumer(filled: KafkaSandbox, api: FakeApi) -> None:
    """Whoever gets its messages makes it again, and the API knows them by their keys."""
    goes_on = threading.Event()

    def answer(items: list[Json]) -> Reply:
        reply = api.keep(items)
        if 0 in partitions(items) and not goes_on.wait(60):
            raise TimeoutError
        return reply

    api.answer = answer
    few = {"KAFKA_BATCH_ITEMS": str(EACH), "STOP_TIMEOUT": "1"}
    consumer = filled.start_consumer(api.url, few)
    eventually(lambda: filled.committed() == (PARTITIONS - 1) * EACH)
    assert consumer.stop() == 0
    assert "in the middle of calls" in consumer.output
    goes_on.set()
    filled.start_consumer(api.url, few)
    eventually(lambda: filled.committed() == PARTITIONS * EACH)
    assert len(api.kept) == PARTITIONS * EACH
