"""Where batches are worked off: ask the API about the messages, deliver the dead letters."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from app.core.config import Settings
from app.core.logging import get_logger
from app.kafka.api_client import Answer, BatchCall
from app.kafka.batch import Batch, Verdict
from app.kafka.dlq.producer import DeadLetter, DeadLetters
from app.kafka.entry import Entry
from app.kafka.message import Place
from app.kafka.retry import Pauses, Tripped, TryLater

log = get_logger("kafka")

PATIENCE = 6  # times in a row that the API may trip (500) over an item before it becomes a dead letter
PATIENCE_WITH_ALL = (
    60  # the same, if it trips over all that it is asked: then it is likelier to be its own fault
)
UNDIVIDED = 3  # times in a row that it may trip over a whole call before its items are told apart


class Desk:
    """Works off batches; several threads may do so at once."""

    def __init__(self, config: Settings) -> None:
        self._api = BatchCall(config)
        self._dead_letters = DeadLetters(config)

    def work_off(self, batch: Batch) -> None:
        """Try until the batch is done, or called off."""
        pauses = Pauses()
        while batch.partitions and not batch.done:
            try:
                self._try(batch)
            except TryLater as trouble:
                batch.trips = batch.trips + 1 if isinstance(trouble, Tripped) else 0
                if batch.called_off or not _rest(batch, trouble, pauses):
                    return

    def close(self) -> None:
        """Close the connections to the API."""
        self._api.close()

    def _try(self, batch: Batch) -> None:
        """What the API has decided once is not asked again."""
        if batch.verdict is None:
            batch.verdict = self._ask(batch)
        held = batch.partitions
        letters = [letter for letter in batch.verdict.letters if Place.of(letter.message)[:2] in held]
        self._dead_letters.deliver(letters)
        batch.done = True

    def _ask(self, batch: Batch) -> Verdict:
        entries = batch.entries
        sent = [entry for entry in entries if entry.item is not None]
        items = [entry.item for entry in sent if entry.item is not None]
        answers = self._api.submit(items, apart=batch.trips >= UNDIVIDED)
        _insist_on_decisions(batch, sent, answers)
        replayed = sum(answer.replayed for answer in answers)
        return Verdict(
            accepted=sum(answer.accepted for answer in answers) - replayed,
            replayed=replayed,
            letters=list(_letters(entries, answers)),
        )


def _insist_on_decisions(batch: Batch, sent: Sequence[Entry], answers: Sequence[Answer]) -> None:
    """Raise TryLater while items are undecided; one that trips the API again and again is given up."""
    undecided = [number for number, answer in enumerate(answers) if answer.undecided]
    if not undecided:
        return
    statuses = {answers[number].status_code for number in undecided}
    tripped = statuses == {HTTPStatus.INTERNAL_SERVER_ERROR}
    patience = PATIENCE if len(undecided) < len(answers) else PATIENCE_WITH_ALL
    if not tripped or batch.trips + 1 < patience:
        first = Place.of(sent[undecided[0]].message)
        kind = Tripped if tripped else TryLater
        raise kind(f"the API answered {sorted(statuses)} for some items, the first of them {first}")


def _letters(entries: Iterable[Entry], answers: Iterable[Answer]) -> Iterable[DeadLetter]:
    """A letter for each message that became no item, or whose item was refused, in the messages' order."""
    said = iter(answers)
    for entry in entries:
        if entry.item is None:
            yield DeadLetter(entry.message, entry.error)
        elif not (answer := next(said)).accepted:
            yield DeadLetter.of(entry.message, answer.reasons)


def _rest(batch: Batch, trouble: TryLater, pauses: Pauses) -> bool:
    pause = pauses.next(trouble.retry_after)
    log.warning(
        "nothing is committed; trying again later",
        reason=str(trouble),
        pause=round(pause, 1),
        messages=len(batch.entries),
    )
    return batch.rest(pause)
