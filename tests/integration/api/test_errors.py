"""Answers to errors that are not the client's."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core import database
from app.core.database import transaction
from app.domain.errors import InventoryError
from app.services.zones import registry
from stack.embedded import Stack
from tests.conftest import temporary_database
from tests.support.builders import body


@pytest.fixture
def new_database(infrastructure: Stack) -> Iterator[str]:
    """A database for each test, since they alter it."""
    with temporary_database(infrastructure) as url:
        yield url


def alter_database(setting: str) -> None:
    with transaction() as session:
        name = session.scalar(text("SELECT current_database()"))
        session.execute(text(f"ALTER DATABASE {name} {setting}"))
    database.close()


def test_a_database_that_takes_no_writes_is_away(client: TestClient, new_zone: str) -> None:
    alter_database("SET default_transaction_read_only = on")
    answer = client.post("/api/v1/dns/create", json=body(new_zone))
    assert (answer.status_code, answer.headers.get("retry-after")) == (503, "2")
    assert isinstance(answer.json()["detail"], str)


def test_a_mistake_of_ours_is_told_in_the_usual_shape(client: TestClient) -> None:
    with transaction() as session:
        session.execute(text("ALTER TABLE dns_records RENAME TO elsewhere"))
    browser = TestClient(client.app, raise_server_exceptions=False)
    answer = browser.get("/api/v1/dns/records")
    assert answer.status_code == 500
    assert isinstance(answer.json()["detail"], str)


def test_an_error_that_is_meant_for_operators_is_not_told_to_clients(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise InventoryError("/etc/dns-orchestrator/hosts.yml can't be read")

    monkeypatch.setattr(registry, "list_zones", fail)
    with TestClient(client.app, raise_server_exceptions=False) as strict:
        answer = strict.get("/api/v1/zones")
    assert answer.status_code == 500
    assert "hosts.yml" not in answer.text


def test_filters_are_judged_before_the_cursor(client: TestClient) -> None:
    for path in ("/api/v1/dns/requests", "/api/v1/dns/records"):
        answer = client.get(path, params={"zone": "a..b", "cursor": "bad"})
        assert [reason["type"] for reason in answer.json()["detail"]] == ["label_empty"]
