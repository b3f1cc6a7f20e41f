"""The API and a worker in the test's process, and a backend that was away."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.config import Settings
from app.core.database import transaction
from app.runner.ansible.runner import AnsibleRunner
from app.runner.process.fork_pool import ForkPool
from stack.embedded import Stack
from tests.support.modelled_zone import ModelledZone

MakeZone = Callable[[], ModelledZone]


@pytest.fixture
def make_zone(
    client: TestClient, app_settings: Settings, infrastructure: Stack, fork_pool: ForkPool
) -> MakeZone:
    """Makes zones that the product serves, with runs of the shipped playbook, and a model of each."""
    runner = AnsibleRunner(app_settings.playbook, app_settings.inventory, fork_pool=fork_pool)
    return lambda: ModelledZone(client, infrastructure, runner)


@pytest.fixture
def backend_was_away(client: TestClient) -> None:
    """The backend `bind` has failed three times, and its pause is over."""
    row = "INSERT INTO dns_backends (name, failures, paused_until) VALUES ('bind', 3, now())"
    with transaction() as session:
        session.execute(text(row))
