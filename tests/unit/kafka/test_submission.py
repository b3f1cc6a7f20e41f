"""How a batch gets into an API that refuses, fails on, or dies of some of its items, over real HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.retry_policy import MESSAGES
from app.kafka.api_client import ApiClient
from app.kafka.retry import ApiAway, ApiFailed, RetryLater
from app.kafka.submission import Submission
from tests.support.kafka.fake_api import BREAK, FakeApi, Reply, accept, decide, fake_api

MAX_RUNS = 3 * MESSAGES.alone_of_all


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as running:
        yield running


@pytest.fixture
def http(api: FakeApi) -> Iterator[ApiClient]:
    client = ApiClient(api.url.removesuffix("/create") + "/batch")
    yield client
    client.close()


def submission(
    http: ApiClient, items: list[Any], max_items: int = 10_000, max_bytes: int = 2**24
) -> Submission:
    return Submission(http, [json.dumps(item).encode() for item in items], max_items, max_bytes)


def outcome(sent: Submission) -> list[tuple[int, str]]:
    """Run until nothing is left; return the status and the first reason's code for each item."""
    for _ in range(MAX_RUNS):
        try:
            sent.run()
        except RetryLater:
            continue
        return [(result.status_code, result.reasons[0].type) for result in sent.results]
    pytest.fail("never")


def test_nothing_to_submit_is_no_call(api: FakeApi, http: ApiClient) -> None:
    assert outcome(submission(http, [])) == []
    assert api.calls == []


def test_a_call_stays_below_the_limits(api: FakeApi, http: ApiClient) -> None:
    items = ["x" * (number % 90) for number in range(200)]
    outcome(submission(http, items, max_items=15, max_bytes=1000))
    assert [item for call in api.calls for item in call] == items
    assert max(api.sizes) <= 1000
    assert max(len(call) for call in api.calls) == 15


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_call_that_is_refused_as_a_whole_is_halved_at_once(
    api: FakeApi, http: ApiClient, status: int
) -> None:
    api.answer = lambda items: Reply(status) if "bad" in items else accept(items)
    sent = submission(http, ["good"] * 5 + ["bad"] + ["good"] * 7)
    sent.run()
    assert [result.status_code for result in sent.results] == [202] * 5 + [status] + [202] * 7
    assert sent.results[5].reasons[0].type == ("message_too_large" if status == 413 else "api_refused")


@pytest.mark.parametrize("fault", [Reply(500), Reply(502), BREAK])
@pytest.mark.parametrize("where", [0, 5, 12])
def test_the_one_item_that_the_api_fails_on_or_dies_of_is_found(
    api: FakeApi, http: ApiClient, fault: Reply, where: int
) -> None:
    """Whoever closes the connection answers others: a call without items shows that it is there."""
    api.answer = lambda items: fault if "bad" in items else accept(items)
    items = ["good"] * 13
    items[where] = "bad"
    found = outcome(submission(http, items))
    assert found == [(500, "api_failed") if item == "bad" else (202, "api_refused") for item in items]
    accepted = [item for call in api.calls if "bad" not in call for item in call]
    assert accepted == ["good"] * 12  # each once
    assert len([call for call in api.calls if call == ["bad"]]) == MESSAGES.alone


def test_two_items_beside_each_other(api: FakeApi, http: ApiClient) -> None:
    api.answer = lambda items: BREAK if "bad" in items else accept(items)
    found = outcome(submission(http, ["good"] * 3 + ["bad"] * 2 + ["good"] * 3))
    assert [status for status, _ in found] == [202] * 3 + [500] * 2 + [202] * 3


def test_an_api_that_fails_on_everything_makes_no_heap_of_dead_letters(api: FakeApi, http: ApiClient) -> None:
    api.answer = lambda _: Reply(500)
    sent = submission(http, ["one"] * 100)
    for _ in range(MESSAGES.alone_of_all):
        with pytest.raises(ApiFailed):
            sent.run()
    api.answer = accept
    assert {status for status, _ in outcome(sent)} == {202}


def test_a_lone_item_has_time(api: FakeApi, http: ApiClient) -> None:
    api.answer = lambda _: Reply(500)
    sent = submission(http, ["one"])
    assert outcome(sent) == [(500, "api_failed")]
    assert len(api.calls) == MESSAGES.alone_of_all


def test_an_api_that_answers_nobody_is_away_and_blames_nobody(api: FakeApi, http: ApiClient) -> None:
    api.answer, api.answers_without_items = lambda _: BREAK, False
    sent = submission(http, ["one", "two"])
    with pytest.raises(ApiFailed):
        sent.run()
    for _ in range(MAX_RUNS):
        with pytest.raises(ApiAway):
            sent.run()
    api.answer, api.answers_without_items = accept, True
    assert {status for status, _ in outcome(sent)} == {202}


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405, 415, 429, 503])
def test_after_any_other_answer_the_same_call_is_repeated(api: FakeApi, http: ApiClient, status: int) -> None:
    api.answer = lambda _: Reply(status, {"detail": "no"})
    sent = submission(http, ["one", "two"])
    for _ in range(10):
        with pytest.raises(RetryLater, match=str(status)) as caught:
            sent.run()
        assert not isinstance(caught.value, ApiFailed)
    assert api.calls == [["one", "two"]] * 10


def test_an_item_that_fails_among_others_is_soon_given_up(api: FakeApi, http: ApiClient) -> None:
    api.answer = lambda items: decide([500 if item == "bad" else 202 for item in items])
    found = outcome(submission(http, ["one", "bad", "two"]))
    assert [status for status, _ in found] == [202, 500, 202]
    assert api.calls == [["one", "bad", "two"]] * MESSAGES.alone
