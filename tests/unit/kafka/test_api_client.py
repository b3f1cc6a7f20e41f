"""The client of the batch call over real HTTP, against every way in which a call can go wrong."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from app.kafka.api_client import ApiClient
from app.kafka.retry import ApiFailed, RetryLater
from tests.support.kafka.broker import free_port
from tests.support.kafka.fake_api import FakeApi, Reply, accept, fake_api


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as running:
        yield running


def submit(
    api: FakeApi,
    items: list[Any],
    *,
    split_failed: bool = False,
    max_items: int = 10_000,
    max_bytes: int = 16 * 1024 * 1024,
) -> list[tuple[int, str]]:
    """The status and the first reason's code for each item."""
    client = ApiClient(api.url.removesuffix("/create") + "/batch", max_items, max_bytes)
    try:
        encoded = [json.dumps(item).encode() for item in items]
        results = client.submit_batch(encoded, split_failed=split_failed)
    finally:
        client.close()
    return [(result.status_code, result.reasons[0].type) for result in results]


def test_each_item_has_its_result(api: FakeApi) -> None:
    reason = {"loc": ["body", "resource"], "msg": "no", "type": "rdata_invalid"}
    results = [
        {"index": 0, "status_code": 202, "request": {"id": "x"}},
        {"index": 1, "status_code": 422, "errors": [reason]},
        {"index": 2, "status_code": 409},
    ]
    api.answer = lambda _: Reply(207, {"results": results})
    assert submit(api, [1, 2, 3]) == [(202, "api_refused"), (422, "rdata_invalid"), (409, "api_refused")]
    assert api.calls == [[1, 2, 3]]


def test_nothing_to_submit_is_no_call(api: FakeApi) -> None:
    assert submit(api, []) == []
    assert api.calls == []


def test_a_call_stays_below_the_limits(api: FakeApi) -> None:
    items = ["x" * (number % 90) for number in range(200)]
    submit(api, items, max_bytes=1000, max_items=15)
    assert [item for call in api.calls for item in call] == items
    assert max(api.sizes) <= 1000
    assert max(len(call) for call in api.calls) == 15


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_call_that_is_refused_as_a_whole_is_halved_down_to_the_one_to_blame(
    api: FakeApi, status: int
) -> None:
    api.answer = lambda items: Reply(status) if "bad" in items else accept(items)
    results = submit(api, ["good"] * 5 + ["bad"] + ["good"] * 7)
    assert [code for code, _ in results] == [202] * 5 + [status] + [202] * 7
    assert results[5][1] == ("message_too_large" if status == 413 else "api_refused")


def test_a_call_on_which_the_api_fails_is_halved_if_asked_to(api: FakeApi) -> None:
    api.answer = lambda items: Reply(500) if "bad" in items else accept(items)
    items = ["good"] * 5 + ["bad"] + ["good"] * 7
    with pytest.raises(ApiFailed):
        submit(api, items)
    assert len(api.calls) == 1
    results = submit(api, items, split_failed=True)
    assert [code for code, _ in results] == [202] * 5 + [500] + [202] * 7


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_call_that_the_api_may_accept_later_is_not_halved(api: FakeApi, status: int) -> None:
    api.answer = lambda _: Reply(status)
    with pytest.raises(RetryLater) as caught:
        submit(api, ["one", "two"], split_failed=True)
    assert not isinstance(caught.value, ApiFailed)
    assert len(api.calls) == 1


def test_the_reasons_of_a_refused_call_are_kept(api: FakeApi) -> None:
    detail = [{"loc": ["body"], "msg": "not JSON", "type": "json_invalid"}]
    api.answer = lambda _: Reply(422, {"detail": detail})
    assert submit(api, ["one"]) == [(422, "json_invalid")]


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405, 415, 429, 500, 502, 503, 504])
def test_after_any_other_answer_the_call_is_to_be_retried_later(api: FakeApi, status: int) -> None:
    api.answer = lambda _: Reply(status, {"detail": "no"})
    with pytest.raises(RetryLater, match=str(status)):
        submit(api, ["one"])
    assert len(api.calls) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17.0),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("٣", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_the_api_may_say_when_to_retry(api: FakeApi, value: str, seconds: float | None) -> None:
    api.answer = lambda _: Reply(503, headers={"Retry-After": value.encode().decode("latin-1")})
    with pytest.raises(RetryLater) as caught:
        submit(api, ["one"])
    assert caught.value.retry_after == seconds


def test_the_api_may_say_when_to_retry_as_a_date(api: FakeApi) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    api.answer = lambda _: Reply(503, headers={"Retry-After": date})
    with pytest.raises(RetryLater) as caught:
        submit(api, ["one"])
    assert caught.value.retry_after == pytest.approx(60, abs=3)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(207, raw=b"<html>"),
        Reply(207, {"results": None}),
        Reply(207, {"results": [{"index": 0, "status_code": 202}]}),
        Reply(207, {"results": [{"index": at, "status_code": 202} for at in (1, 0)]}),
        Reply(200, {"status": "ok"}),
        Reply(207, raw=b""),
    ],
)
def test_a_response_that_does_not_fit_the_items_is_not_used(api: FakeApi, reply: Reply) -> None:
    api.answer = lambda _: reply
    with pytest.raises(RetryLater):
        submit(api, ["one", "two"])


def test_without_an_api_the_call_is_to_be_retried_later() -> None:
    with pytest.raises(RetryLater, match="ConnectError"):
        submit(FakeApi(free_port()), ["one"])
