"""Queries for records that are refused; what the lists hold is tested where changes are applied."""

import pytest
from fastapi.testclient import TestClient

from tests.support.answers import codes


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
def test_a_bad_query_is_refused(client: TestClient, query: dict[str, str]) -> None:
    assert codes(client.get("/api/v1/dns/records", params=query))
