"""Messages that wait for a batch."""

from confluent_kafka import TIMESTAMP_CREATE_TIME, Message

from app.kafka.buffer import Backlog
from app.kafka.entry import Entry, Partition

ROOM = 10**9


def entry(partition: int, offset: int, size: int = 2) -> Entry:
    message = Message(
        topic="requests",
        partition=partition,
        offset=offset,
        value=b"{}".ljust(size),
        timestamp=(TIMESTAMP_CREATE_TIME, 1_700_000_000_000),
    )
    return Entry.of(message, ROOM)


def filled(*places: tuple[int, int]) -> Backlog:
    backlog = Backlog(ROOM)
    for place in places:
        backlog.add(entry(*place))
    return backlog


def take(backlog: Backlog, number: int, *busy: int) -> list[tuple[int, int]]:
    held: set[Partition] = {("requests", each) for each in busy}
    return [(each.partition[1], each.offset) for each in backlog.take(number, held)]


def test_a_partition_keeps_its_order() -> None:
    backlog = filled((0, 1), (1, 5), (0, 2), (0, 3))
    assert take(backlog, 2) == [(0, 1), (0, 2)]
    assert take(backlog, 9) == [(1, 5), (0, 3)]
    assert not backlog


def test_a_partition_that_is_busy_waits() -> None:
    backlog = filled((0, 1), (1, 5), (2, 7))
    assert take(backlog, 9, 0, 2) == [(1, 5)]
    assert take(backlog, 9, 0, 2) == []
    assert take(backlog, 9, 0) == [(2, 7)]
    assert backlog


def test_partitions_take_turns() -> None:
    backlog = filled((0, 1), (0, 2), (0, 3), (1, 5), (1, 6))
    assert [take(backlog, 1) for _ in range(5)] == [[(0, 1)], [(1, 5)], [(0, 2)], [(1, 6)], [(0, 3)]]


def test_partitions_that_are_gone_are_forgotten() -> None:
    backlog = filled((0, 1), (0, 2), (1, 5))
    assert backlog.drop({("requests", 0), ("requests", 7)}) == 2
    assert take(backlog, 9) == [(1, 5)]


def test_it_is_full_until_half_of_it_is_free() -> None:
    size = entry(0, 0).size
    backlog = Backlog(4 * size)
    for offset in range(4):
        assert not backlog.full
        backlog.add(entry(0, offset))
    assert backlog.full
    assert take(backlog, 1)
    assert backlog.full
    assert take(backlog, 2)
    assert not backlog.full
    backlog.add(entry(0, 4))
    assert not backlog.full


def test_large_messages_fill_it_sooner() -> None:
    backlog = Backlog(100_000)
    backlog.add(entry(0, 0, size=100_000))
    assert backlog.full
    assert backlog.drop({("requests", 0)}) == 1
    assert not backlog.full
