"""Zones that are known as a whole, and a watcher that looks when a test says so."""

from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from app.services.zones.watch import Watcher

_IMPORTED = text(
    """
    INSERT INTO dns_zone_states (zone, import_state, imported_at) VALUES (:zone, 'done', now())
    ON CONFLICT (zone) DO UPDATE SET import_state = 'done', imported_at = now()
    """
)


class WatchedZone:
    """A zone that the API serves; what it holds at first is recorded."""

    def __init__(self, client: TestClient, name: str, watcher: Watcher) -> None:
        self.url = f"/api/v1/zones/{name}"
        self._client = client
        self._watcher = watcher
        with transaction() as session:
            session.execute(_IMPORTED, {"zone": name})
        watcher.look()
        self.post("adopt").raise_for_status()

    def look(self) -> None:
        """Let the watcher look once at all zones."""
        self._watcher.look()

    def shown(self) -> dict[str, Any]:
        """The zone as the API shows it."""
        found: dict[str, Any] = self._client.get(self.url).raise_for_status().json()
        return found

    def drift(self) -> dict[str, Any]:
        """What has drifted, as the API shows it."""
        found: dict[str, Any] = self._client.get(f"{self.url}/drift").raise_for_status().json()
        return found

    def kinds(self) -> dict[str, str]:
        """How each RRset that has drifted differs, by name and type."""
        items = self.drift()["items"]
        return {f"{item['domain']} {item['record_type']}": item["kind"] for item in items}

    def post(self, what: str, **body: Any) -> Any:
        """Adopt, restore, or check; return the answer."""
        return self._client.post(f"{self.url}/drift/{what}", json=body or None)
