"""How long the consumer is patient with an API that trips."""

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, Message

from app.kafka.api_client import Answer
from app.kafka.batch import Batch
from app.kafka.entry import Entry
from app.kafka.processor import PATIENCE, PATIENCE_WITH_ALL, _insist_on_decisions
from app.kafka.retry import Tripped

ROOM = 10**9


def given_up(*statuses: int) -> int:
    """With which try the undecided messages of a batch with these answers are given up."""
    at = (TIMESTAMP_CREATE_TIME, 1_700_000_000_000)
    messages = [Message("requests", 0, number, value=b"{}", timestamp=at) for number in range(len(statuses))]
    batch = Batch([Entry.of(message, ROOM) for message in messages])
    answers = [Answer(index=number, status_code=status) for number, status in enumerate(statuses)]
    while batch.trips < 2 * PATIENCE_WITH_ALL:
        try:
            _insist_on_decisions(batch, batch.entries, answers)
        except Tripped:
            batch.trips += 1
        else:
            return batch.trips + 1
    pytest.fail("never")


def test_one_message_among_others_is_soon_given_up() -> None:
    assert given_up(202, 500, 422) == PATIENCE


@pytest.mark.parametrize("statuses", [(500,), (500, 500, 500)])
def test_an_api_that_trips_over_everything_has_more_time(statuses: tuple[int, ...]) -> None:
    assert given_up(*statuses) == PATIENCE_WITH_ALL > PATIENCE
