"""The client of the batch call over real HTTP, against every way in which a call can go wrong."""

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from app.kafka.api_client import ApiClient, CallRefused
from app.kafka.retry import ApiAway, ApiBroke, ApiFailed, RetryLater
from tests.support.certificate import issue
from tests.support.free_port import free_port
from tests.support.kafka.fake_api import BREAK, FakeApi, Reply, fake_api
from tests.support.settings import SetSettings


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as running:
        yield running


def submit(api: FakeApi, items: list[Any]) -> list[tuple[int, str]]:
    """The status and the first reason's code for each item of one call."""
    client = ApiClient(api.url.removesuffix("/create") + "/batch")
    try:
        results = client.submit([json.dumps(item).encode() for item in items])
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


def test_the_reasons_of_a_refused_call_are_kept(api: FakeApi) -> None:
    detail = [{"loc": ["body"], "msg": "not JSON", "type": "json_invalid"}]
    api.answer = lambda _: Reply(422, {"detail": detail})
    with pytest.raises(CallRefused) as caught:
        submit(api, ["one"])
    assert [reason.type for reason in caught.value.result.reasons] == ["json_invalid"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Reply(500), ApiFailed),
        (BREAK, ApiBroke),
        (Reply(502), ApiBroke),
        (Reply(504), ApiBroke),
        *[(Reply(status), RetryLater) for status in (302, 401, 403, 404, 405, 415, 429, 503)],
    ],
)
def test_what_it_means_when_there_are_no_results(api: FakeApi, fault: Reply, kind: type[RetryLater]) -> None:
    api.answer = lambda _: fault
    with pytest.raises(RetryLater) as caught:
        submit(api, ["one"])
    assert type(caught.value) is kind
    assert len(api.calls) == 1


def test_the_token_is_read_for_each_call(api: FakeApi, tmp_path: Path, set_settings: SetSettings) -> None:
    token = tmp_path / "token"
    set_settings(API_TOKEN_FILE=str(token))
    with pytest.raises(RetryLater, match="API_TOKEN_FILE"):
        submit(api, ["one"])
    for secret in ("first", "second"):
        token.write_text(f"{secret}\n")
        submit(api, ["one"])
    assert [headers["authorization"] for headers in api.headers] == ["Bearer first", "Bearer second"]


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


def test_a_connection_with_a_certificate_on_either_side(tmp_path: Path, set_settings: SetSettings) -> None:
    certificate, both = tmp_path / "certificate.pem", tmp_path / "both.pem"
    issue(certificate, both)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificate))
    tls.load_cert_chain(both)
    tls.verify_mode = ssl.CERT_REQUIRED
    with fake_api(tls=tls) as api:
        api.url = api.url.replace("http:", "https:")
        set_settings(API_CA_FILE=str(certificate))
        with pytest.raises(RetryLater):
            submit(api, ["one"])
        set_settings(API_CERTIFICATE_FILE=str(both))
        assert submit(api, ["one"]) == [(202, "api_refused")]


def test_without_an_api_the_call_is_to_be_retried_later() -> None:
    with pytest.raises(ApiAway, match=r"at http://127.0.0.1:\d+/.*refused"):
        submit(FakeApi(free_port()), ["one"])
