"""The API and a worker in the test's process, and a backend that was away."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.config import settings
from app.core.database import transaction


@pytest.fixture
def simulated(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The API, and a worker that believes what a run says: no DNS server is asked."""
    monkeypatch.setenv("EXECUTOR", "simulated")
    settings.cache_clear()
    yield client
    settings.cache_clear()


@pytest.fixture
def backend_was_away(client: TestClient) -> None:
    """The backend `bind` has failed three times, and its pause is over."""
    row = "INSERT INTO dns_backends (name, failures, paused_until) VALUES ('bind', 3, now())"
    with transaction() as session:
        session.execute(text(row))
