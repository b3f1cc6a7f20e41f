"""The batch processor: submits messages to the API, and sends those that it refuses to the DLQ."""

from collections.abc import Iterable, Iterator

from app.core import metrics, tracing
from app.core.config import settings
from app.core.logging import get_logger
from app.core.metric_types import OTHER
from app.domain.retry_policy import SUBMIT_BATCH
from app.kafka.api_client import ApiClient, ItemResult
from app.kafka.batch import Batch
from app.kafka.dlq.producer import DeadLetter, DeadLetterProducer
from app.kafka.message import BufferedMessage, traceparent
from app.kafka.retry import ApiAway, ApiFailed, RetryLater, RetryPauses
from app.kafka.submission import Submission

log = get_logger("kafka")


class BatchProcessor:
    """Processes batches; several threads may do so at once."""

    def __init__(self) -> None:
        self._api = ApiClient(settings().batch_url)
        self._dlq = DeadLetterProducer()

    def process(self, batch: Batch) -> None:
        """Try, with growing pauses, until the batch is done or cancelled."""
        traces = (traceparent(each.message) for each in batch.messages)
        with tracing.shared_span("process batch", traces, {"messages": len(batch.messages)}):
            self._process(batch)

    def _process(self, batch: Batch) -> None:
        pauses = RetryPauses(SUBMIT_BATCH)
        attempt = _Attempt(self._api, batch)
        dead_letters: list[DeadLetter] | None = None
        while batch.partitions and not batch.done:
            try:
                if len(attempt) != len(batch.messages):  # partitions were revoked
                    attempt = _Attempt(self._api, batch)
                if dead_letters is None:  # what the API has decided is not submitted again
                    dead_letters = attempt.submit()
                partitions = batch.partitions
                self._dlq.produce([each for each in dead_letters if each.partition in partitions])
                batch.done = True
            except RetryLater as failure:
                if attempt.has_gone_on():
                    pauses.reset()
                if batch.cancelled or not _wait_for_retry(batch, failure, pauses):
                    return

    def close(self) -> None:
        """Close the connections to the API."""
        self._api.close()


class _Attempt:
    """A batch's messages on their way into the API."""

    def __init__(self, api: ApiClient, batch: Batch) -> None:
        self._batch = batch
        self._messages = batch.messages
        items = [message.item for message in self._messages if message.item is not None]
        self._submission = Submission(api, items, settings().max_batch_items, settings().max_batch_body)
        self._steps = 0

    def __len__(self) -> int:
        return len(self._messages)

    def has_gone_on(self) -> bool:
        """Whether something was decided or found out since the last call of this."""
        before, self._steps = self._steps, self._submission.steps
        return self._steps > before

    def submit(self) -> list[DeadLetter]:
        """Submit the messages; return dead letters for those that can't be accepted. Raises RetryLater."""
        self._submission.run()
        results = self._submission.results
        dead_letters = list(_dead_letters(self._messages, results))
        self._batch.replayed = sum(result.replayed for result in results)
        self._batch.accepted = sum(result.accepted for result in results) - self._batch.replayed
        self._batch.dead_letters = len(dead_letters)
        return dead_letters


def _dead_letters(messages: Iterable[BufferedMessage], results: Iterable[ItemResult]) -> Iterator[DeadLetter]:
    """Yield a dead letter for each message that has no item, or whose item was refused, in their order."""
    remaining = iter(results)
    for message in messages:
        if message.item is None:
            yield DeadLetter(message.message, message.error)
        elif not (result := next(remaining)).accepted:
            yield DeadLetter.of(message.message, result.reasons)


def _kind_of(failure: RetryLater) -> str:
    match failure:
        case ApiAway():
            return "api_away"
        case ApiFailed():
            return "api_failed"
    return OTHER


def _wait_for_retry(batch: Batch, failure: RetryLater, pauses: RetryPauses) -> bool:
    pause = pauses.next(failure.retry_after)
    metrics.KAFKA_RETRIES.inc(reason=_kind_of(failure))
    log.warning(
        "could not process a batch; nothing of it is committed, retrying after the pause."
        " If this repeats, remedy what the reason names",
        reason=str(failure),
        pause=round(pause, 1),
        messages=len(batch.messages),
    )
    return batch.wait_for_retry(pause)
