"""One running system for all tests of the client, with BIND; and the client as its users have it."""

import ssl
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from typer.testing import CliRunner, Result

from dns_orchestrator import Client
from dns_orchestrator.cli import app
from stack.embedded import Stack
from stack.ports import HOST

Run = Callable[..., Result]


@pytest.fixture(scope="package", autouse=True)
def trust() -> Iterator[None]:
    """Whom TLS is to trust is read once: by each client, it is a third of what a command costs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="package")
def stack(whole_system: Stack) -> Stack:
    """A running system that asks nobody who he is."""
    return whole_system


@pytest.fixture(scope="package")
def url(stack: Stack) -> str:
    """Where its API is."""
    return f"http://{HOST}:{stack.ports.api}"


@pytest.fixture
def dns(url: str) -> Iterator[Client]:
    """A client of it."""
    with Client(url, account_id="team-a") as client:
        yield client


@pytest.fixture
def run(url: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command as its user does: `run("upsert", "www.example.test", "A", "192.0.2.1")`."""
    monkeypatch.setenv("DNS_ORCHESTRATOR_URL", url)
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path_factory.mktemp(name)))

    def invoke(*words: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, words, input=typed, catch_exceptions=False)

    return invoke
