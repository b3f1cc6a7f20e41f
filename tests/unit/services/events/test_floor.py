"""The floor rises, and passes over nothing that is still on its way to its commit."""

import random
from dataclasses import dataclass, field

import pytest

from app.services.events.floor import Floor

ROUNDS = 200


@dataclass
class Outbox:
    """Ids that transactions have been given, in order; they are seen when these commit."""

    rng: random.Random
    last: int = 0
    open: dict[str, list[int]] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    committed: set[int] = field(default_factory=set)

    def go_on(self) -> None:
        """Let transactions be given ids, commit, and be rolled back."""
        for _ in range(self.rng.randrange(6)):
            name = str(self.rng.randrange(5))
            self.last += 1
            self.open.setdefault(name, []).append(self.last)
        for name in [name for name in self.open if self.rng.random() < 0.3]:
            ids = self.open.pop(name)
            if self.rng.random() < 0.9:
                self.seen.update(ids)
                self.committed.update(ids)

    def take(self, floor: int) -> list[int]:
        return sorted(each for each in self.seen if each >= floor)[:5]


@pytest.mark.parametrize("seed", range(20))
def test_everything_is_taken_and_the_floor_follows(seed: int) -> None:
    outbox, floor = Outbox(random.Random(seed)), Floor(0)
    published: set[int] = set()
    for number in range(2 * ROUNDS):
        if number < ROUNDS:
            outbox.go_on()
        taken = outbox.take(floor.value)
        floor.note_taken(taken[0] if taken else None, taken[-1] if taken else None)
        kept = set(taken[:1]) if outbox.rng.random() < 0.1 else set()  # a listener does not take each
        published.update(set(taken) - kept)
        outbox.seen -= set(taken) - kept
        if floor.may_rise:
            floor.note_writers(outbox.open)
        if number == ROUNDS:
            outbox.open.clear()
    assert published == outbox.committed
    assert floor.value == max(published) + 1
