"""Zones that are known as a whole, and a watcher that looks when a test says so."""

from collections.abc import Sequence
from threading import Event
from typing import Any

from fastapi.testclient import TestClient

from app.core.database import transaction
from app.domain.change import Action
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.requests.draft import RawChange
from app.services.requests.submission import Accepted
from app.services.requests.submit import submit
from app.services.requests.validate import read_changes
from app.services.zones.imports import import_wanted
from app.services.zones.watch import Watcher
from tests.support.builders import body
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest


class WatchedZone:
    """A zone that the API serves; what it holds at first is recorded."""

    def __init__(self, client: TestClient, zone: ZoneUnderTest, watcher: Watcher) -> None:
        self.name = zone.name
        self.url = f"/api/v1/zones/{zone.name}"
        self.runner = ZoneRunner(zone)
        self._client = client
        self._watcher = watcher
        client.post(f"{self.url}/import").raise_for_status()
        import_wanted(Event())
        watcher.look()

    def go_on_with(self, client: TestClient, watcher: Watcher) -> None:
        """Let another API and another watcher know the zone from now on: with another database, say."""
        self._client, self._watcher = client, watcher

    def look(self) -> None:
        """Let the watcher look once at all zones."""
        self._watcher.look()

    def shown(self) -> dict[str, Any]:
        """The zone as the API shows it."""
        found: dict[str, Any] = self._client.get(self.url).raise_for_status().json()
        return found

    def drift(self, **parameters: Any) -> dict[str, Any]:
        """What has drifted, as the API shows it."""
        answer = self._client.get(f"{self.url}/drift", params={"limit": 1_000} | parameters)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def kinds(self) -> dict[str, str]:
        """How each RRset that has drifted differs, by its owner relative to the zone, and type."""
        return {
            f"{item['domain'].removesuffix(self.name).rstrip('.') or '@'} {item['record_type']}": item["kind"]
            for item in self.drift()["items"]
        }

    def records(self) -> dict[tuple[str, str], tuple[int, frozenset[str]]]:
        """What is recorded, as `transferred` has it."""
        parameters: dict[str, str | int] = {"zone": self.name, "limit": 1_000}
        items = self._client.get("/api/v1/dns/records", params=parameters).raise_for_status().json()["items"]
        return {
            (item["domain"], item["record_type"]): (item["ttl"], frozenset(item["target"])) for item in items
        }

    def post(self, what: str, **body: Any) -> Any:
        """Adopt, restore, or check; return the answer."""
        return self._client.post(f"{self.url}/drift/{what}", json=body or None)

    def ask(self, *asked: tuple[str, str, str], record_type: str = "A") -> list[str]:
        """Submit changes: action, owner, target. Return the ids of the requests."""
        raw = [
            RawChange(Action(action), body(self.name, owner, record_type=record_type, target=target))
            for action, owner, target in asked
        ]
        with transaction() as session:
            results = submit(session, read_changes(raw))
        assert all(isinstance(result, Accepted) for result in results), results
        return [str(result.request.id) for result in results if isinstance(result, Accepted)]

    def drain(self) -> None:
        """Have a worker do what was submitted."""
        drain(self.name, self.runner, make_backends())

    def change(self, action: str, owner: str, target: str, record_type: str = "A") -> None:
        """Make a change through us, to its end."""
        ids = self.ask((action, owner, target), record_type=record_type)
        self.drain()
        assert self.statuses(ids) == ["succeeded"]

    def statuses(self, ids: Sequence[str]) -> list[str]:
        """What has become of requests."""
        found = [self._client.get(f"/api/v1/dns/requests/{each}").raise_for_status() for each in ids]
        return [answer.json()["status"] for answer in found]


def transferred(zone: ZoneUnderTest) -> dict[tuple[str, str], tuple[int, frozenset[str]]]:
    """The RRsets of a zone as its server transfers them: TTL and values by name and type."""
    found: dict[tuple[str, str], tuple[int, frozenset[str]]] = {}
    for line in zone.transfer():
        name, ttl, _, kind, value = line.split(" ", 4)
        key = (zone.full(name), kind)
        values = found[key][1] if key in found else frozenset[str]()
        found[key] = (int(ttl), values | {value})
    return found
