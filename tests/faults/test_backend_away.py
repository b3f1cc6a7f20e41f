"""A backend that is away costs its own zones only."""

import secrets
from pathlib import Path

import psycopg
import pytest

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.user import User

pytestmark = pytest.mark.thorough

ZONES = 6


def test_other_zones_go_on_while_one_zone_at_a_time_probes(stack: Stack, user: User, zone: str) -> None:
    inventory = Path(stack.env["INVENTORY"])
    hosts = (inventory / "hosts.yml").read_text().replace("bind:", "gone:")
    port = stack.env["DNS_SERVER"].rpartition(":")[2]
    (inventory / "gone.yml").write_text(hosts.replace(f": {port}", ": 9"))
    user.wait_for_backend("gone")
    gone = [f"{secrets.token_hex(4)}.test" for _ in range(ZONES)]
    for name in gone:
        user.serve(name, "gone")
    waiting = user.submit(*map(body, gone))
    eventually(lambda: _failures(stack) >= 1, pause=0.4)
    healthy = user.submit(body(zone))
    (request,) = user.wait_until_settled(healthy)
    assert request["status"] == "succeeded"
    # Only one zone probes whether the backend is back; the others wait for it.
    eventually(lambda: _failures(stack) >= 3, pause=0.4)
    attempts = [user.request(request_id)["attempts"] for request_id in waiting]
    at_once = 2  # the worker's processes: each may have started a run before the first failure was known
    assert sum(attempts) <= _failures(stack) + at_once + 1  # and one probe may be under way
    (inventory / "gone.yml").write_text(hosts)
    for name in gone:
        stack.add_zone(name)
    assert {request["status"] for request in user.wait_until_settled(waiting)} == {"succeeded"}
    assert _failures(stack) == 0


def _failures(stack: Stack) -> int:
    with psycopg.connect(stack.env["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT failures FROM dns_backends WHERE name = 'gone'").fetchone()
    return row[0] if row else 0
