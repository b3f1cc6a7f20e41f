"""A worker of the test's process that plans by the servers, for an API that asks it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from app.services.plan.answer import answer_orders_until


@contextmanager
def planning_worker() -> Iterator[None]:
    """Answers orders for plans until the block ends."""
    stop = Event()
    worker = Thread(target=answer_orders_until, args=(stop,))
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()
