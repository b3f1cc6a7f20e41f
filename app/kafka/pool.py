"""The threads that work off batches."""

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue

from app.kafka.batch import Batch
from app.kafka.entry import Partition


class Crew:
    """So many threads; each works off one batch, and no two hold messages of the same partition."""

    def __init__(self, number: int, work_off: Callable[[Batch], None]) -> None:
        self._number = number
        self._work_off = work_off
        self._threads = ThreadPoolExecutor(number, thread_name_prefix="batch")
        self._under_way: dict[Future[None], Batch] = {}
        self._ended: SimpleQueue[Future[None]] = SimpleQueue()

    def __bool__(self) -> bool:
        return bool(self._under_way)

    @property
    def free(self) -> bool:
        """There is a thread for one more batch."""
        return len(self._under_way) < self._number

    @property
    def partitions(self) -> Collection[Partition]:
        """Those of which messages are under way."""
        return {partition for batch in self._under_way.values() for partition in batch.partitions}

    def start(self, batch: Batch) -> None:
        """Have the batch worked off."""
        future = self._threads.submit(self._work_off, batch)
        self._under_way[future] = batch
        future.add_done_callback(self._ended.put)

    def ended(self, wait: float) -> list[Batch]:
        """The batches that have ended since; waits up to so many seconds for the first of them."""
        ended: list[Batch] = []
        try:
            while True:
                future = self._ended.get(timeout=0 if ended else wait)
                ended.append(self._under_way.pop(future))
                future.result()
        except Empty:
            return ended

    def asking(self, partitions: Collection[Partition]) -> bool:
        """Whether an answer about messages of these partitions can be expected soon."""
        return any(
            not batch.resting and not batch.partitions.isdisjoint(partitions)
            for batch in self._under_way.values()
        )

    def leave(self, partitions: Collection[Partition]) -> int:
        """Let go of these partitions' messages; returns how many they were."""
        return sum(batch.leave(partitions) for batch in self._under_way.values())

    def call_off(self) -> None:
        """Let all batches end with the try that is under way."""
        for batch in self._under_way.values():
            batch.call_off()

    def close(self) -> None:
        """End the threads, once their batches have ended."""
        self._threads.shutdown()
