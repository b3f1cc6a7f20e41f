"""A worker dies while it confirms drift, or while drift is restored: nothing is lost, or done twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest

from stack.embedded import Stack
from tests.faults.test_kills import playbooks_running
from tests.support.eventually import eventually
from tests.support.thoroughly import thoroughly
from tests.support.user import User, statuses
from tests.support.zones import ZoneUnderTest

pytestmark = pytest.mark.thorough

# Whoever confirms drift stands still in the middle of its transaction, until the test lets it go on.
HALT = """
    CREATE FUNCTION halt() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(47); RETURN NEW; END $$;
    CREATE TRIGGER halt BEFORE UPDATE ON dns_drift FOR EACH ROW WHEN (NEW.confirmed) EXECUTE FUNCTION halt();
    SELECT pg_advisory_lock(47);
"""
GO_ON = "SELECT pg_advisory_unlock(47); DROP TRIGGER halt ON dns_drift; DROP FUNCTION halt"
HALTED = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 47 AND NOT granted"


@pytest.fixture
def beside(stack: Stack, user: User, zone: str) -> ZoneUnderTest:
    """A zone that is known as a whole, as somebody changes it beside us."""
    beside = ZoneUnderTest(stack, zone)
    for owner in ("www", "linger"):
        beside.do("create", owner, "A", "192.0.2.1")
        beside.do("create", owner, "TXT", '"ours"')
    user.api.post(f"/zones/{zone}/import").raise_for_status()
    eventually(lambda: user.api.get(f"/zones/{zone}/import").json()["state"] == "done")
    return beside


def found(user: User, zone: str) -> tuple[dict[str, str], int]:
    """How each RRset has drifted, by its owner and type, and how many candidates there are."""
    drift: dict[str, Any] = user.api.get(f"/zones/{zone}/drift").raise_for_status().json()
    kinds = {f"{item['domain'].split('.')[0]} {item['record_type']}": item["kind"] for item in drift["items"]}
    return kinds, drift["candidates"]


def has_found(user: User, zone: str, kinds: dict[str, str]) -> bool:
    return found(user, zone) == (kinds, 0)


@contextmanager
def halting(stack: Stack) -> Iterator[psycopg.Connection]:
    with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(HALT)
        try:
            yield connection
        finally:
            connection.execute(GO_ON)


def is_halted(connection: psycopg.Connection) -> bool:
    row = connection.execute(HALTED).fetchone()
    return row is not None and row[0] > 0


def test_a_worker_killed_while_it_confirms_drift(stack: Stack, user: User, beside: ZoneUnderTest) -> None:
    with halting(stack) as connection:
        changes = [
            beside.change("upsert", "www", "A", "192.0.2.9"),
            beside.change("delete", "www", "TXT"),
            beside.change("create", "new", "A", "192.0.2.9"),
        ]
        beside.apply(*changes)
        eventually(partial(is_halted, connection))
        stack.kill("worker")
    assert found(user, beside.name) == ({}, 3)
    stack.start("worker")
    kinds = {"www A": "changed", "www TXT": "missing", "new A": "added"}
    eventually(partial(has_found, user, beside.name, kinds))
    assert user.api.post(f"/zones/{beside.name}/drift/adopt").json()["adopted"] == 3


@pytest.mark.usefixtures("honoured")
@pytest.mark.parametrize("owner", [thoroughly("www"), "linger"])
def test_a_worker_killed_while_drift_is_restored(
    owner: str, stack: Stack, user: User, beside: ZoneUnderTest
) -> None:
    """Before its changes are sent, and after: the playbook lingers over one."""
    beside.do("upsert", owner, "A", "192.0.2.9")
    beside.do("delete", owner, "TXT")
    eventually(partial(has_found, user, beside.name, {f"{owner} A": "changed", f"{owner} TXT": "missing"}))
    before = serial(beside)
    restored = user.api.post(f"/zones/{beside.name}/drift/restore").raise_for_status().json()
    ids = [item["request_id"] for item in restored["items"]]
    if owner == "linger":
        eventually(lambda: beside.values(owner, "TXT") == {'"ours"'})
    else:
        eventually(lambda: user.request(ids[0])["status"] == "running" and bool(playbooks_running(stack)))
    stack.kill("worker")
    eventually(lambda: not playbooks_running(stack))
    sent = serial(beside) - before
    stack.start("worker")
    for request in user.wait_until_settled(ids):
        assert request["status"] == "succeeded", request
        assert statuses(request).count("succeeded") == 1
    eventually(partial(has_found, user, beside.name, {}))
    assert serial(beside) - before in ([sent] if sent else [1, 2])  # what was sent is not sent again
    assert (beside.values(owner, "A"), beside.values(owner, "TXT")) == ({"192.0.2.1"}, {'"ours"'})


def serial(zone: ZoneUnderTest) -> int:
    [soa] = zone.values("@", "SOA")
    return int(soa.split(" ")[2])
