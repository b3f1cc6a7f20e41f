"""The dead-letter topic from its reading end: look at the letters, and send them back."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from app.core.config import Settings
from app.kafka.dlq.letter import Letter
from app.kafka.dlq.producer import send_all
from app.kafka.message import Place
from app.kafka.properties import dead_letter_topic, producer_properties, reader_properties

TIMEOUT = 10.0  # seconds that the broker may take to answer
CHUNK = 100  # letters that are confirmed together


class LetterBoxError(Exception):
    """The letters can't be read or sent back; the text says why."""


class Extent(NamedTuple):
    """A partition's offsets: the first, the first that was not sent back yet, the one after the last."""

    first: int
    position: int
    end: int


class LetterBox:
    """Remembers how far the letters were sent back, as the position of a consumer group of its own."""

    def __init__(self, config: Settings) -> None:
        self._topic = config.kafka_dns_topic
        self._letters = dead_letter_topic(config)
        self._reader = Consumer(reader_properties(config, f"{config.kafka_group_id}.dlq-replay"))
        self._producer = Producer(producer_properties(config))
        self._extents = self._ask_extents()

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()

    def letters(self) -> Iterator[Letter]:
        """Every letter that is there now, in order within its partition."""
        return self._read({partition: extent.first for partition, extent in self._extents.items()})

    def waiting(self) -> Iterator[Letter]:
        """The letters behind the position: not sent back yet."""
        return self._read({partition: extent.position for partition, extent in self._extents.items()})

    def find(self, partition: int, offset: int) -> Letter:
        """One letter. Raises LetterBoxError when there is none at that place."""
        extent = self._extents.get(partition, Extent(0, 0, 0))
        found = self._read({partition: offset}) if extent.first <= offset < extent.end else iter(())
        letter = next(found, None)
        if letter is None or letter.place.offset != offset:
            raise LetterBoxError(f"there is no letter at {Place(self._letters, partition, offset)}")
        return letter

    def replay_waiting(self) -> Iterator[tuple[Letter, str | None]]:
        """Send back every waiting letter; each comes out with None, or with what stood in its way.

        The position moves on with each chunk that the broker has confirmed.
        """
        letters = self.waiting()
        while chunk := list(islice(letters, CHUNK)):
            judged = self._send_back(chunk)
            self._move_on({letter.place.partition: letter.place.offset + 1 for letter in chunk})
            yield from judged

    def replay(self, letter: Letter) -> str | None:
        """Send back one letter, even again; the result is what stood in its way, or None."""
        [(_, obstacle)] = self._send_back([letter])
        _, partition, offset = letter.place
        if offset == self._extents[partition].position:
            self._move_on({partition: offset + 1})
        return obstacle

    def _send_back(self, letters: Sequence[Letter]) -> list[tuple[Letter, str | None]]:
        judged = [(letter, letter.obstacle(self._topic)) for letter in letters]
        contents = [letter.content() for letter, obstacle in judged if obstacle is None]
        for error in send_all(self._producer, self._topic, contents):
            if error is not None:
                raise LetterBoxError(f"a letter could not be sent back: {error.str()}")
        return judged

    def _move_on(self, positions: Mapping[int, int]) -> None:
        offsets = [TopicPartition(self._letters, *place) for place in positions.items()]
        try:
            self._reader.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            raise LetterBoxError(f"the position could not be kept: {error.args[0].str()}") from error

    def _read(self, starts: Mapping[int, int]) -> Iterator[Letter]:
        """The letters from these offsets on, up to those that were there in the beginning."""
        unread = {partition for partition, start in starts.items() if start < self._extents[partition].end}
        self._reader.assign([TopicPartition(self._letters, each, starts[each]) for each in unread])
        while unread:
            message = self._reader.poll(TIMEOUT)
            if message is None:
                raise LetterBoxError(f"the broker sent nothing for {TIMEOUT:.0f} s")
            if _ends(message):
                unread.discard(message.partition() or 0)
                continue
            _, partition, offset = Place.of(message)
            extent = self._extents[partition]
            if offset + 1 >= extent.end:
                unread.discard(partition)
            if offset < extent.end:
                yield Letter.of(message, replayed=offset < extent.position)

    def _ask_extents(self) -> dict[int, Extent]:
        try:
            found = self._reader.list_topics(self._letters, timeout=TIMEOUT).topics[self._letters]
            places = [TopicPartition(self._letters, partition) for partition in found.partitions]
            positions = self._reader.committed(places, timeout=TIMEOUT) if places else []
            ends = [self._reader.get_watermark_offsets(place, timeout=TIMEOUT) for place in places]
        except KafkaException as error:
            raise LetterBoxError(f"the dead letters can't be read: {error.args[0].str()}") from error
        return {
            place.partition: Extent(first, max(first, place.offset), end)
            for place, (first, end) in zip(positions, ends, strict=True)
        }


def _ends(message: Message) -> bool:
    """Whether it marks the end of its partition. Raises LetterBoxError if it tells of trouble."""
    error = message.error()
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:
        return True
    raise LetterBoxError(f"the dead letters can't be read: {error.str()}")
