"""What every answer has, whichever part of the API gives it; and which pages may call."""

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Route

from app.core.config import Settings
from tests.support.settings import SetSettings

CONSOLE = "https://console.example.net"
OF_CALLS = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
OF_SHOWN = OF_CALLS | {
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
LAYERS_OF_FASTAPI = {  # those that the front stands for, and those that it has itself
    "ServerErrorMiddleware",
    "ExceptionTelemetryMiddleware",
    "AppBodyLimitMiddleware",
    "ExceptionMiddleware",
    "AsyncExitStackMiddleware",
}
CORS = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-expose-headers",
]


@pytest.fixture
def app(app_settings: Settings, set_settings: SetSettings) -> FastAPI:
    """An API that asks everybody who he is, behind a proxy; one of its calls is broken."""
    set_settings(
        AUTH="required", CORS_ORIGINS=CONSOLE, TRUSTED_PROXIES="192.0.2.1", PUBLIC_URL="http://dns.internal"
    )
    made = _app()
    made.middleware_stack = None  # which is made at the first call
    return made


@cache
def _app() -> FastAPI:
    """The API for all tests, whose settings are the same: to make its routes takes longest."""
    from app.main import create_app

    made: FastAPI = create_app()
    made.router.routes.insert(0, _broken())
    return made


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, raise_server_exceptions=False, client=("192.0.2.1", 1)) as client:
        yield client


def _broken() -> Route:
    async def broken(_: object) -> None:
        raise RuntimeError("a mistake of ours")

    return Route("/healthz", broken)


def test_every_answer_has_them_those_to_errors_too(client: TestClient) -> None:
    for path, status in {"/readyz": 200, "/api/v1/access/me": 401, "/nowhere": 401, "/healthz": 500}.items():
        answer = client.get(path)
        assert (answer.status_code, answer.headers.items() >= OF_SHOWN.items()) == (status, True), path
        assert "strict-transport-security" not in answer.headers
    rebound = client.get("/readyz", headers={"Host": "rebind.example.net"})
    assert (rebound.status_code, rebound.headers.items() >= OF_SHOWN.items()) == (421, True)
    assert {len(rebound.headers.get_list(name)) for name in OF_SHOWN} == {1}


def test_what_no_browser_shows_needs_fewer(client: TestClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = client.request(method, "/api/v1/dns/create")
        assert (answer.status_code, answer.headers.items() >= OF_CALLS.items()) == (401, True), method
        assert not answer.headers.keys() & (OF_SHOWN.keys() - OF_CALLS.keys()), method


def test_a_release_of_fastapi_with_another_layer_needs_a_look() -> None:
    found, layer = set(), FastAPI().build_middleware_stack()
    while not isinstance(layer, APIRouter):
        found.add(type(layer).__name__)
        layer = layer.app  # type: ignore[attr-defined]
    assert found == LAYERS_OF_FASTAPI


def test_over_tls_browsers_are_to_stay_there(client: TestClient) -> None:
    answer = client.get("/readyz", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    away = client.get("/readyz/", headers={"X-Forwarded-Proto": "https"}, follow_redirects=False)
    assert away.status_code == 401  # asked who it is before it is led anywhere


def test_a_page_of_an_origin_that_is_named_may_call(client: TestClient) -> None:
    asked = {"Origin": CONSOLE, "Access-Control-Request-Method": "POST"}
    allowed = client.options(
        "/api/v1/dns/create",
        headers=asked | {"Access-Control-Request-Headers": "authorization,idempotency-key"},
    )
    assert (allowed.status_code, allowed.headers[CORS[0]]) == (200, CONSOLE)
    answer = client.get("/api/v1/access/me", headers={"Origin": CONSOLE})
    assert (answer.status_code, answer.headers[CORS[0]], answer.headers["vary"]) == (401, CONSOLE, "Origin")
    assert "Location" in answer.headers[CORS[3]]
    assert CORS[1] not in allowed.headers.keys() | answer.headers.keys()


def test_behind_a_proxy_that_hands_on_another_host_our_own_pages_may_call(client: TestClient) -> None:
    """Without TLS a browser says the origin alone."""
    ours, others = (
        client.post("/console/logout", headers={"Origin": each}, follow_redirects=False)
        for each in ("http://dns.internal", "http://dns.internal:8080")
    )
    assert (ours.status_code, others.status_code) == (303, 403)
    assert CORS[0] not in ours.headers


def test_no_other_page_may(client: TestClient) -> None:
    for origin in ("https://console.example.net.evil.test", "http://console.example.net", "null"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        refused = client.options("/api/v1/dns/create", headers=asked)
        assert (refused.status_code, CORS[0] in refused.headers) == (400, False), origin
        assert CORS[0] not in client.get("/readyz", headers={"Origin": origin}).headers, origin


def test_unless_it_is_set_no_page_may(app_settings: Settings) -> None:
    from app.main import app

    with TestClient(app) as client:
        asked = {"Origin": CONSOLE, "Access-Control-Request-Method": "GET"}
        assert client.options("/readyz", headers=asked).status_code == 405
        assert not set(CORS) & client.get("/readyz", headers=asked).headers.keys()


def test_the_documentation_loads_from_here_alone_and_runs_its_own_script(app_settings: Settings) -> None:
    from app.main import app

    with TestClient(app) as client:
        page = client.get("/docs")
        [policy] = page.headers.get_list("content-security-policy")
        scripts = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
        hashes = [b64encode(sha256(each.encode()).digest()).decode() for each in scripts]
        assert f"script-src 'self' 'sha256-{hashes[0]}';" in policy
        assert (len(hashes), "'unsafe-inline'" in policy.partition("style-src")[0]) == (1, False)
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        style = client.get("/docs/assets/swagger-ui.css")
        assert "no-store" not in style.headers.get("cache-control", "")


def test_pages_of_others_change_nothing(app_settings: Settings, set_settings: SetSettings) -> None:
    """Where nobody is asked who he is, too; browsers send such calls without asking first."""
    from app.main import create_app

    set_settings(AUTH="off")
    with TestClient(create_app()) as client:
        for path in ("requests/cancel", "plans/01a2115e-95b5-7292-b7a4-a9ebc07f21b1/apply", "create"):
            answer = client.post(f"/api/v1/dns/{path}", headers={"Origin": "https://other.example.net"})
            assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed"), path
            assert answer.headers.items() >= OF_CALLS.items()
