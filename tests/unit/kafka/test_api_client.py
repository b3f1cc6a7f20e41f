"""The batch call over real HTTP, against every way in which it can go wrong."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from app.core.config import Settings
from app.kafka.api_client import BatchCall
from app.kafka.retry import Tripped, TryLater
from tests.support.kafka.broker import free_port
from tests.support.kafka.fake_api import FakeApi, Reply, accept, fake_api


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as running:
        yield running


def submit(api: FakeApi, items: list[Any], *, apart: bool = False, **limits: int) -> list[tuple[int, str]]:
    """The status and the first reason's code for each item."""
    call = BatchCall(Settings(api_url=api.url, **limits))  # type: ignore[arg-type]
    try:
        answers = call.submit([json.dumps(item).encode() for item in items], apart=apart)
    finally:
        call.close()
    return [(answer.status_code, answer.reasons[0].type) for answer in answers]


def test_each_item_has_its_answer(api: FakeApi) -> None:
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
    submit(api, items, max_batch_body=1000, max_batch_items=15)
    assert [item for call in api.calls for item in call] == items
    assert max(api.sizes) <= 1000
    assert max(len(call) for call in api.calls) == 15


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_call_that_is_refused_as_a_whole_is_halved_down_to_the_one_to_blame(
    api: FakeApi, status: int
) -> None:
    api.answer = lambda items: Reply(status) if "bad" in items else accept(items)
    answers = submit(api, ["good"] * 5 + ["bad"] + ["good"] * 7)
    assert [code for code, _ in answers] == [202] * 5 + [status] + [202] * 7
    assert answers[5][1] == ("message_too_large" if status == 413 else "api_refused")


def test_a_call_over_which_the_api_trips_is_halved_if_asked_to(api: FakeApi) -> None:
    api.answer = lambda items: Reply(500) if "bad" in items else accept(items)
    items = ["good"] * 5 + ["bad"] + ["good"] * 7
    with pytest.raises(Tripped):
        submit(api, items)
    assert len(api.calls) == 1
    answers = submit(api, items, apart=True)
    assert [code for code, _ in answers] == [202] * 5 + [500] + [202] * 7


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_call_that_comes_too_early_is_not_halved(api: FakeApi, status: int) -> None:
    api.answer = lambda _: Reply(status)
    with pytest.raises(TryLater) as caught:
        submit(api, ["one", "two"], apart=True)
    assert not isinstance(caught.value, Tripped)
    assert len(api.calls) == 1


def test_the_reasons_of_a_refused_call_are_kept(api: FakeApi) -> None:
    detail = [{"loc": ["body"], "msg": "not JSON", "type": "json_invalid"}]
    api.answer = lambda _: Reply(422, {"detail": detail})
    assert submit(api, ["one"]) == [(422, "json_invalid")]


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405, 415, 429, 500, 502, 503, 504])
def test_any_other_answer_means_later(api: FakeApi, status: int) -> None:
    api.answer = lambda _: Reply(status, {"detail": "no"})
    with pytest.raises(TryLater, match=str(status)):
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
def test_the_api_may_say_when(api: FakeApi, value: str, seconds: float | None) -> None:
    api.answer = lambda _: Reply(503, headers={"Retry-After": value.encode().decode("latin-1")})
    with pytest.raises(TryLater) as caught:
        submit(api, ["one"])
    assert caught.value.retry_after == seconds


def test_the_api_may_say_when_as_a_date(api: FakeApi) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    api.answer = lambda _: Reply(503, headers={"Retry-After": date})
    with pytest.raises(TryLater) as caught:
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
def test_an_answer_that_does_not_fit_the_items_is_no_answer(api: FakeApi, reply: Reply) -> None:
    api.answer = lambda _: reply
    with pytest.raises(TryLater):
        submit(api, ["one", "two"])


def test_no_api_means_later() -> None:
    with pytest.raises(TryLater, match="ConnectError"):
        submit(FakeApi(free_port()), ["one"])
