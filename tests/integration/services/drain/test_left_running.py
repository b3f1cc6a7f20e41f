"""Requests that a worker has left running are found by whoever drains the zone, whatever comes between."""

from collections.abc import Callable, Sequence
from threading import Event

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from app.domain.errors import LeaseLost
from app.runner.protocol import Run, RunEvent, RunResult
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.drain.lease import hold_lease
from app.services.kicks import tend
from app.store import leases
from tests.support.builders import body
from tests.support.fixed_runner import APPLIED, FixedRunner


class Killed(Exception):
    """The worker is killed in a run."""


class KilledRunner:
    """Its run never ends."""

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        raise Killed


@pytest.fixture
def left(simulated: TestClient, new_zone: str) -> Sequence[str]:
    """Three requests that are left running."""
    ids = [
        simulated.post("/api/v1/dns/create", json=body(new_zone, owner)).raise_for_status().json()["id"]
        for owner in ("a", "b", "c")
    ]
    with pytest.raises(Killed):
        drain(new_zone, KilledRunner(), make_backends())
    return ids


def drained(client: TestClient, zone: str, ids: Sequence[str]) -> set[str]:
    """What becomes of them in two further drains: the first one asks the servers."""
    for _ in range(2):
        drain(zone, FixedRunner(APPLIED), make_backends())
    return {client.get(f"/api/v1/dns/requests/{each}").json()["status"] for each in ids}


def test_by_a_drain(simulated: TestClient, new_zone: str, left: Sequence[str]) -> None:
    assert drained(simulated, new_zone, left) == {"succeeded"}
    log = simulated.get(f"/api/v1/dns/requests/{left[0]}").json()["events"]
    assert any("gave no sign of life for 30 s; another one goes on" in line["message"] for line in log)


def test_after_a_plan_that_has_held_the_zone(
    simulated: TestClient, new_zone: str, left: Sequence[str]
) -> None:
    with hold_lease(new_zone, make_backends()) as (lease, _):
        assert lease is not None
    assert drained(simulated, new_zone, left) == {"succeeded"}


def test_after_a_drain_that_was_too_slow_to_claim(
    simulated: TestClient, new_zone: str, left: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def has_run_out(*_: object, **__: object) -> None:
        raise LeaseLost(new_zone)

    with monkeypatch.context() as patch:
        patch.setattr(leases, "check", has_run_out)
        drain(new_zone, FixedRunner(APPLIED), make_backends())
    assert drained(simulated, new_zone, left) == {"succeeded"}


def test_after_a_drain_whose_backend_can_not_be_used(
    simulated: TestClient, new_zone: str, left: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    backends = make_backends()
    monkeypatch.setattr(backends, "why_unusable", lambda backend: "its key is not there", raising=False)
    drain(new_zone, FixedRunner(APPLIED), backends)
    with transaction() as session:
        session.execute(text("UPDATE dns_backends SET paused_until = NULL, failures = 0"))
        session.execute(text("UPDATE dns_zone_leases SET paused_until = NULL, failures = 0"))
    assert drained(simulated, new_zone, left) == {"succeeded"}


def test_that_are_out_of_the_range_claimed_last(
    simulated: TestClient, new_zone: str, left: Sequence[str]
) -> None:
    with transaction() as session:
        session.execute(text("UPDATE dns_zone_leases SET claimed_from = claimed_to"))
    tend()
    assert drained(simulated, new_zone, left) == {"succeeded"}
