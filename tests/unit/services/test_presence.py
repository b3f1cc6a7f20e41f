"""From when on no worker is said to be there: never while one is."""

from datetime import UTC, datetime, timedelta

from app.services.presence import LIMIT, Presence
from app.store.backends import WorkerSign

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_worker_that_is_there_is_never_missed() -> None:
    presence = Presence()
    for look in range(0, 3_600, 5):
        noted = look // 10 * 10
        presence.note(WorkerSign(AT + timedelta(seconds=noted), look - noted), look)
        assert presence.problem is None


def test_a_worker_that_is_frozen_is_missed_after_the_limit() -> None:
    presence = Presence()
    presence.note(WorkerSign(AT, 3), 0)
    presence.note(WorkerSign(AT, 3 + LIMIT), LIMIT)
    assert presence.problem is None
    presence.note(WorkerSign(AT, 8 + LIMIT), LIMIT + 5)
    assert presence.problem is not None
    assert presence.problem.startswith("no worker has been seen for ")
    presence.note(WorkerSign(AT + timedelta(seconds=60), 0), LIMIT + 10)
    assert presence.problem is None


def test_an_old_sign_is_none_yet_for_an_api_that_has_just_been_started() -> None:
    presence = Presence()
    presence.note(WorkerSign(AT, 86_400), 0)
    assert presence.problem is None
    assert presence.seen_s is not None


def test_a_worker_that_has_never_been_there_is_missed_too() -> None:
    presence = Presence()
    presence.note(WorkerSign(AT, 0), 0)
    presence.note(None, 5)
    presence.note(None, 6 + LIMIT)
    assert presence.seen_s is None
    assert str(presence.problem).startswith("no worker has been seen yet: ")
