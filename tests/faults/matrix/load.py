"""The load: clients that ask for changes over HTTP and Kafka, each one call after the other."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from threading import Event, Thread

from tests.faults.matrix.http_lane import HttpLane
from tests.faults.matrix.journal import Journal
from tests.faults.matrix.kafka_lane import KafkaLane
from tests.faults.matrix.lane import Lane
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.system import ACCOUNTS, APIS

_STOP_LIMIT = 90.0  # seconds in which each client gets its last answer


class Load:
    """Two clients of each API process, who go to the other one when they get no answer, and Kafka's."""

    def __init__(self, scene: Scene, seed: str, pause: float) -> None:
        self.journal = Journal()
        self._stop, self._give_up = Event(), Event()
        self._lanes: list[Lane] = [
            HttpLane(f"h{number}", scene, self.journal, Random(f"{seed} {number}"), account, api)
            for number, (account, api) in enumerate((account, api) for account in ACCOUNTS for api in APIS)
        ]
        self._lanes.append(KafkaLane("k0", scene, self.journal, Random(f"{seed} k")))
        for lane in self._lanes:
            lane.pause = pause
        self._threads = [
            Thread(target=lane.run_until, args=(self._stop, self._give_up), name=lane.name)
            for lane in self._lanes
        ]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run for the block; then wait until all calls are answered or given up. Raises what a client has."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            deadline = time.monotonic() + _STOP_LIMIT
            for thread in self._threads:
                thread.join(max(0.0, deadline - time.monotonic()))
            self._give_up.set()
            for thread in self._threads:
                thread.join()
        for lane in self._lanes:
            if lane.failure is not None:
                raise lane.failure
