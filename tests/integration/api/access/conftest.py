"""APIs with `AUTH=required`."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.core.config import Settings
from tests.support.access import Guarded
from tests.support.running_api import guarded_app
from tests.support.settings import SetSettings


@pytest.fixture
def guarded(app_settings: Settings, new_zone: str, set_settings: SetSettings) -> Iterator[Guarded]:
    """An API that asks everybody who he is, serving the zone `new_zone`."""
    set_settings(AUTH="required", BOOTSTRAP_ZONES=f"{new_zone}=bind")
    with TestClient(guarded_app()) as client:
        yield Guarded(client, new_zone)
