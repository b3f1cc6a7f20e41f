"""Scheduled requests, while what they need is away when they are due."""

import shutil
import time

import pytest

from stack.embedded import Stack
from tests.support.builders import body, time_after
from tests.support.user import User, statuses

pytestmark = pytest.mark.thorough

SOON = 3  # seconds


def test_everything_is_down_when_they_are_due(stack: Stack, user: User, zone: str) -> None:
    items = [body(zone, action="upsert", target=f"192.0.2.{n}", not_before=time_after(SOON)) for n in (1, 2)]
    ids = user.submit(*items)
    for part in ("worker", "api", "valkey", "postgres"):
        stack.kill(part)
    shutil.rmtree(stack.data("valkey"))
    time.sleep(SOON)
    for part in ("postgres", "valkey", "api", "worker"):
        stack.start(part)
    user.wait_until_ready()
    for request in user.wait_until_settled(ids):
        assert statuses(request) == ["scheduled", "pending", "running", "succeeded"]
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.2"}


def test_what_is_accepted_later_comes_behind_also_while_no_worker_is_there(
    stack: Stack, user: User, zone: str
) -> None:
    stack.kill("worker")
    scheduled = user.submit(body(zone, action="upsert", target="192.0.2.1", not_before=time_after(1)))
    time.sleep(2)
    later = user.submit(body(zone, action="upsert", target="192.0.2.2"))
    stack.start("worker")
    assert {request["status"] for request in user.wait_until_settled(scheduled + later)} == {"succeeded"}
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.2"}


def test_without_the_api_the_worker_sees_to_it(stack: Stack, user: User, zone: str) -> None:
    ids = user.submit(body(zone, not_before=time_after(1)))
    stack.stop("api")
    time.sleep(SOON)
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.1"}
    stack.start("api")
    user.wait_until_ready()
    [request] = user.wait_until_settled(ids)
    assert request["status"] == "succeeded"
