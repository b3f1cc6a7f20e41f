"""Messages that are in no batch yet."""

from confluent_kafka import TIMESTAMP_CREATE_TIME, Message

from app.kafka.buffer import MessageBuffer
from app.kafka.message import BufferedMessage
from app.topics.position import Partition

ROOM = 10**9


def buffered(partition: int, offset: int, size: int = 2) -> BufferedMessage:
    message = Message(
        topic="requests",
        partition=partition,
        offset=offset,
        value=b"{}".ljust(size),
        timestamp=(TIMESTAMP_CREATE_TIME, 1_700_000_000_000),
    )
    return BufferedMessage.of(message, ROOM)


def filled(*positions: tuple[int, int]) -> MessageBuffer:
    buffer = MessageBuffer(ROOM)
    for position in positions:
        buffer.add(buffered(*position))
    return buffer


def take(buffer: MessageBuffer, number: int, *busy: int) -> list[tuple[int, int]]:
    partitions: set[Partition] = {("requests", each) for each in busy}
    return [(each.partition[1], each.offset) for each in buffer.take(number, partitions)]


def test_a_partition_keeps_its_order() -> None:
    buffer = filled((0, 1), (1, 5), (0, 2), (0, 3))
    assert take(buffer, 2) == [(0, 1), (0, 2)]
    assert take(buffer, 9) == [(1, 5), (0, 3)]
    assert not buffer


def test_a_partition_that_is_busy_waits() -> None:
    buffer = filled((0, 1), (1, 5), (2, 7))
    assert take(buffer, 9, 0, 2) == [(1, 5)]
    assert take(buffer, 9, 0, 2) == []
    assert take(buffer, 9, 0) == [(2, 7)]
    assert buffer


def test_partitions_take_turns() -> None:
    buffer = filled((0, 1), (0, 2), (0, 3), (1, 5), (1, 6))
    assert [take(buffer, 1) for _ in range(5)] == [[(0, 1)], [(1, 5)], [(0, 2)], [(1, 6)], [(0, 3)]]


def test_the_messages_of_partitions_that_are_gone_are_dropped() -> None:
    buffer = filled((0, 1), (0, 2), (1, 5))
    assert buffer.drop_partitions({("requests", 0), ("requests", 7)}) == 2
    assert take(buffer, 9) == [(1, 5)]


def test_it_is_full_until_half_of_it_is_free() -> None:
    size = buffered(0, 0).size
    buffer = MessageBuffer(4 * size)
    for offset in range(4):
        assert not buffer.full
        buffer.add(buffered(0, offset))
    assert buffer.full
    assert take(buffer, 1)
    assert buffer.full
    assert take(buffer, 2)
    assert not buffer.full
    buffer.add(buffered(0, 4))
    assert not buffer.full


def test_large_messages_fill_it_sooner() -> None:
    buffer = MessageBuffer(100_000)
    buffer.add(buffered(0, 0, size=100_000))
    assert buffer.full
    assert buffer.drop_partitions({("requests", 0)}) == 1
    assert not buffer.full
