"""The batch processor: submits messages to the API, and sends those that it refuses to the DLQ."""

from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus

from app.core.config import settings
from app.core.logging import get_logger
from app.kafka.api_client import ApiClient, ItemResult
from app.kafka.batch import Batch
from app.kafka.dlq.producer import DeadLetter, DeadLetterProducer
from app.kafka.message import BufferedMessage, TopicPartitionOffset
from app.kafka.retry import ApiFailed, RetryLater, RetryPauses

log = get_logger("kafka")

# How many times in a row the API may fail (500) on a message before that becomes a dead letter.
MAX_FAILURES = 6
# The same where it fails on every message that it is sent: then the fault is more likely its own.
MAX_FAILURES_ON_ALL = 60
# How many times in a row the API may fail on a whole call before this is split to find the message to blame.
FAILURES_BEFORE_SPLIT = 3


class BatchProcessor:
    """Processes batches; several threads may do so at once."""

    def __init__(self) -> None:
        self._api = ApiClient(settings().batch_url, settings().max_batch_items, settings().max_batch_body)
        self._dlq = DeadLetterProducer()

    def process(self, batch: Batch) -> None:
        """Try, with growing pauses, until the batch is done or cancelled."""
        pauses = RetryPauses()
        api_failures = 0  # in a row
        dead_letters: list[DeadLetter] | None = None
        while batch.partitions and not batch.done:
            try:
                if dead_letters is None:  # what the API has decided is not submitted again
                    dead_letters = self._submit(batch, api_failures)
                partitions = batch.partitions
                self._dlq.produce([each for each in dead_letters if each.partition in partitions])
                batch.done = True
            except RetryLater as failure:
                api_failures = api_failures + 1 if isinstance(failure, ApiFailed) else 0
                if batch.cancelled or not _wait_for_retry(batch, failure, pauses):
                    return

    def close(self) -> None:
        """Close the connections to the API."""
        self._api.close()

    def _submit(self, batch: Batch, api_failures: int) -> list[DeadLetter]:
        """Submit the messages; return dead letters for those that can't be accepted. Raises RetryLater."""
        messages = batch.messages
        sent = [message for message in messages if message.item is not None]
        items = [message.item for message in sent if message.item is not None]
        results = self._api.submit_batch(items, split_failed=api_failures >= FAILURES_BEFORE_SPLIT)
        require_decisions(sent, results, api_failures)
        dead_letters = list(_dead_letters(messages, results))
        batch.replayed = sum(result.replayed for result in results)
        batch.accepted = sum(result.accepted for result in results) - batch.replayed
        batch.dead_letters = len(dead_letters)
        return dead_letters


def require_decisions(
    sent: Sequence[BufferedMessage], results: Sequence[ItemResult], api_failures: int
) -> None:
    """Raise RetryLater if the API has not decided on every message that was sent.

    Raises ApiFailed if it failed (500) on all that are undecided. After too many such failures in a row, of
    which `api_failures` came before this one, 500 counts as a refusal and nothing is raised.
    """
    undecided = [index for index, result in enumerate(results) if result.undecided]
    if not undecided:
        return
    statuses = {results[index].status_code for index in undecided}
    failed = statuses == {HTTPStatus.INTERNAL_SERVER_ERROR}
    allowed = MAX_FAILURES if len(undecided) < len(results) else MAX_FAILURES_ON_ALL
    if not failed or api_failures + 1 < allowed:
        first = TopicPartitionOffset.of(sent[undecided[0]].message)
        kind = ApiFailed if failed else RetryLater
        raise kind(
            f"the API answered {sorted(statuses)} for {len(undecided)} of {len(results)} messages,"
            f" the first of them {first}"
        )


def _dead_letters(messages: Iterable[BufferedMessage], results: Iterable[ItemResult]) -> Iterator[DeadLetter]:
    """Yield a dead letter for each message that has no item, or whose item was refused, in their order."""
    remaining = iter(results)
    for message in messages:
        if message.item is None:
            yield DeadLetter(message.message, message.error)
        elif not (result := next(remaining)).accepted:
            yield DeadLetter.of(message.message, result.reasons)


def _wait_for_retry(batch: Batch, failure: RetryLater, pauses: RetryPauses) -> bool:
    pause = pauses.next(failure.retry_after)
    log.warning(
        "could not process a batch; nothing of it is committed, retrying after the pause."
        " If this repeats, remedy what the reason names",
        reason=str(failure),
        pause=round(pause, 1),
        messages=len(batch.messages),
    )
    return batch.wait_for_retry(pause)
