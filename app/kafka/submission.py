"""Submits the items of a batch, and finds those that the API refuses, fails on, or dies of.

A call that is refused as a whole is halved at once; one that fails or breaks, after some tries. The halves
are submitted in their order. An item that goes on failing by itself waits behind the others, and is put aside
once those are accepted: while every call fails, the fault is more likely the API's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from app.domain.retry_policy import MESSAGES
from app.kafka.api_client import ApiClient, CallRefused, ItemResult, size_of_call
from app.kafka.retry import ApiAway, ApiBroke, ApiFailed, RetryLater
from app.schemas.response import Reason


@dataclass(eq=False)
class _Part:
    """Items that are submitted in one call: those from `start` up to, not including, `end`."""

    start: int
    end: int
    failures: int = 0  # in a row
    broke: bool = False  # the last call gave no answer at all

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def suspect(self) -> bool:
        """Whether it is one item on which the API has failed several times: others go first."""
        return len(self) == 1 and self.failures >= MESSAGES.before_halving


class Submission:
    """The items of one batch on their way into the API. What was decided is not submitted again."""

    def __init__(self, api: ApiClient, items: Sequence[bytes], max_items: int, max_bytes: int) -> None:
        self._api = api
        self._items = items
        self._results: dict[int, ItemResult] = {}
        self._parts = _divide(items, max_items, max_bytes)  # that are not decided, in their order
        self._broken: _Part | None = None  # its call broke, and whether the API is there is not known yet
        self._accepted = False  # the API has decided on some item of the batch
        self.steps = 0  # towards the end: parts that were decided or halved

    @property
    def results(self) -> list[ItemResult]:
        """The results, in the items' order, once `run` has returned."""
        return [self._results[index] for index in range(len(self._items))]

    def run(self) -> None:
        """Submit what is not decided yet. Raises RetryLater when something is left: call it again later."""
        self._judge_broken_call()
        failed: list[_Part] = []
        while part := self._next(failed):
            try:
                self._submit(part)
            except CallRefused as refusal:
                self._refuse(part, refusal)
            except ApiFailed as failure:
                failed.append(part)
                self._note_failure(part, failure, len(failed))
            except RetryLater as failure:
                if not isinstance(failure, ApiAway) and not part.broke:
                    part.failures = 0
                raise
        if self._parts:
            raise ApiFailed(f"the API fails on {len(self._parts)} messages, one by one")

    def _next(self, failed: Sequence[_Part]) -> _Part | None:
        """Return the part to be submitted next in this run; suspects come last."""
        left = [part for part in self._parts if part not in failed]
        return next((part for part in left if not part.suspect), left[0] if left else None)

    def _submit(self, part: _Part) -> None:
        results = self._api.submit(self._items[part.start : part.end])
        failed = sum(result.status_code == HTTPStatus.INTERNAL_SERVER_ERROR for result in results)
        undecided = sum(result.undecided for result in results)
        self._accepted = self._accepted or undecided < len(results)
        if results and failed == len(results):
            raise ApiFailed("the API answered 500 for each message")
        if undecided and failed == undecided:
            part.failures += 1
            if part.failures < MESSAGES.alone:
                raise _Undecided(results)
        elif undecided:
            raise RetryLater(_describe(results))
        self._results |= {part.start + result.index: result for result in results}
        self._take_step(part, [])

    def _refuse(self, part: _Part, refusal: CallRefused) -> None:
        if len(part) > 1:
            self._halve(part, 0)
            return
        self._results[part.start] = refusal.result
        self._take_step(part, [])

    def _note_failure(self, part: _Part, failure: ApiFailed, failures: int) -> None:
        """Go on after a failure, or raise it for a pause."""
        if isinstance(failure, _Undecided):
            raise failure
        if isinstance(failure, ApiBroke):
            self._broken = part
            raise failure
        self._count_failure(part)
        waits = part in self._parts and not part.suspect
        if waits or failures >= MESSAGES.in_a_row:
            raise failure

    def _judge_broken_call(self) -> None:
        """Count a call that broke, now that the API is there again. Raises ApiAway while it is not."""
        if self._broken is not None:
            self._api.require_alive()
            part, self._broken = self._broken, None
            part.broke = True
            self._count_failure(part)

    def _count_failure(self, part: _Part) -> None:
        part.failures += 1
        most = MESSAGES.alone if self._accepted else MESSAGES.alone_of_all
        if len(part) > 1 and part.failures >= MESSAGES.before_halving:
            self._halve(part, MESSAGES.before_halving - 1)  # a half that fails, too, is halved at once
        elif len(part) == 1 and part.failures >= most:
            self._put_aside(part)

    def _halve(self, part: _Part, failures: int) -> None:
        middle = (part.start + part.end) // 2
        halves = [_Part(part.start, middle, failures), _Part(middle, part.end, failures)]
        for half in halves:
            if len(half) == 1:
                half.failures = 0  # it has to fail by itself
        self._take_step(part, halves)

    def _put_aside(self, part: _Part) -> None:
        words = f"the API {'gave no answer to' if part.broke else 'failed on'} it alone"
        reason = Reason(loc=[], msg=f"{words}, {part.failures} times in a row", type="api_failed")
        self._results[part.start] = ItemResult(index=0, status_code=500, errors=[reason])
        self._take_step(part, [])

    def _take_step(self, part: _Part, instead: Sequence[_Part]) -> None:
        index = self._parts.index(part)
        self._parts[index : index + 1] = instead
        self.steps += 1


class _Undecided(ApiFailed):
    """The API has failed on some items of a call, and decided on others."""

    def __init__(self, results: Sequence[ItemResult]) -> None:
        super().__init__(_describe(results))


def _divide(items: Sequence[bytes], max_items: int, max_bytes: int) -> list[_Part]:
    """Divide the items into calls within the API's limits of number and size."""
    parts: list[_Part] = []
    size = empty = size_of_call([])
    for index, item in enumerate(items):
        full = parts and (len(parts[-1]) >= max_items or size + len(item) + 1 > max_bytes)
        if full or not parts:
            parts.append(_Part(index, index))
            size = empty
        parts[-1].end = index + 1
        size += len(item) + 1
    return parts


def _describe(results: Sequence[ItemResult]) -> str:
    undecided = [result.status_code for result in results if result.undecided]
    return f"the API answered {sorted(set(undecided))} for {len(undecided)} of {len(results)} messages"
