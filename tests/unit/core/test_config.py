"""Bad settings are refused when a process starts, not when a request needs them."""

import pytest
from pydantic import ValidationError

from app.core.config import Settings


def test_zones_with_their_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOTSTRAP_ZONES", " a.test = bind ,b.test=ns1,")
    assert Settings().bootstrap_zones == {"a.test": "bind", "b.test": "ns1"}


@pytest.mark.parametrize("value", ["a.test", "a.test=", "=bind", "a.test=bind,b.test"])
def test_a_zone_without_a_backend(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("BOOTSTRAP_ZONES", value)
    with pytest.raises(ValidationError, match="each zone needs a backend"):
        Settings()
