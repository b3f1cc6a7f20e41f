"""A lane: one client, who asks for a change only when he has an answer to the one before."""

from random import Random
from threading import Event

from tests.faults.matrix.journal import Call, Item, Journal
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.wishes import Wish, Wishes


class Lane:
    """What clients over HTTP and over Kafka have in common."""

    pause: float  # seconds between two calls

    def __init__(self, name: str, scene: Scene, journal: Journal, random: Random, account: str) -> None:
        self.name, self.account = name, account
        self.failure: BaseException | None = None
        self.scene, self.random = scene, random
        self.wishes = Wishes(name, scene.zones, random)
        self._journal = journal
        self._calls = 0

    def run_until(self, stop: Event, give_up: Event) -> None:
        """Make calls until `stop`; a call without an answer is repeated until `give_up`."""
        try:
            while not stop.wait(self.pause * self.random.uniform(0.5, 1.5)):
                self.step(give_up)
        except BaseException as error:
            self.failure = error
        finally:
            self.close()

    def step(self, give_up: Event) -> None:
        """Make one call."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connections."""

    def begin(self, wish: Wish) -> Call:
        """Note a call that begins."""
        self._calls += 1
        key = f"{self.scene.name}-{self.name}-{self._calls}"
        items = [Item(f"{key}.{place}", zone, asked) for place, (zone, asked) in enumerate(wish.changes)]
        call = Call(self.name, self.account, items, wish.atomic)
        self._journal.note(call)
        return call
