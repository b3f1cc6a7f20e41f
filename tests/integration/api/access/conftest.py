"""APIs with `AUTH=required`."""

import pytest

from app.core.config import Settings
from app.core.database import transaction
from app.services.access.wrong_credentials import WrongCredentials
from app.services.zones.registry import add_bootstrap_zones
from tests.support.access import Guarded
from tests.support.running_api import RunningApi, guarded_app


@pytest.fixture
def extra_settings() -> dict[str, str]:
    return {"AUTH": "required"}


@pytest.fixture
def started_anew(running_api: RunningApi) -> None:
    """The API of the test has nothing in memory of the tests before."""
    running_api.stop()


@pytest.fixture
def guarded(app_settings: Settings, running_api: RunningApi, new_zone: str) -> Guarded:
    """An API that asks everybody who he is, serving the zone `new_zone`: one for each module.

    Nobody has tried wrong tokens. What it counts of accounts and of refusals goes on (`started_anew`).
    """
    client = running_api.client(guarded_app)
    with transaction() as session:
        add_bootstrap_zones(session, {new_zone: "bind"})
    state = client.app.state  # type: ignore[attr-defined]
    state.access.expire()
    state.wrong_credentials = WrongCredentials(state.refusals)
    return Guarded(client, new_zone)
