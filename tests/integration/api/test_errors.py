"""Answers to errors that are not the client's."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core import database
from app.core.database import transaction
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
