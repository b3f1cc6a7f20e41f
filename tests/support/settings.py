"""Settings for one test, given as processes get them: in environment variables."""

from typing import Protocol

import pytest

from app.core.config import settings


class SetSettings(Protocol):
    """Sets environment variables for the test, and lets `settings()` read them."""

    def __call__(self, **variables: str) -> None: ...


def settings_setter(monkeypatch: pytest.MonkeyPatch) -> SetSettings:
    """Return a function that sets settings until the test ends."""

    def set_settings(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()

    return set_settings
