"""Bodies that no call takes: too large, of another kind, or not JSON. Every call answers them alike."""

import re
from itertools import product

import pytest
from fastapi import Request, Response
from fastapi.testclient import TestClient
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint

from tests.support.answers import codes
from tests.support.builders import body

JSON = {"Content-Type": "application/json"}
LARGE = 16 * 1024 * 1024 + 1  # bytes: more than any call takes
ID = "01a214f3-1395-7013-b68e-65b8c60a81c8"
WITHOUT = [  # calls whose body may be left out
    ("POST", f"/api/v1/dns/requests/{ID}/undo"),
    ("POST", f"/api/v1/dns/plans/{ID}/apply"),
    ("POST", f"/api/v1/dns/requests/{ID}/approve"),
    ("POST", f"/api/v1/dns/requests/{ID}/reject"),
    ("POST", "/api/v1/zones/example.test/drift/adopt"),
    ("POST", "/api/v1/zones/example.test/drift/restore"),
    ("POST", "/api/v1/zones/example.test/drift/check"),
    ("DELETE", "/api/v1/zones/example.test/rrsets/example.test/A"),
]
CALLS = [
    *WITHOUT,
    ("POST", "/api/v1/dns/create"),
    ("POST", "/api/v1/dns/update"),
    ("POST", "/api/v1/dns/upsert"),
    ("POST", "/api/v1/dns/delete"),
    ("POST", "/api/v1/dns/batch"),
    ("POST", "/api/v1/dns/plan"),
    ("POST", "/api/v1/dns/requests/cancel"),
    ("POST", "/api/v1/dns/requests/retry"),
    ("POST", "/api/v1/zones"),
    ("PATCH", "/api/v1/zones/example.test"),
    ("POST", "/api/v1/zones/example.test/rollback"),
    ("PUT", "/api/v1/zones/example.test/rrsets/example.test/A"),
    ("POST", "/api/v1/access/explain"),
    ("POST", "/api/v1/access/grants"),
    ("POST", "/api/v1/access/tokens"),
    ("POST", "/api/v1/access/transfers"),
    ("PUT", "/api/v1/access/quotas/team-a"),
    ("POST", "/api/v1/webhooks"),
    ("PATCH", f"/api/v1/webhooks/{ID}"),
]
NOT_JSON = [
    b"",
    b"{",
    b"nonsense",
    b"\xff\xfe",
    b'{"a": NaN}',
    b'"\\ud800"',
    b'{"\\ud800": 1}',
    b"[" * 500 + b"]" * 500,
]


def test_no_call_with_a_body_is_left_out() -> None:
    from app.main import app

    def with_values(path: str) -> str:
        path = re.sub(r"\{\w+_id\}", ID, path)
        path = path.replace("{account}", "team-a").replace("{record_type}", "A")
        return re.sub(r"\{(name|zone)\}", "example.test", path)

    documented = {
        (method.upper(), with_values(path))
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation
    }
    assert documented == {*CALLS, ("POST", "/api/v1/zones/example.test/import")}  # which takes master files


def test_a_body_that_is_too_large(client: TestClient) -> None:
    for call in CALLS:
        answer = client.request(*call, content=b" " * LARGE, headers=JSON)
        assert answer.status_code == 413, call
        assert isinstance(answer.json()["detail"], str)


def test_a_body_of_another_kind(client: TestClient) -> None:
    for call in CALLS:
        answer = client.request(*call, content=b"{}", headers={"Content-Type": "text/plain"})
        assert answer.status_code == 415, call
        assert isinstance(answer.json()["detail"], str)


def test_a_body_that_is_not_json(client: TestClient) -> None:
    for call, raw in product(CALLS, NOT_JSON):
        if not raw and call in WITHOUT:
            continue
        answer = client.request(*call, content=raw, headers=JSON)
        assert answer.status_code == 422, (call, raw)
        found = [(reason["loc"], reason["type"]) for reason in answer.json()["detail"]]
        assert found == [(["body"], "json_invalid")], (call, raw)


def test_a_change_is_smaller_than_a_batch(client: TestClient) -> None:
    answer = client.post("/api/v1/dns/create", content=b"x" * 1_000_000, headers=JSON)
    assert answer.status_code == 413
    assert isinstance(answer.json()["detail"], str)


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


@pytest.mark.parametrize(
    "media_type", ["application/problem+json", "text/x+json", "application/json; charset=utf-8"]
)
def test_every_way_to_announce_json(client: TestClient, media_type: str) -> None:
    for call in CALLS:
        answer = client.request(*call, content=b"[]", headers={"Content-Type": media_type})
        assert "model_type" in codes(answer), call


def test_limits_are_the_same_behind_a_path_of_a_proxy(client: TestClient, new_zone: str) -> None:
    items = [body(new_zone, f"h{number}", action="create") for number in range(3_000)]
    with TestClient(client.app, root_path="/behind") as proxied:
        answer = proxied.post("/behind/api/v1/dns/batch", json={"requests": items})
    assert answer.status_code == 207, answer.text


@pytest.mark.thorough
def test_limits_hold_below_a_middleware_that_reads_bodies_in_tasks_of_its_own(client: TestClient) -> None:
    from app.main import create_app

    async def hand_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)

    app = create_app()
    app.add_middleware(BaseHTTPMiddleware, dispatch=hand_on)
    with TestClient(app) as around:
        for call in CALLS:
            assert around.request(*call, content=b" " * LARGE, headers=JSON).status_code == 413, call
