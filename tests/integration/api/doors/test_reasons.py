"""A small bad input makes no large answer, takes little memory, and holds up nobody."""

import json
from typing import Any

import pytest

from app.domain.reasons import MAX_BATCH_REASONS, MAX_REASONS
from tests.integration.api.doors.conftest import ZONE
from tests.support import http
from tests.support.api_process import TIMEOUT, Api, batch_of, cost
from tests.support.builders import body
from tests.support.thoroughly import thoroughly

UNKNOWN: dict[str, Any] = {f"k{number}": 0 for number in range(200_000)}  # 2.7 MB
BAD_TARGETS = [body(ZONE, target=["bad"] * 100)] * 10_000  # 7 MB
ONE, EACH, EXTRA = "unknown fields of one item", "unknown fields of each", "bad extra_config"
ALIKE = (ONE, EACH, EXTRA)
INPUTS: dict[str, list[Any]] = {
    ONE: [UNKNOWN],
    "unknown fields of its resource": [body(ZONE, **UNKNOWN)],
    EACH: [{f"k{number}": 0 for number in range(20)}] * 10_000,
    "a million bad targets": BAD_TARGETS,
    EXTRA: [body(ZONE, config={"extra_config": UNKNOWN})],
}


@pytest.mark.parametrize(
    ("name", "call"),
    [
        *((name, "batch") for name in INPUTS if name not in ALIKE),
        *(thoroughly(name, "batch") for name in ALIKE),
        *(thoroughly(name, call) for name in INPUTS for call in ("atomic", "plan")),
    ],
)
def test_of_many_items(api: Api, name: str, call: str) -> None:
    items = INPUTS[name]
    sent = batch_of(items, atomic=call == "atomic")
    path = "dns/plan" if call == "plan" else "dns/batch"
    with cost(api) as measured:
        answer = api.post(path, sent)
    assert answer.status_code == (422 if call == "atomic" else 207)
    assert len(answer.content) < 1_000_000
    assert not measured.held_up
    assert measured.memory < 100  # of which the body and its objects are a half
    assert_bounded(answer.json(), len(items))


@pytest.mark.parametrize("path", [thoroughly("dns/batch"), "dns/plan"])
def test_of_the_body_itself(api: Api, path: str) -> None:
    with cost(api) as measured:
        answer = api.post(path, json.dumps(UNKNOWN).encode())
    assert [(reason["loc"], reason["type"]) for reason in answer.json()["detail"]] == [
        (["body"], "extra_forbidden")
    ]
    assert not measured.held_up


def assert_bounded(answer: Any, number: int) -> None:
    if "detail" in answer:
        assert len(answer["detail"]) <= MAX_BATCH_REASONS + 1
        return
    given = [result["errors"] for result in answer["results"]]
    assert len(given) == number
    assert all(len(errors) <= MAX_REASONS + 1 for errors in given)
    assert sum(map(len, given)) <= 2 * MAX_BATCH_REASONS
    assert all(given) or answer["more_reasons"] > 0


@pytest.mark.parametrize(
    "path", ["dns/create", "dns/delete", "zones", "dns/requests/cancel", "dns/requests/retry"]
)
def test_of_one_call(api: Api, path: str) -> None:
    unknown = json.dumps({f"k{number}": 0 for number in range(19_000)}).encode()  # 250 KB
    with cost(api) as measured:
        for sent in (unknown, unknown[:15_000].rpartition(b",")[0] + b"}"):
            answer = api.post(path, sent)
            assert answer.status_code in (413, 422)
            assert len(answer.content) < 100_000
    assert not measured.held_up
    assert measured.memory < 50


def test_of_a_query(api: Api) -> None:
    query = "&".join(f"k{number}=0" for number in range(5_000))
    answer = http.get(f"{api.url}/api/v1/zones?{query}", timeout=TIMEOUT)
    assert answer.status_code == 422
    assert len(answer.json()["detail"]) == MAX_REASONS + 1
