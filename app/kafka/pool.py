"""The worker pool: the threads that process batches."""

from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Queue

from app.kafka.batch import Batch
from app.kafka.message import BufferedMessage
from app.topics.position import Partition


class WorkerPool:
    """A fixed number of threads, each of which processes one batch at a time."""

    def __init__(self, size: int, process: Callable[[Batch], None]) -> None:
        self._size = size
        self._process = process
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="batch")
        self._in_flight: dict[Future[None], Batch] = {}
        # Not a SimpleQueue: a signal that comes in the last moment of its timeout makes it wait for ever.
        self._finished: Queue[Future[None]] = Queue()

    @property
    def busy(self) -> bool:
        """Whether a batch is in flight: started, and not yet returned by `finished`."""
        return bool(self._in_flight)

    @property
    def has_free_thread(self) -> bool:
        """Whether another batch can start at once."""
        return len(self._in_flight) < self._size

    @property
    def partitions(self) -> Collection[Partition]:
        """The partitions that have messages in flight."""
        return {partition for batch in self._in_flight.values() for partition in batch.partitions}

    def start(self, messages: list[BufferedMessage]) -> None:
        """Process the messages as a batch; none of their partitions may be in flight already."""
        batch = Batch(messages)
        future = self._executor.submit(self._process, batch)
        self._in_flight[future] = batch
        future.add_done_callback(self._finished.put)

    def finished(self, timeout: float) -> list[Batch]:
        """Return the batches that have finished since the last call; wait up to `timeout` seconds for one.

        Raises what the processing of a batch raised.
        """
        batches: list[Batch] = []
        try:
            while True:
                future = self._finished.get(timeout=0 if batches else timeout)
                batches.append(self._in_flight.pop(future))
                future.result()
        except Empty:
            return batches

    def is_processing(self, partitions: Collection[Partition]) -> bool:
        """Whether messages of these partitions are being processed right now, not waiting for a retry."""
        return any(
            not batch.waiting and not batch.partitions.isdisjoint(partitions)
            for batch in self._in_flight.values()
        )

    def drop_partitions(self, partitions: Collection[Partition]) -> int:
        """Drop the messages of these partitions from all batches; return their number."""
        return sum(batch.drop_partitions(partitions) for batch in self._in_flight.values())

    def cancel_all(self) -> None:
        """Make the current try of each batch the last one."""
        for batch in self._in_flight.values():
            batch.cancel()

    def close(self) -> None:
        """Wait until the batches have finished, and end the threads."""
        self._executor.shutdown()
