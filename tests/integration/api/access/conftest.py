"""APIs with `AUTH=required`."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.core.config import Settings
from tests.support.access import Guarded
from tests.support.settings import SetSettings


@pytest.fixture
def guarded(app_settings: Settings, new_zone: str, set_settings: SetSettings) -> Iterator[Guarded]:
    """An API that asks everybody who he is, serving the zone `new_zone`."""
    from app.main import create_app

    set_settings(AUTH="required", BOOTSTRAP_ZONES=f"{new_zone}=bind")
    with TestClient(create_app()) as client:
        yield Guarded(client, new_zone)
