"""The console of an API that asks everybody who he is: one for each module."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.core.celery_app import celery_app
from app.services.access import failures
from stack.embedded import Stack
from tests.support.console import Guests
from tests.support.running_api import forget_clients, guarded_app

ZONE = "console.test"


@pytest.fixture(scope="module")
def more_settings() -> dict[str, str]:
    """What a module sets beside the rest."""
    return {}


@pytest.fixture(scope="module")
def guests(infrastructure: Stack, module_database: str, more_settings: dict[str, str]) -> Iterator[Guests]:
    """An API with `AUTH=required`, serving the zone `console.test`, for all tests of the module."""
    settings = {
        "DATABASE_URL": module_database,
        "AUTH": "required",
        "BOOTSTRAP_ZONES": f"{ZONE}=bind",
        **more_settings,
    }
    with pytest.MonkeyPatch.context() as patch:
        forget_clients()
        for name, value in (infrastructure.env | settings).items():
            patch.setenv(name, value)
        patch.setattr(failures, "TRIES", 1_000)
        celery_app.conf.broker_url = infrastructure.env["CELERY_BROKER_URL"]
        with TestClient(guarded_app()) as client:
            yield Guests(client, ZONE)
        forget_clients()
