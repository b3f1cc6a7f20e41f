"""A request that expects an RRset: from the service that submits it to its fate."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.database import transaction
from app.domain.change import Action, RRsetState
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.requests.draft import RawChange
from app.services.requests.submission import Accepted
from app.services.requests.submit import submit
from app.services.requests.validate import read_change
from app.store import queue
from tests.integration.conftest import ZoneOn
from tests.support.builders import body
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest


@pytest.fixture
def zone(client: TestClient, zone_on: ZoneOn) -> ZoneUnderTest:
    made = zone_on("bind")
    client.post("/api/v1/zones", json={"name": made.name, "backend": "bind"}).raise_for_status()
    return made


def accept(zone: ZoneUnderTest, *asked: tuple[str, str, RRsetState | None]) -> list[str]:
    """Submit upserts of the owners, each with its target and what it expects; return their ids."""
    drafts = [
        read_change(RawChange(Action.UPSERT, body(zone.name, owner, target=target), expect=expect))
        for owner, target, expect in asked
    ]
    with transaction() as session:
        results = submit(session, drafts)
    return [str(result.request.id) for result in results if isinstance(result, Accepted)]


def fates(client: TestClient, ids: list[str]) -> list[Any]:
    found = [client.get(f"/api/v1/dns/requests/{each}").raise_for_status().json() for each in ids]
    assert all(request["attempts"] == 1 for request in found)
    return [request["error"]["code"] if request["error"] else request["status"] for request in found]


def test_only_what_is_expected_is_replaced(client: TestClient, zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1", ttl=60)
    ids = accept(
        zone,
        ("www", "192.0.2.2", RRsetState(300, ("192.0.2.1",))),
        ("www", "192.0.2.3", RRsetState(60, ("192.0.2.1",))),
        ("new", "192.0.2.4", RRsetState(None, ())),
        ("other", "192.0.2.5", None),
        ("other", "192.0.2.6", RRsetState(None, ())),
    )
    drain(zone.name, ZoneRunner(zone), make_backends())
    assert fates(client, ids) == ["state_changed", "succeeded", "succeeded", "succeeded", "state_changed"]
    assert zone.values("www", "A") == {"192.0.2.3"}
    assert zone.values("other", "A") == {"192.0.2.5"}


def test_it_is_stored_as_it_was_given(client: TestClient, zone: ZoneUnderTest) -> None:
    expected = [RRsetState(300, ("192.0.2.1", "192.0.2.2")), RRsetState(None, ()), None]
    accept(zone, *(("www", "192.0.2.9", each) for each in expected))
    with transaction() as session:
        assert [item.change.expect for item in queue.list_pending(session, zone.name, 10).items] == expected
