"""Bodies that are too large, or that can't be read."""

import pytest
from fastapi.testclient import TestClient

from tests.support.answers import codes

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"nonsense", b"\xff\xfe", b'{"a": NaN}', b'"\\ud800"', b"[" * 500 + b"]" * 500],
)
def test_what_is_not_json_is_refused(client: TestClient, raw: bytes) -> None:
    assert codes(client.post("/api/v1/dns/create", content=raw, headers=JSON)) == {"json_invalid"}
    assert codes(client.post("/api/v1/dns/batch", content=raw, headers=JSON)) == {"json_invalid"}


@pytest.mark.parametrize(
    "raw", [b"[]", b"5", b"null", b'"text"', b'{"context": [], "resource": {"domain": {}}}']
)
def test_json_of_another_shape_is_refused(client: TestClient, raw: bytes) -> None:
    assert codes(client.post("/api/v1/dns/create", content=raw, headers=JSON)) & {"model_type", "missing"}


def test_numbers_that_no_database_holds_are_refused(client: TestClient, new_zone: str) -> None:
    raw = (
        b'{"context": {"account_id": "a"}, "resource": {"record_type": "A", "target": "192.0.2.1",'
        b'"domain": "www.%b", "config": {"extra_config": {"x": 1e999}}}}' % new_zone.encode()
    )
    assert codes(client.post("/api/v1/dns/create", content=raw, headers=JSON)) == {"number_not_finite"}


def test_a_large_body_is_413(client: TestClient) -> None:
    answer = client.post("/api/v1/dns/create", content=b"x" * 1_000_000, headers=JSON)
    assert answer.status_code == 413
    assert isinstance(answer.json()["detail"], str)


def test_another_content_type_is_415(client: TestClient) -> None:
    answer = client.post("/api/v1/dns/create", content=b"{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 415
