"""When a message on which the API fails becomes a dead letter."""

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, Message

from app.kafka.api_client import ItemResult
from app.kafka.message import BufferedMessage
from app.kafka.processor import MAX_FAILURES, MAX_FAILURES_ON_ALL, require_decisions
from app.kafka.retry import ApiFailed

ROOM = 10**9


def given_up(*statuses: int) -> int:
    """With which try the undecided messages of a batch with these results are given up."""
    at = (TIMESTAMP_CREATE_TIME, 1_700_000_000_000)
    messages = [Message("requests", 0, number, value=b"{}", timestamp=at) for number in range(len(statuses))]
    sent = [BufferedMessage.of(message, ROOM) for message in messages]
    results = [ItemResult(index=number, status_code=status) for number, status in enumerate(statuses)]
    for failures in range(2 * MAX_FAILURES_ON_ALL):
        try:
            require_decisions(sent, results, failures)
        except ApiFailed:
            continue
        return failures + 1
    pytest.fail("never")


def test_one_message_among_others_is_soon_given_up() -> None:
    assert given_up(202, 500, 422) == MAX_FAILURES


@pytest.mark.parametrize("statuses", [(500,), (500, 500, 500)])
def test_an_api_that_fails_on_every_message_has_more_time(statuses: tuple[int, ...]) -> None:
    assert given_up(*statuses) == MAX_FAILURES_ON_ALL > MAX_FAILURES
