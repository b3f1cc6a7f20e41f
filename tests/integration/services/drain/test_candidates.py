"""Fair runs through the real queue: one account's thousands do not keep another's request waiting."""

from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import statements, transaction
from app.domain.change import ChangeResult, Outcome
from app.runner.protocol import Run, RunEvent, RunResult
from app.services.drain import candidates
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.store import leases, queue
from app.store.leases import Lease
from tests.support.builders import body
from tests.support.settings import SetSettings

CROWD = 2_000
APPLIED = ChangeResult(Outcome.APPLIED)
# Faster than to submit them.
INSERT = """
    INSERT INTO dns_requests
        (id, action, account_id, source, via, resource, zone, name, record_type, ttl, rdata)
    SELECT uuidv7(), 'create', :account, 'api', 'api', '{}', :zone, 'h' || number || '.' || :zone, 'A', 300,
           '{192.0.2.1}'
      FROM generate_series(1, :number) AS number
"""


class Stopped(Exception):
    """The worker is stopped in a run."""


class WatchedRunner:
    """Notes who has asked for what in each run, and does something else meanwhile."""

    def __init__(self, meanwhile: Callable[[int], None] = lambda number: None) -> None:
        self.runs: list[list[str]] = []
        self._meanwhile = meanwhile

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        self.runs.append([change.name.partition(".")[0] for change in run.changes])
        self._meanwhile(len(self.runs))
        return RunResult(rc=0, results={change.request_id: APPLIED for change in run.changes})


def submit(client: TestClient, *items: dict[str, Any], atomic: bool = False) -> None:
    answer = client.post("/api/v1/dns/batch", json={"requests": items, "atomic": atomic})
    assert {result["status_code"] for result in answer.json()["results"]} == {202}


def ask(client: TestClient, zone: str, account: str, *owners: str) -> None:
    submit(client, *(body(zone, owner, account=account) for owner in owners))


def candidate_owners(zone: str, limit: int, next_account: str = "") -> list[str]:
    lease = Lease(zone, 1, 0, next_account=next_account)
    with transaction() as session:
        found = candidates.list_candidates(session, lease, limit)
    assert [item.seq for item in found] == sorted(item.seq for item in found)
    return [item.change.name.removesuffix(f".{zone}") for item in found]


def test_a_single_request_waits_for_the_run_in_hand_only(
    simulated: TestClient, new_zone: str, set_settings: SetSettings
) -> None:
    set_settings(BATCH_LIMIT="200")

    def meanwhile(number: int) -> None:
        if number == 1:
            ask(simulated, new_zone, "team-b", "single")
        if number == 3:
            raise Stopped

    with statements() as session:
        session.execute(text(INSERT), {"account": "team-a", "zone": new_zone, "number": CROWD})
    runner = WatchedRunner(meanwhile)
    with suppress(Stopped):
        while True:  # a turn is over after 2 s, and then the next one begins
            drain(new_zone, runner, make_backends())
    assert ["single" in owners for owners in runner.runs] == [False, True, False]
    assert [len(owners) for owners in runner.runs] == [200, 200, 200]
    assert runner.runs[1][:-1] == [f"h{number}" for number in range(201, 400)]


def test_runs_of_one_request_take_turns_also_from_worker_to_worker(
    simulated: TestClient, new_zone: str, set_settings: SetSettings
) -> None:
    set_settings(BATCH_LIMIT="1")
    for account in ("c", "a", "b"):
        ask(simulated, new_zone, account, f"{account}1", f"{account}2")

    def meanwhile(number: int) -> None:
        if number == 2:
            raise Stopped

    runner = WatchedRunner(meanwhile)
    with pytest.raises(Stopped):
        drain(new_zone, runner, make_backends())
    with transaction() as session:
        lease = leases.acquire(session, new_zone, "another", 60)
        assert lease is not None
        assert lease.next_account == "c"
        [orphaned] = queue.list_orphaned(session, lease)
        assert orphaned.change.name == f"b1.{new_zone}"
        leases.release(session, lease)
    runner = WatchedRunner()
    for _ in range(2):  # the first may give its turn to others, where four runs take long
        drain(new_zone, runner, make_backends())
    assert [owner for [owner] in runner.runs] == ["c1", "a2", "b2", "c2"]


def test_who_has_settled_all_leaves_nothing_to_look_for(
    simulated: TestClient, new_zone: str, set_settings: SetSettings
) -> None:
    """Of what a fair run has claimed, the first and the last request may be a million requests apart."""
    set_settings(BATCH_LIMIT="2")
    ask(simulated, new_zone, "a", *"bcdef")
    ask(simulated, new_zone, "b", "x")
    drain(new_zone, WatchedRunner(), make_backends())
    with transaction() as session:
        lease = leases.acquire(session, new_zone, "another", 60)
    assert lease is not None
    assert lease.left_over is not None
    first, last = lease.left_over
    assert first == last


def a_record(owner: str, account: str, **fields: Any) -> dict[str, str]:
    return {"owner": owner, "account": account, **fields}


FRONT = [a_record(owner, "a") for owner in ("n0", "n1", "n2", "host", "n4")]
DNAME = {"record_type": "DNAME", "target": "elsewhere.test."}
FURTHER: list[tuple[list[dict[str, str]], list[str]]] = [
    ([a_record("x", "b"), a_record("y", "b")], ["x"]),
    ([a_record("x", "b"), a_record("y", "c")], ["x", "y"]),
    ([a_record("n4", "b"), a_record("y", "b")], []),  # somebody else's at its name comes before
    ([a_record("n4", "b"), a_record("y", "c")], ["y"]),
    ([a_record("n1", "b")], ["n1"]),  # what comes before is in the run, too
    ([a_record("x", "b"), a_record("x", "c")], ["x", "x"]),
    ([a_record("mail", "b", record_type="MX", target="10 host.{zone}.")], []),
    ([a_record("mail", "b", record_type="MX", target="10 n0.{zone}.")], ["mail"]),
    ([a_record("sub", "a", **DNAME), a_record("w.x.sub", "b")], []),
    ([a_record("sub", "a"), a_record("w.x.sub", "b")], ["w.x.sub"]),
    ([a_record("sub", "b", **DNAME)], []),
]


def test_what_is_further_behind(simulated: TestClient, new_zone: str) -> None:
    """One zone for each case of the table, and one call for all of them."""
    zones = [f"case{number}-{new_zone}" for number in range(len(FURTHER))]
    for zone in zones:
        simulated.post("/api/v1/zones", json={"name": zone, "backend": "bind"}).raise_for_status()
    submit(
        simulated,
        *(
            body(zone, **{name: value.replace("{zone}", zone) for name, value in asked.items()})
            for zone, (further, _) in zip(zones, FURTHER, strict=True)
            for asked in [*FRONT, *further]
        ),
    )
    found = [(further, candidate_owners(zone, 3)) for zone, (further, _) in zip(zones, FURTHER, strict=True)]
    assert found == [(further, ["n0", "n1", "n2", *owners]) for further, owners in FURTHER]


def test_a_group_comes_whole_also_of_several_accounts(simulated: TestClient, new_zone: str) -> None:
    ask(simulated, new_zone, "a", "n0", "n1", "n2", "n3", "n4")
    group = [
        body(new_zone, owner, account=account) for owner, account in (("x", "b"), ("y", "c"), ("z", "b"))
    ]
    submit(simulated, *group, atomic=True)
    assert candidate_owners(new_zone, 3) == ["n0", "n1", "n2", "x", "y", "z"]
    ask(simulated, new_zone, "d", "n4")
    submit(simulated, body(new_zone, "w", account="c"), body(new_zone, "n4", account="e"), atomic=True)
    assert candidate_owners(new_zone, 4) == ["n0", "n1", "n2", "n3", "x", "y", "z"]


def test_more_accounts_than_fit_are_listed_from_the_one_whose_turn_it_is(
    simulated: TestClient, new_zone: str
) -> None:
    ask(simulated, new_zone, "a", "n0", "n1", "n2", "n3")
    for account in "bcdefé":
        ask(simulated, new_zone, account, f"of-{account}" if account.isascii() else "of-last")
    assert candidate_owners(new_zone, 2) == ["n0", "n1", "of-b", "of-c"]
    assert candidate_owners(new_zone, 2, "d") == ["n0", "n1", "of-d", "of-e", "of-f"]
    assert candidate_owners(new_zone, 2, "ee") == ["n0", "n1", "of-f", "of-last"]
    assert candidate_owners(new_zone, 2, "é") == ["n0", "n1", "of-b", "of-last"]


def test_a_crowded_name_waits_for_its_turn(simulated: TestClient, new_zone: str) -> None:
    """No more than a number of requests are looked at for each name."""
    ask(simulated, new_zone, "a", "n0", "n1", "n2")
    ask(simulated, new_zone, "b", "busy", "x")
    assert candidate_owners(new_zone, 2) == ["n0", "n1", "busy"]
    with statements() as session:
        moved = "UPDATE dns_requests SET name = :name, zone = 'other.test' WHERE account_id = 'c'"
        session.execute(text(INSERT), {"account": "c", "zone": new_zone, "number": 100})
        session.execute(text(moved), {"name": f"busy.{new_zone}"})
    assert candidate_owners(new_zone, 2) == ["n0", "n1"]
