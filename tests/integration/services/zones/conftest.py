"""A watcher that looks when a test says so, and zones on each server that it watches."""

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from app.services.zones.watch import Watcher
from stack.embedded import Stack
from tests.support.backends import Backends
from tests.support.settings import SetSettings
from tests.support.watching import WatchedZone
from tests.support.zones import ZoneUnderTest

ZoneOn = Callable[[str], ZoneUnderTest]
Watch = Callable[..., WatchedZone]


@pytest.fixture
def watcher(client: TestClient) -> Iterator[Watcher]:
    """A watcher that looks when the test says so."""
    watcher = Watcher()
    yield watcher
    watcher.end()


@pytest.fixture(scope="session")
def all_backends(tmp_path_factory: pytest.TempPathFactory) -> Backends:
    """The backends of all tests here."""
    return Backends(tmp_path_factory.mktemp("backends"))


@pytest.fixture
def watch(client: TestClient, watcher: Watcher, set_settings: SetSettings, all_backends: Backends) -> Watch:
    """Serves a zone whose contents are known as a whole; a test that changes the inventory gives its own."""

    def serve(zone: ZoneUnderTest, backends: Backends = all_backends) -> WatchedZone:
        served = {"name": zone.name, "backend": backends.name_of(zone)}
        set_settings(INVENTORY=str(backends.inventory))
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
