"""Processes that stand still (SIGSTOP) for a while, as on a frozen host or in a paused container."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from redis import Redis

from app.services.kicks import KICKED
from stack.embedded import Stack
from tests.faults.conftest import SETTINGS
from tests.faults.test_kills import playbooks_running
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User

pytestmark = pytest.mark.thorough

LEASE = float(SETTINGS["LEASE"])


@contextmanager
def standing_still(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_zone_is_drained_soon_after_redis_goes_on(stack: Stack, user: User, zone: str) -> None:
    """Commands that timed out at the client are carried out then: a mark is set whose kick was never sent."""
    redis = stack.pid("valkey")
    assert redis
    with standing_still(redis):
        ids = user.submit(body(zone))
        time.sleep(6)
    went_on = time.monotonic()
    (request,) = user.wait_until_settled(ids)
    assert request["status"] == "succeeded"
    assert time.monotonic() - went_on < 10  # a mark lasts for 30


def test_the_sweep_goes_on_with_postgresql(stack: Stack, user: User, zone: str) -> None:
    """A sweep that took long, because the database stood still, is not followed by a pause as long."""
    postgres = stack.pid("postgres")
    assert postgres
    Redis.from_url(stack.env["CELERY_BROKER_URL"]).set(KICKED.format(zone=zone), 1, ex=60)  # no kick is sent
    ids = user.submit(body(zone))
    with standing_still(postgres, *(each.pid for each in psutil.Process(postgres).children())):
        time.sleep(6)
    went_on = time.monotonic()
    (request,) = user.wait_until_settled(ids)
    assert request["status"] == "succeeded"
    assert time.monotonic() - went_on < 15


def test_no_run_outlives_the_lease_of_a_worker_that_stands_still(stack: Stack, user: User, zone: str) -> None:
    ids = user.submit(body(zone, "linger"))
    eventually(lambda: user.dig(f"linger.{zone}", "A") == {"192.0.2.1"})
    worker = stack.pid("worker")
    assert worker
    pool = [each.pid for each in psutil.Process(worker).children() if "celery" in " ".join(each.cmdline())]
    with standing_still(*pool):
        eventually(lambda: not playbooks_running(stack), limit=LEASE)
    (request,) = user.wait_until_settled(ids)
    assert request["status"] == "succeeded"


def test_a_worker_ends_although_the_database_stands_still(stack: Stack, user: User, zone: str) -> None:
    """Its run ends with it, and the next worker settles what that has done, once its lease is over."""
    ids = user.submit(body(zone, "linger"))
    eventually(lambda: user.dig(f"linger.{zone}", "A") == {"192.0.2.1"})
    postgres = stack.pid("postgres")
    assert postgres
    with standing_still(postgres, *(each.pid for each in psutil.Process(postgres).children())):
        stack.stop("worker")
        assert "ended in the middle of its work" in stack.output("worker")
        eventually(lambda: not playbooks_running(stack))
    stack.start("worker")
    (request,) = user.wait_until_settled(ids)
    assert request["status"] == "succeeded"
