"""Whatever process dies, every accepted request is settled, once. More of them die in the matrix."""

from typing import Any

import psutil
import psycopg
import pytest

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User, statuses

pytestmark = pytest.mark.thorough


def addresses(zone: str, count: int, start: int = 0) -> list[dict[str, Any]]:
    return [body(zone, f"h{number}", target=f"192.0.2.{number}") for number in range(start, start + count)]


def playbooks_running(stack: Stack) -> list[psutil.Process]:
    inventory = stack.env["INVENTORY"]
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if inventory in (process.info["cmdline"] or []) and process.status() != psutil.STATUS_ZOMBIE
    ]


def test_a_worker_killed_in_the_middle_of_a_run(stack: Stack, user: User, zone: str) -> None:
    ids = user.submit(*addresses(zone, 20))
    eventually(lambda: user.request(ids[0])["status"] == "running" and bool(playbooks_running(stack)))
    stack.kill("worker")
    eventually(lambda: not playbooks_running(stack))
    stack.start("worker")
    for number, request in enumerate(user.wait_until_settled(ids)):
        assert request["status"] == "succeeded", request
        assert statuses(request).count("succeeded") == 1
        assert user.dig(f"h{number}.{zone}", "A") == {f"192.0.2.{number}"}
        assert any("gave no sign of life" in line for line in said(request))
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        ended = "SELECT why, finished_at > started_at FROM ansible_runs WHERE zone = %s ORDER BY started_at"
        assert connection.execute(ended, [zone]).fetchone() == ("lost", True)


def said(request: dict[str, Any]) -> list[str]:
    return [event["message"] for event in request["events"]]


def test_a_worker_that_is_stopped_hands_back_what_it_has_in_hand(
    stack: Stack, user: User, zone: str, other_zone: str
) -> None:
    """One run has sent its changes, another one has not; nothing is sent twice, and no try is lost."""
    sent = user.submit(
        body(zone, "linger", action="create", target="192.0.2.1"),
        body(zone, "linger", action="create", target="192.0.2.2"),
        body(zone, "linger", action="delete", target="192.0.2.1"),
    )
    [unsent] = user.submit(body(other_zone, "hesitate"))
    eventually(lambda: user.dig(f"linger.{zone}", "A") == {"192.0.2.2"})
    eventually(lambda: user.request(unsent)["status"] == "running")
    stack.stop("worker")
    assert not playbooks_running(stack)
    assert [user.request(each)["status"] for each in sent] == ["succeeded"] * 3
    request = user.request(unsent)
    assert (request["status"], request["attempts"]) == ("pending", 1)
    assert any("the worker was stopped" in line for line in said(request))
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        held_against = "SELECT failures FROM dns_zone_leases WHERE zone = ANY(%s)"
        assert connection.execute(held_against, [[zone, other_zone]]).fetchall() == [(0,), (0,)]
        lost = "SELECT sum(lost_runs) FROM dns_requests WHERE zone = ANY(%s)"
        assert connection.execute(lost, [[zone, other_zone]]).fetchone() == (0,)
    stack.start("worker")
    [request] = user.wait_until_settled([unsent])
    assert (request["status"], request["attempts"]) == ("succeeded", 2)


def test_the_dns_server_stopped_and_started(stack: Stack, user: User, zone: str) -> None:
    stack.stop("bind")
    ids = user.submit(*addresses(zone, 3))
    eventually(lambda: any("will be tried again" in line for line in said(user.request(ids[0]))))
    assert {user.request(request_id)["status"] for request_id in ids} <= {"pending", "running"}
    stack.start("bind")
    requests = user.wait_until_settled(ids)
    assert {request["status"] for request in requests} == {"succeeded"}
    assert user.dig(f"h0.{zone}", "A") == {"192.0.2.0"}


def test_a_worker_killed_when_ansible_has_sent_its_changes(stack: Stack, user: User, zone: str) -> None:
    """A second run would find the record that the first one has made, and update it."""
    items = [
        body(zone, "linger", action="update", target="192.0.2.1"),
        body(zone, "linger", action="create", target="192.0.2.2"),
    ]
    ids = user.submit(*items)
    eventually(lambda: user.dig(f"linger.{zone}", "A") == {"192.0.2.2"})
    stack.kill("worker")
    eventually(lambda: not playbooks_running(stack))
    stack.start("worker")
    update, create = user.wait_until_settled(ids)
    assert (update["status"], update["error"]["code"]) == ("failed", "rrset_missing")
    assert create["status"] == "succeeded"
    assert user.dig(f"linger.{zone}", "A") == {"192.0.2.2"}
