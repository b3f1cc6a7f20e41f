"""The API and a worker in the test's process, and a backend that was away."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from tests.support.settings import SetSettings


@pytest.fixture
def simulated(client: TestClient, set_settings: SetSettings) -> TestClient:
    """The API, and a worker that believes what a run says: no DNS server is asked."""
    set_settings(EXECUTOR="simulated")
    return client


@pytest.fixture
def backend_was_away(client: TestClient) -> None:
    """The backend `bind` has failed three times, and its pause is over."""
    row = "INSERT INTO dns_backends (name, failures, paused_until) VALUES ('bind', 3, now())"
    with transaction() as session:
        session.execute(text(row))
