"""Answers when it is not the client's fault, and when it is hard to see."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core import database
from app.core.database import transaction
from tests.support.builders import body


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


def test_a_mistake_of_ours_is_told_in_the_usual_shape(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as session:
        session.execute(text("ALTER TABLE dns_records RENAME TO elsewhere"))
    monkeypatch.setattr(client._transport, "raise_server_exceptions", False)
    answer = client.get("/api/v1/dns/records")
    assert answer.status_code == 500
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("key", [b"a\0b", b"a\x01b", b"\x7f", b"", b"x" * 256])
def test_keys_that_cannot_be_kept_are_refused(client: TestClient, new_zone: str, key: bytes) -> None:
    answer = client.post("/api/v1/dns/create", json=body(new_zone), headers={b"Idempotency-Key": key})
    assert answer.status_code == 422
    assert [reason["loc"] for reason in answer.json()["detail"]] == [["header", "idempotency-key"]]
    assert client.get("/api/v1/dns/requests").json()["items"] == []


def test_a_bad_key_hides_nothing_of_what_is_wrong_with_the_body(client: TestClient) -> None:
    sent = body("nowhere.test", target="192.0.2.1000")
    answer = client.post("/api/v1/dns/update", json=sent, headers={"Idempotency-Key": "x" * 256})
    assert answer.status_code == 422
    found = [(reason["loc"], reason["type"]) for reason in answer.json()["detail"]]
    assert found == [
        (["header", "idempotency-key"], "string_too_long"),
        (["body", "resource", "target"], "ipv4_invalid"),
        (["body", "resource", "domain"], "zone_unknown"),
    ]


def test_a_bad_key_and_a_body_that_is_no_json(client: TestClient) -> None:
    headers = {"Idempotency-Key": "", "Content-Type": "application/json"}
    answer = client.post("/api/v1/dns/create", content=b"{", headers=headers)
    assert answer.status_code == 422
    found = [(reason["loc"], reason["type"]) for reason in answer.json()["detail"]]
    assert found == [(["header", "idempotency-key"], "string_too_short"), (["body"], "json_invalid")]
