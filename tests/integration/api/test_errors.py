"""Answers to errors that are not the client's."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core import database
from app.core.database import transaction
from app.domain.errors import InventoryError
from app.services.zones import registry
from tests.support.builders import body


@pytest.fixture
def app_database(request: pytest.FixtureRequest) -> str:
    """The database of all tests; one of its own for who asks for it, since it alters it."""
    own = "copied_database" in request.fixturenames
    name: str = request.getfixturevalue("copied_database" if own else "emptied_database")
    return name


def alter_database(setting: str) -> None:
    with transaction() as session:
        name = session.scalar(text("SELECT current_database()"))
        session.execute(text(f"ALTER DATABASE {name} {setting}"))
    database.close()


@pytest.mark.usefixtures("copied_database")
def test_a_database_that_takes_no_writes_is_away(client: TestClient, new_zone: str) -> None:
    alter_database("SET default_transaction_read_only = on")
    answer = client.post("/api/v1/dns/create", json=body(new_zone))
    assert (answer.status_code, answer.headers.get("retry-after")) == (503, "2")
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.usefixtures("copied_database")
def test_a_mistake_of_ours_is_told_in_the_usual_shape(client: TestClient) -> None:
    with transaction() as session:
        session.execute(text("ALTER TABLE dns_records ALTER zone TYPE int USING 1"))
    browser = TestClient(client.app, raise_server_exceptions=False)
    answer = browser.get("/api/v1/dns/records", params={"zone": "example.test"})
    assert answer.status_code == 500
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.usefixtures("copied_database")
@pytest.mark.parametrize(
    "fault",
    [
        "ALTER TABLE dns_records RENAME TO elsewhere",
        "ALTER TABLE dns_records RENAME COLUMN ttl TO elsewhere",
        "SET ROLE pg_read_all_settings",
    ],
)
def test_a_schema_that_is_not_set_up_is_no_mistake_of_the_caller(client: TestClient, fault: str) -> None:
    """So the consumer waits, and makes no dead letters of a whole topic."""
    if fault.startswith("SET ROLE"):
        alter_database("SET role = pg_read_all_settings")
    else:
        with transaction() as session:
            session.execute(text(fault))
    answer = client.get("/api/v1/dns/records")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_not_set_up")


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


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/api/v1/nothing", b"", 404, "path_unknown"),
        ("GET", "/api/v1/dns/create", b"", 405, "method_not_allowed"),
        ("PUT", "/api/v1/zones", b"", 405, "method_not_allowed"),
        ("POST", "/api/v1/dns/create", b"{}", 415, "media_type_unsupported"),
        ("POST", "/api/v1/zones", b"{}", 415, "media_type_unsupported"),
        ("POST", "/api/v1/zones", b" " * 20_000, 413, "body_too_large"),
    ],
)
def test_calls_that_are_refused_as_such_have_a_code(
    client: TestClient, method: str, path: str, content: bytes, status: int, code: str
) -> None:
    media_type = "application/json" if status == 413 else "text/plain"
    answer = client.request(method, path, content=content, headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert isinstance(answer.json()["detail"], str)
    assert answer.json()["detail"] not in ("Not Found", "Method Not Allowed")
    assert ("allow" in answer.headers) == (status == 405)
