"""Settings for one test, given as processes get them: in environment variables."""

import os
from typing import Protocol

import pytest

from app.core.config import Settings, settings

_read: tuple[dict[str, str], Settings] | None = None


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


def current_settings() -> Settings:
    """Let the settings of the environment count, and return them.

    They are read (5 ms) only if the environment is not as it was, or others have been read since.
    """
    global _read
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    is_read = bool(settings.cache_info().currsize)
    if not is_read or _read is None or _read[0] != environment or _read[1] is not settings():
        settings.cache_clear()
        _read = environment, settings()
    return settings()
