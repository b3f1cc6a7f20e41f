"""A worker in the test's process that only simulates."""

import pytest
from fastapi.testclient import TestClient

from tests.support.settings import SetSettings


@pytest.fixture
def simulated(client: TestClient, set_settings: SetSettings) -> TestClient:
    """The API, and a worker that believes what a run says: no DNS server is asked."""
    set_settings(EXECUTOR="simulated")
    return client
