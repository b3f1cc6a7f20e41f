"""The API in the test's process, which goes on from one test to the next."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.core import database
from app.core.config import Settings, settings
from app.core.redis import redis
from tests.support.settings import current_settings


def _main_app() -> FastAPI:
    from app.main import app

    return app


class RunningApi:
    """An API that is started again only where a test has other settings than the one before."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._client: TestClient | None = None
        self._settings: Settings | None = None

    def use_settings(self) -> None:
        """Let the settings of the environment count, for the API and for every connection of this process."""
        if current_settings() != self._settings:
            self.stop()
            self._settings = current_settings()

    def client(self, make: Callable[[], FastAPI] = _main_app) -> TestClient:
        """Return a client of the API, which is made and started unless it runs."""
        if settings() != self._settings:
            self.stop()
        if self._client is None:
            self._client = self._running.enter_context(TestClient(make()))
            self._settings = settings()
        return self._client

    def stop_if_elsewhere(self) -> None:
        """Stop the API, and close all connections, if the environment names another database by now."""
        if (
            self._settings is None
            or os.environ.get("DATABASE_URL") != self._settings.database_url.get_secret_value()
        ):
            self.stop()

    def stop(self) -> None:
        """Stop the API, and close all connections."""
        self._running.close()
        self._client = self._settings = None
        forget_clients()


def guarded_app() -> FastAPI:
    """Return the API that asks everybody who he is, one for all tests: to make its routes takes longest."""
    made = _guarded_app()
    made.middleware_stack = None  # which is made by the settings at the first call
    return made


@cache
def _guarded_app() -> FastAPI:
    from app.main import create_app

    return create_app()


def forget_clients() -> None:
    """Close the app's connections, also those of a module's fixture; the next settings count for new ones."""
    database.close()
    redis().close()
    caches: tuple[Any, ...] = (settings, database.cached_engine, redis)
    for each in caches:
        each.cache_clear()
