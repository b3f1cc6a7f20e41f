"""A watcher that looks when a test says so, and zones on each server that it watches."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.services.zones.watch import Watcher
from stack.embedded import Stack
from stack.inventory import write_backend
from tests.support.settings import SetSettings
from tests.support.watching import WatchedZone
from tests.support.zones import ZoneUnderTest

ZoneOn = Callable[[str], ZoneUnderTest]
Watch = Callable[[ZoneUnderTest], WatchedZone]


@pytest.fixture
def watcher(client: TestClient) -> Iterator[Watcher]:
    """A watcher that looks when the test says so."""
    watcher = Watcher()
    yield watcher
    watcher.end()


@pytest.fixture
def watch(client: TestClient, watcher: Watcher, set_settings: SetSettings, tmp_path: Path) -> Watch:
    """Serves a zone, by a backend of its own, whose contents are known as a whole."""

    def serve(zone: ZoneUnderTest) -> WatchedZone:
        key_file = {"dns_tsig_key_file": str(zone.key_file)} if zone.transfers_are_signed else {}
        write_backend(tmp_path, zone.name, zone.target.address, zone.target.port, **key_file)
        set_settings(INVENTORY=str(tmp_path))
        served = {"name": zone.name, "backend": zone.name}
        client.post("/api/v1/zones", json=served, params={"check": "false"}).raise_for_status()
        return WatchedZone(client, zone, watcher)

    return serve


@pytest.fixture
def beside(zone_on: ZoneOn) -> ZoneUnderTest:
    """A zone on BIND, as somebody changes it who has the key, too."""
    return zone_on("bind")


@pytest.fixture
def zone(beside: ZoneUnderTest, watch: Watch) -> WatchedZone:
    """The same as we know it."""
    return watch(beside)


@pytest.fixture
def named(infrastructure: Stack) -> Stack:
    """The stack of which BIND is a part."""
    return infrastructure
