"""Real servers for the tests, started once for the session, on free ports, in a temporary directory."""

import gc
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import structlog
import typer.main
from psycopg.sql import SQL, Identifier
from xdist.remote import Producer

from app.core.config import settings
from stack.embedded import Stack
from tests.support.fuzzing import load_profile
from tests.support.scheduling import GroupScheduling, group_position
from tests.support.settings import SetSettings, settings_setter

if TYPE_CHECKING:
    from tests.support.otlp import Collector

load_profile("here", same=False)


def pytest_sessionstart() -> None:
    """Look for garbage only when all tests are collected: nothing of them is any before."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave what has been collected out of every search for garbage, since it stays; search more rarely."""
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the groups that take longest first."""
    items.sort(key=lambda item: group_position(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> GroupScheduling:
    """Give each group to one of the processes of `-n`."""
    return GroupScheduling(config, log)


@pytest.fixture(autouse=True)
def restored_log() -> Iterator[None]:
    """How a test, or a command in it, has its log written does not count for the tests after it."""
    configuration, level = structlog.get_config(), logging.root.level
    yield
    structlog.configure(**configuration)
    logging.root.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def commands_made_once() -> Iterator[None]:
    """All commands of a program are made once: typer's runner makes them anew whenever it runs one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session")
def spare_zones() -> list[str]:
    """Empty zones that BIND serves from its start, and no test uses yet: to add one takes much longer."""
    return [new_name() for _ in range(400)]


@pytest.fixture(scope="session")
def infrastructure(tmp_path_factory: pytest.TempPathFactory, spare_zones: list[str]) -> Iterator[Stack]:
    """PostgreSQL, Valkey, Kafka (Tansu) and BIND; `infrastructure.env` says where they are."""
    with Stack(tmp_path_factory.mktemp("stack"), durable=False, more_zones=tuple(spare_zones)) as stack:
        yield stack


@pytest.fixture(scope="session")
def collector() -> Iterator["Collector"]:
    """What gets the traces of `whole_system`."""
    from tests.support.otlp import running_collector  # which most of pytest's processes need not load

    with running_collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def whole_system(tmp_path_factory: pytest.TempPathFactory, collector: "Collector") -> Iterator[Stack]:
    """The servers and the app's processes for the tests of one group; where everybody may do everything."""
    from tests.support.forked_stack import ForkedStack  # as above

    settings = {
        "LOG_FORMAT": "json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    folder = tmp_path_factory.mktemp("system")
    with ForkedStack(folder, settings=settings) as stack:
        yield stack


@pytest.fixture(scope="session")
def more_name_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Knot and PowerDNS; `more_name_servers.env` says where they are."""
    with Stack(tmp_path_factory.mktemp("servers"), parts=("knot", "powerdns")) as stack:
        yield stack


def new_name() -> str:
    """A name for a zone that nobody else has."""
    return f"t-{secrets.token_hex(4)}.test"


def take_zone(stack: Stack, spare_zones: list[str]) -> str:
    """Return a spare zone; where none is left, add one."""
    if spare_zones:
        return spare_zones.pop()
    name = new_name()
    stack.add_zone(name)
    return name


@contextmanager
def temporary_database(stack: Stack, template: str = "template1") -> Iterator[str]:
    """The URL of a new database, a copy of the template; it is dropped at the end of the block."""
    url = stack.env["DATABASE_URL"]
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        create = SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(create.format(Identifier(name), Identifier(template)))
        yield f"{url.rpartition('/')[0]}/{name}"
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
def new_database(infrastructure: Stack) -> Iterator[str]:
    """The URL of an empty database that no other test uses."""
    with temporary_database(infrastructure) as url:
        yield url


@pytest.fixture
def new_zone(infrastructure: Stack, spare_zones: list[str]) -> str:
    """The name of an empty zone on BIND that no other test uses."""
    return take_zone(infrastructure, spare_zones)


@pytest.fixture
def dns_inventory(infrastructure: Stack) -> Path:
    """The Ansible inventory directory that names BIND as the backend `bind`."""
    return Path(infrastructure.env["INVENTORY"])


@pytest.fixture
def set_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[SetSettings]:
    """Sets settings for the test: `set_settings(LEASE="3")`."""
    yield settings_setter(monkeypatch)
    settings.cache_clear()


@pytest.fixture
def logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], str]:
    """Returns what was logged since the last call, even if an earlier test has configured logging."""
    monkeypatch.setattr(logging, "raiseExceptions", False)  # that test's output may be closed

    def look() -> str:
        text = caplog.text + "".join(capfd.readouterr())
        caplog.clear()
        return text

    return look
