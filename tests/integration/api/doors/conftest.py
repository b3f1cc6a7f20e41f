"""An API in a process of its own for each module: what these tests do to it, they measure from outside."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from stack.embedded import Stack
from tests.conftest import temporary_database
from tests.support.api_process import Api

ZONE = "doors.test"
StartApi = Callable[..., Api]


@pytest.fixture(scope="module")
def api_database(infrastructure: Stack, migrated_database: str) -> Iterator[str]:
    """The URL of the database of the module's APIs."""
    with temporary_database(infrastructure, migrated_database) as url:
        yield url


@pytest.fixture(scope="module")
def start(infrastructure: Stack, api_database: str) -> Iterator[StartApi]:
    """Starts APIs that serve the zone `doors.test`; they are stopped at the end of the module."""
    redis = infrastructure.env["CELERY_BROKER_URL"].rpartition("/")[0]
    env = {
        **infrastructure.env,
        "DATABASE_URL": api_database,
        "CELERY_BROKER_URL": f"{redis}/10",  # no worker looks there
        "BOOTSTRAP_ZONES": f"{ZONE}=bind",
    }
    with ExitStack() as ending:

        def run(*options: str, **settings: str) -> Api:
            api = Api(*options, **(env | settings))
            ending.callback(api.stop)
            api.wait()
            return api

        yield run


@pytest.fixture(scope="module")
def api(start: StartApi) -> Api:
    """The API of the module, with default settings."""
    return start()
