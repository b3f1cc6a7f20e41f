"""The count of open requests, beside requests that are stored while it goes on."""

import asyncio
from threading import Event

import pytest
from sqlalchemy.orm import Session

from app.core.config import Settings
from app.core.database import AnySession, statements, transaction, upgrade
from app.domain.change import Action
from app.services.requests.backlog import Backlog
from app.services.requests.draft import RawChange
from app.services.requests.group_commit import additions
from app.services.requests.submit import submit
from app.services.requests.validate import read_change
from app.store import backlog as backlog_store
from app.store import zones
from app.store.backlog import Addition
from tests.support.builders import body

TIMEOUT = 60.0  # seconds


@pytest.fixture
def served(app_settings: Settings, new_zone: str) -> str:
    """A zone that is served; nothing is open."""
    upgrade()
    with transaction() as session:
        zones.add(session, new_zone, "bind")
    return new_zone


def store(session: AnySession, zone: str, account: str = "a") -> list[Addition]:
    return additions(submit(session, [read_change(RawChange(Action.CREATE, body(zone, account=account)))]))


def test_what_a_count_has_seen_is_not_added_to_it(served: str) -> None:
    async def count_before_the_addition() -> int:
        backlog = Backlog()
        with statements() as session:
            stored = store(session, served)
        await backlog.count()
        backlog.add(stored)
        return backlog.open

    assert asyncio.run(count_before_the_addition()) == 1


def test_what_is_added_while_a_count_sees_it_is_not_counted_twice(served: str) -> None:
    async def add_meanwhile() -> int:
        backlog = Backlog()
        with statements() as session:
            stored = store(session, served)
        counting = asyncio.create_task(backlog.count())
        await asyncio.sleep(0)  # it has begun, and can't end before this task waits again
        backlog.add(stored)
        await counting
        return backlog.open

    assert asyncio.run(add_meanwhile()) == 1


def test_what_is_committed_after_the_count_is_added_to_it(served: str) -> None:
    async def commit_afterwards() -> list[int]:
        backlog = Backlog()
        with transaction() as session:
            stored = store(session, served)
            with statements() as other:
                later = store(other, served)  # a higher number, and committed first
            counting = asyncio.create_task(backlog.count())
            await asyncio.sleep(0)
            backlog.add(later)
            await counting
        numbers = [backlog.open]
        backlog.add(stored)
        numbers.append(backlog.open)
        await backlog.count()
        return [*numbers, backlog.open]

    assert asyncio.run(commit_afterwards()) == [1, 2, 2]


def test_what_is_committed_behind_a_count_that_goes_on_is_kept(
    served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, go_on = Event(), Event()
    count_open = backlog_store.count_open

    def count_slowly(session: Session, most: int | None) -> backlog_store.Count:
        found = count_open(session, most)
        looked.set()
        assert go_on.wait(TIMEOUT)
        return found

    async def commit_meanwhile() -> list[int]:
        backlog = Backlog()
        counting = asyncio.create_task(backlog.count())
        assert await asyncio.to_thread(looked.wait, TIMEOUT)
        with statements() as session:
            backlog.add(store(session, served))
        go_on.set()
        await counting
        numbers = [backlog.open]
        await backlog.count()
        return [*numbers, backlog.open]

    monkeypatch.setattr(backlog_store, "count_open", count_slowly)
    assert asyncio.run(commit_meanwhile()) == [1, 1]
