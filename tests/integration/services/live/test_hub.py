"""Who follows what changes is woken soon after; while nobody does, nothing is notified."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import psycopg
import pytest

from app.core.config import Settings
from app.services.live.hub import POLL_INTERVAL, Changes, Hub

WRITE = (
    "INSERT INTO dns_request_events (request_id, status, message) VALUES (gen_random_uuid(), 'pending', 'x')"
)
SOON = 0.5  # seconds: less than any look that no notification has brought about
RUN = "INSERT INTO ansible_runs (id, zone, backend, changes, started_at) VALUES (%s, 'z', 'b', 1, now())"
SAY = "INSERT INTO ansible_run_events (run_id, at, message) VALUES (%s, now(), 'x')"
RUN_ID = "01900000-0000-7000-8000-000000000001"


@pytest.fixture
def app_database(module_database: str) -> str:
    return module_database


@pytest.fixture
def beside(app_settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection of somebody else, in autocommit mode."""
    url = app_settings.database_url.get_secret_value()
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def told(connection: psycopg.Connection) -> int:
    """How many notifications have come."""
    return len(list(connection.notifies(timeout=0.05)))


def with_hub(follow: Callable[[Hub], Awaitable[None]]) -> None:
    async def run() -> None:
        hub = Hub()
        running = asyncio.create_task(hub.run())
        try:
            await asyncio.wait_for(follow(hub), 60)
        finally:
            running.cancel()
            await asyncio.wait([running])

    asyncio.run(run())


async def until_it_listens(beside: psycopg.Connection, changes: Changes) -> None:
    async for _ in changes:
        if beside.execute("SELECT id FROM live_listeners").fetchone():
            break
    await quiet(changes)


async def quiet(changes: Changes) -> None:
    """Wait until nothing has woken the follower for a while, but for the looks of each second."""
    while True:
        began = time.monotonic()
        await anext(changes)
        if time.monotonic() - began > 0.8 * POLL_INTERVAL:
            return


def test_while_nobody_listens_nothing_is_notified(beside: psycopg.Connection) -> None:
    beside.execute("LISTEN dns_changes")
    beside.execute(WRITE)
    beside.execute("INSERT INTO live_listeners VALUES (gen_random_uuid(), now() - interval '1 second')")
    beside.execute(WRITE)
    assert told(beside) == 0
    beside.execute("UPDATE live_listeners SET expires_at = now() + interval '1 minute'")
    beside.execute(WRITE)
    assert told(beside) == 1
    beside.execute("DELETE FROM live_listeners")


def test_a_follower_is_woken_by_lines_of_requests_and_of_runs(beside: psycopg.Connection) -> None:
    beside.execute(RUN, [RUN_ID])

    async def follow(hub: Hub) -> None:
        async with hub.subscribe() as changes:
            await until_it_listens(beside, changes)
            for statement, parameters in ((WRITE, []), (SAY, [RUN_ID])):
                beside.execute(statement, parameters)
                await asyncio.wait_for(anext(changes), SOON)
                await quiet(changes)
        assert beside.execute("SELECT count(*) FROM live_listeners").fetchone() == (1,)

    with_hub(follow)
    assert beside.execute("SELECT count(*) FROM live_listeners").fetchone() == (0,)


def test_many_changes_wake_a_follower_ten_times_a_second(beside: psycopg.Connection) -> None:
    async def follow(hub: Hub) -> None:
        async with hub.subscribe() as changes:
            await until_it_listens(beside, changes)
            woken, until = 0, time.monotonic() + 1
            while time.monotonic() < until:
                for _ in range(20):
                    beside.execute(WRITE)
                await anext(changes)
                woken += 1
        assert 3 <= woken <= 12

    with_hub(follow)


def test_the_connection_that_listens_is_made_anew_when_it_is_lost(
    beside: psycopg.Connection, logged: Callable[[], str]
) -> None:
    kill = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE '%INTO live_listeners%' AND pid <> pg_backend_pid()
    """

    async def follow(hub: Hub) -> None:
        async with hub.subscribe() as changes:
            await until_it_listens(beside, changes)
            beside.execute("DELETE FROM live_listeners")
            assert beside.execute(kill).rowcount == 1
            for _ in range(2):  # meanwhile it looks by itself
                await asyncio.wait_for(anext(changes), POLL_INTERVAL + SOON)
            await until_it_listens(beside, changes)
            beside.execute(WRITE)
            await asyncio.wait_for(anext(changes), SOON)

    with_hub(follow)
    assert "no notifications from the database" in logged()


def test_an_end_of_the_process_ends_the_followers() -> None:
    async def follow(hub: Hub) -> None:
        async with hub.subscribe() as changes:
            await anext(changes)
            hub.end()
            assert [each async for each in changes] == []

    with_hub(follow)
