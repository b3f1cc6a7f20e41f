"""Requests that are all or none: claimed together, applied together, settled together."""

from collections.abc import Callable
from itertools import groupby, pairwise
from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from app.runner import make_runner
from app.runner.protocol import Run, RunEvent, RunResult
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.requests.schedule import queue_due
from app.store import queue, schedule
from app.store.queue import Item
from stack.embedded import Stack
from tests.integration.conftest import ZoneOn
from tests.support.builders import body, time_after
from tests.support.eventually import eventually
from tests.support.policies import allow_addresses
from tests.support.settings import SetSettings
from tests.support.zone_runner import Died, ZoneRunner
from tests.support.zones import ZoneUnderTest


class WatchedRunner(ZoneRunner):
    """Notes the owners of each run."""

    def __init__(self, zone: ZoneUnderTest, *, dies: bool = False) -> None:
        super().__init__(zone, dies=dies)
        self.owners: list[list[str]] = []

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        self.owners.append([change.name.partition(".")[0] for change in run.changes])
        return super().run(run, on_event, cancel)


class ForgottenRunner(ZoneRunner):
    """What it has applied to c is dropped without a word."""

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        result = super().run(run, on_event, cancel)
        self._zone.do("delete", "c", "A")
        return result


@pytest.fixture
def zone(client: TestClient, zone_on: ZoneOn) -> ZoneUnderTest:
    made = zone_on("bind")
    client.post("/api/v1/zones", json={"name": made.name, "backend": "bind"}).raise_for_status()
    return made


def submit(client: TestClient, *items: dict[str, Any], atomic: bool = True) -> list[str]:
    answer = client.post("/api/v1/dns/batch", json={"requests": items, "atomic": atomic}).raise_for_status()
    return [result["request"]["id"] for result in answer.json()["results"]]


def fates(client: TestClient, ids: list[str]) -> list[Any]:
    found = [client.get(f"/api/v1/dns/requests/{each}").raise_for_status().json() for each in ids]
    return [request["error"]["code"] if request["error"] else request["status"] for request in found]


def group(zone: str, *owners: str) -> list[dict[str, Any]]:
    return [body(zone, owner) for owner in owners]


def test_a_claim_takes_a_group_whole(
    client: TestClient, zone: ZoneUnderTest, set_settings: SetSettings
) -> None:
    set_settings(BATCH_LIMIT="3")
    ids = [
        *submit(client, *group(zone.name, "a", "b"), atomic=False),
        *submit(client, *group(zone.name, "c", "d")),
        *submit(client, *group(zone.name, "e", "f", "g", "h", "i")),
        *submit(client, *group(zone.name, "j"), atomic=False),
    ]
    runner = WatchedRunner(zone)
    drain(zone.name, runner, make_backends())
    assert runner.owners == [["a", "b"], ["c", "d"], ["e", "f", "g", "h", "i"], ["j"]]
    assert fates(client, ids) == ["succeeded"] * 10


def test_none_is_applied_where_one_fails(client: TestClient, zone: ZoneUnderTest) -> None:
    neighbours = submit(client, *group(zone.name, "x", "y"), atomic=False)
    ids = submit(client, *group(zone.name, "a", "b"), body(zone.name, "c", action="update"))
    drain(zone.name, WatchedRunner(zone), make_backends())
    assert fates(client, [*ids, *neighbours]) == [*["atomic_failed"] * 2, "rrset_missing", *["succeeded"] * 2]
    assert zone.values("a", "A") == set()
    zone.do("create", "c", "A", "192.0.2.9")
    client.post(f"/api/v1/dns/requests/{ids[0]}/retry").raise_for_status()
    drain(zone.name, WatchedRunner(zone), make_backends())
    assert fates(client, ids) == ["succeeded"] * 3


def test_the_others_say_that_one_is_not_kept(
    client: TestClient, zone: ZoneUnderTest, set_settings: SetSettings
) -> None:
    set_settings(PRIMARY_DEADLINE="0.1", VERIFY_PAUSE="0.1")
    ids = submit(client, *group(zone.name, "a", "b", "c"))
    runner = ForgottenRunner(zone)

    def settled() -> bool:
        drain(zone.name, runner, make_backends())
        return "verifying" not in fates(client, ids)

    eventually(settled)
    assert fates(client, ids) == ["succeeded", "succeeded", "not_kept"]
    *others, own = (client.get(f"/api/v1/dns/requests/{each}").json()["events"] for each in ids)
    said = f"c.{zone.name} A of the same group, which was applied with it, failed: not_kept, request {ids[2]}"
    assert [(events[-1]["status"], events[-1]["message"]) for events in others] == [("succeeded", said)] * 2
    assert "of the same group" not in str(own)


def test_what_a_policy_refuses_lets_nothing_rest(
    client: TestClient, zone: ZoneUnderTest, infrastructure: Stack
) -> None:
    allow_addresses(infrastructure, zone.name)
    note = body(zone.name, "www", record_type="TXT", target="x")
    refused = submit(client, *group(zone.name, "www", "ok"), note)
    apart = submit(client, *group(zone.name, "www", "other"), note, atomic=False)
    whole = submit(client, *group(zone.name, "ok"), body(zone.name, "ok", target="192.0.2.2"))
    runner = WatchedRunner(zone)
    drain(zone.name, runner, make_backends())
    assert fates(client, refused) == ["refused"] * 3
    assert fates(client, apart) == ["succeeded", "refused", "refused"]
    assert fates(client, whole) == ["succeeded"] * 2
    assert len(runner.owners) == 1
    assert zone.values("ok", "A") == {"192.0.2.1", "192.0.2.2"}
    with transaction() as session:
        for table in ("dns_backends", "dns_zone_leases"):
            resting = f"SELECT count(*) FROM {table} WHERE failures > 0 OR fault_code IS NOT NULL"
            assert session.execute(text(resting)).scalar() == 0


def test_a_group_of_a_lost_run_is_tried_again_whole(client: TestClient, zone: ZoneUnderTest) -> None:
    zone.do("create", "a", "A", "192.0.2.1")
    ids = submit(client, *group(zone.name, "a", "b"), body(zone.name, "c", action="update"))
    runner = WatchedRunner(zone, dies=True)
    with pytest.raises(Died):
        drain(zone.name, runner, make_backends())
    drain(zone.name, runner, make_backends())  # finds what it asked for at one name only
    assert fates(client, ids) == ["pending"] * 3


def test_a_group_that_a_lost_run_has_applied_is_not_run_again(
    client: TestClient, zone: ZoneUnderTest
) -> None:
    ids = submit(client, *group(zone.name, "a", "b"), body(zone.name, "a", action="delete"))
    runner = WatchedRunner(zone, dies=True)
    with pytest.raises(Died):
        drain(zone.name, runner, make_backends())
    drain(zone.name, runner, make_backends())
    assert fates(client, ids) == ["succeeded"] * 3
    assert (runner.runs, zone.values("b", "A")) == (1, {"192.0.2.1"})


def test_a_probe_is_a_group(client: TestClient, zone: ZoneUnderTest, backend_was_away: None) -> None:
    ids = submit(client, *group(zone.name, "a", "b"))
    later = submit(client, *group(zone.name, "c"), atomic=False)
    runner = WatchedRunner(zone)
    drain(zone.name, runner, make_backends())
    assert runner.owners == [["a", "b"], ["c"]]
    assert fates(client, [*ids, *later]) == ["succeeded"] * 3


def test_the_simulation_does_the_same(simulated: TestClient, new_zone: str) -> None:
    ids = submit(simulated, *group(new_zone, "a", "b"), body(new_zone, "c", action="update"))
    others = submit(simulated, *group(new_zone, "a", "b"))
    drain(new_zone, make_runner(), make_backends())
    assert fates(simulated, [*ids, *others]) == [*["atomic_failed"] * 2, "rrset_missing", *["succeeded"] * 2]
    before = simulated.get(f"/api/v1/dns/requests/{others[0]}").json()["before"]
    assert before == {"ttl": None, "target": []}


@pytest.mark.thorough
def test_a_scheduled_group_is_due_whole_and_has_one_place(client: TestClient, zone: ZoneUnderTest) -> None:
    at = time_after(0.2)
    number = schedule.MAX_AT_ONCE // 2 + 1  # so that the limit of one statement lies within the second group
    for first in (0, number):
        submit(
            client,
            *(body(zone.name, f"h{each}", not_before=at) for each in range(first, first + number)),
        )

    def queued() -> list[Item]:
        queue_due()
        with transaction() as session:
            return queue.list_pending(session, zone.name, 10 * number).items

    items = eventually(lambda: found if len(found := queued()) == 2 * number else None, 20)
    groups = [list(group) for _, group in groupby(items, key=lambda item: item.change.group)]
    assert [len(group) for group in groups] == [number] * 2
    assert all(later.seq == earlier.seq + 1 for group in groups for earlier, later in pairwise(group))
