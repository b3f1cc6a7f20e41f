"""What delivers webhooks, in the test's process."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from app.services.events.publish import WebhookPublisher, publish_until
from app.services.webhooks.deliver import deliver_until


@contextmanager
def delivering() -> Iterator[None]:
    """Publish and deliver within the block, as a worker does."""
    stop = Event()
    threads = [
        Thread(target=publish_until, args=[stop, WebhookPublisher()]),
        Thread(target=deliver_until, args=[stop]),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def publish() -> None:
    """Note for each webhook what it is to get."""
    publisher = WebhookPublisher()
    while publisher.publish_some():
        pass
    publisher.end()


class Webhook:
    """A webhook that was made by the API."""

    def __init__(
        self, api: TestClient, url: str, headers: dict[str, str] | None = None, **fields: Any
    ) -> None:
        self._api = api
        self._headers = headers or {}
        made = self._call("POST", "", json={"url": url, **fields})
        self.path = f"/{made['id']}"
        self.secret: str = made["secret"]

    def show(self) -> dict[str, Any]:
        """How it is."""
        return dict(self._call("GET", self.path))

    def change(self, **fields: Any) -> dict[str, Any]:
        """Change it."""
        return dict(self._call("PATCH", self.path, json=fields))

    def post(self, call: str) -> dict[str, Any]:
        """Make one of its calls: test, rotate, deliveries/…/replay."""
        return dict(self._call("POST", f"{self.path}/{call}"))

    def deliveries(self, **query: str) -> list[dict[str, Any]]:
        """Its deliveries, the oldest first."""
        items: list[dict[str, Any]] = self._call("GET", f"{self.path}/deliveries", params=query)["items"]
        return items[::-1]

    def _call(self, method: str, path: str, **more: Any) -> Any:
        answer = self._api.request(method, f"/api/v1/webhooks{path}", headers=self._headers, **more)
        assert answer.is_success, answer.text
        return answer.json()


def let_pass(seconds: float) -> None:
    """Let so much time pass for all webhooks and their deliveries."""
    columns = {
        "webhooks": (
            "failing_since",
            "paused_until",
            "due_at",
            "served_until",
            "old_secret_until",
            "holds_until",
        ),
        "webhook_deliveries": ("next_try_at", "failing_since"),
    }
    with transaction() as session:
        for table, names in columns.items():
            earlier = ", ".join(f"{name} = {name} - make_interval(secs => :seconds)" for name in names)
            session.execute(text(f"UPDATE {table} SET {earlier}"), {"seconds": seconds})
