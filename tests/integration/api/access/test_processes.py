"""Tokens and grants in several processes: what one has changed holds in each within a second."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.core.config import Settings
from stack.embedded import Stack
from tests.support import http
from tests.support.access import add_grant, bearer, make_token, prefix_of
from tests.support.api_process import TIMEOUT, Api, read_answer
from tests.support.builders import body
from tests.support.eventually import eventually

ZONE = "example.test"
WITHIN = 1.0  # seconds


@pytest.fixture(scope="module")
def started(infrastructure: Stack, module_database: str) -> Iterator[tuple[Api, Api]]:
    """Two APIs on one database, which ask everybody who he is."""
    own = {"DATABASE_URL": module_database, "AUTH": "required", "BOOTSTRAP_ZONES": f"{ZONE}=bind"}
    with ExitStack() as ending:
        apis = [Api(**(infrastructure.env | own)) for _ in range(2)]
        for api in apis:
            ending.callback(api.stop)
        for api in apis:
            api.wait()
        yield apis[0], apis[1]


@pytest.fixture
def app_database(module_database: str) -> str:
    return module_database


@pytest.fixture
def both(started: tuple[Api, Api], app_settings: Settings) -> tuple[Api, Api]:
    """The module's APIs; the test's process makes tokens and grants in their database."""
    return started


def call(api: Api, token: str, method: str = "GET", path: str = "access/me") -> int:
    answer = http.request(method, f"{api.url}/api/v1/{path}", headers=bearer(token), timeout=TIMEOUT)
    return answer.status_code


def test_what_is_revoked_is_refused_by_every_process_within_a_second(both: tuple[Api, Api]) -> None:
    admin, mine = make_token("admin"), make_token("requester", accounts=["team-a"])
    eventually(lambda: [call(api, token) for api in both for token in (admin, mine)] == [200] * 4)
    first, second = both
    assert call(first, admin, "DELETE", f"access/tokens/{prefix_of(mine)}") == 200
    assert call(first, mine) == 401
    time.sleep(WITHIN)
    assert [call(api, mine) for api in both] == [401, 401]
    assert [call(api, admin) for api in both] == [200, 200]
    assert second.process.running


def test_what_is_granted_or_made_elsewhere_holds_within_a_second(both: tuple[Api, Api]) -> None:
    def status(api: Api) -> int:
        url = f"{api.url}/api/v1/dns/create"
        return http.post(url, json=body(ZONE), headers=bearer(mine), timeout=TIMEOUT).status_code

    mine = make_token("requester", accounts=["team-a"])
    eventually(lambda: [status(api) for api in both] == [403, 403])  # 401 until they know the token
    add_grant(zone=ZONE)
    time.sleep(WITHIN)
    assert [status(api) for api in both] == [202, 202]
    add_grant("deny", names="www")
    time.sleep(WITHIN)
    assert [status(api) for api in both] == [403, 403]


def test_who_is_not_known_can_not_make_an_api_read_on(both: tuple[Api, Api]) -> None:
    api, _ = both
    with api.begin("/api/v1/dns/batch", 10**9, b"{") as client:
        answer = read_answer(client)
        assert answer.startswith(b"HTTP/1.1 401")
        client.settimeout(TIMEOUT)
        assert client.recv(1) == b""  # it has closed the connection
