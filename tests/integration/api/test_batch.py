"""Batches whose items are judged one by one."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.answers import codes
from tests.support.builders import body


def test_a_bad_item_never_sinks_the_others(client: TestClient, new_zone: str) -> None:
    items: list[Any] = [
        body(new_zone),
        5,
        body(new_zone, action="nope"),
        body(new_zone, target="nonsense"),
        body(new_zone, action="delete"),
        body(new_zone, idempotency_key=""),
    ]
    answer = client.post("/api/v1/dns/batch", json={"requests": items})
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [result["index"] for result in results] == list(range(6))
    assert [result["status_code"] for result in results] == [202, 422, 422, 422, 202, 422]
    assert ["request" in result for result in results] == [True, False, False, False, True, False]
    assert results[4]["request"]["action"] == "delete"
    assert [reason["type"] for reason in results[3]["errors"]] == ["ipv4_invalid"]


@pytest.mark.thorough
def test_ten_thousand_items(client: TestClient, new_zone: str) -> None:
    items = [body(new_zone, f"h{number}") for number in range(10_000)]
    results = client.post("/api/v1/dns/batch", json={"requests": items}).json()["results"]
    assert {result["status_code"] for result in results} == {202}
    assert [result["request"]["resource"]["domain"] for result in results] == [
        item["resource"]["domain"] for item in items
    ]


def test_one_more_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/dns/batch", json={"requests": [{}] * 10_001})
    assert codes(answer) == {"too_many_items"}


def test_an_empty_batch(client: TestClient) -> None:
    assert client.post("/api/v1/dns/batch", json={"requests": []}).json() == {"results": []}
