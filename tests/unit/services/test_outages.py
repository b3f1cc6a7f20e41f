"""What a worker's threads say while Redis is away, however often they ask for it."""

from collections.abc import Callable
from threading import Event

import pytest

from app.services.plan.answer import answer_orders_until
from app.services.zones.check_orders import answer_checks_until
from tests.support.running_api import forget_clients
from tests.support.settings import SetSettings


class StopAfter(Event):
    """Is set after so many pauses, which take no time."""

    def __init__(self, pauses: int) -> None:
        super().__init__()
        self._left = pauses

    def wait(self, timeout: float | None = None) -> bool:
        """Count the pause."""
        self._left -= 1
        if not self._left:
            self.set()
        return self.is_set()


@pytest.mark.parametrize(
    ("answer_until", "words"),
    [(answer_orders_until, "no plans are made: "), (answer_checks_until, "no zones are checked: ")],
)
def test_threads_that_ask_again_and_again_say_it_once(
    set_settings: SetSettings,
    logged: Callable[[], str],
    answer_until: Callable[[Event], None],
    words: str,
) -> None:
    set_settings(CELERY_BROKER_URL="redis://127.0.0.1:1/0")
    forget_clients()
    answer_until(StopAfter(1))
    assert words in logged()
    answer_until(StopAfter(3))
    assert words not in logged()
    forget_clients()
