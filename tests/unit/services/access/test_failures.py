"""Failed tries: some are free, more have to wait, and the memory for them has a bound."""

from app.services.access.failures import MAX_SOURCES, TRIES, WINDOW, FailedTries


def test_a_source_waits_after_some_tries_until_its_window_is_over() -> None:
    now = 1000.0
    tries = FailedTries(lambda: now)
    assert [tries.note("a") for _ in range(TRIES)] == [0.0] * TRIES
    now += 20
    assert tries.note("a") == WINDOW - 20
    assert tries.note("b") == 0.0
    now += WINDOW - 20
    assert tries.note("a") == 0.0


def test_no_more_sources_are_remembered_than_may_be() -> None:
    tries = FailedTries()
    for number in range(MAX_SOURCES + 10):
        tries.note(str(number))
    assert len(tries) == MAX_SOURCES
