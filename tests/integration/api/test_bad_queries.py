"""Queries for requests and records that are refused."""

import pytest
from fastapi.testclient import TestClient

from tests.support.answers import codes


@pytest.mark.parametrize("path", ["/api/v1/dns/requests", "/api/v1/dns/records"])
@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "nonsense"},
        {"cursor": "IiI"},
        {"cursor": "W10"},
        {"cursor": "\0"},
        {"cursor": "é"},
        {"limit": "0"},
        {"limit": "x"},
        {"zone": "bad..name"},
        {"account_id": "a\0"},
    ],
)
def test_a_bad_query_is_refused(client: TestClient, path: str, query: dict[str, str]) -> None:
    assert codes(client.get(path, params=query))
