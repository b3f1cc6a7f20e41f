"""From a message to an item of the batch call."""

import json
from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, Message
from hypothesis import given, settings
from hypothesis import strategies as st

from app.kafka.message import to_item
from app.topics.headers import InvalidMessage
from app.topics.position import MAX_KEY, key_of_position
from tests.support.thoroughly import examples

BODY = {"context": {"account_id": "team-a"}, "resource": {"domain": "ü.example.test"}}
LIMIT = 10_000


def message(value: bytes | None, headers: list[tuple[str, bytes | None]] | None = None) -> Message:
    return Message(
        topic="requests",
        partition=3,
        offset=17,
        key=b"key",
        value=value,
        headers=headers,  # type: ignore[arg-type]
        timestamp=(TIMESTAMP_CREATE_TIME, 1_700_000_000_000),
    )


def item(body: Any, headers: list[tuple[str, bytes | None]] | None = None) -> Any:
    return json.loads(to_item(message(json.dumps(body).encode(), headers), LIMIT))


def test_the_body_goes_through_with_a_key() -> None:
    assert item(BODY) == {
        "context": {"account_id": "team-a"},
        "resource": BODY["resource"],
        "idempotency_key": "requests:3:17:1700000000000",
    }


def test_the_sender_says_what_the_source_is() -> None:
    assert item(BODY | {"context": {"source": "billing"}})["context"] == {"source": "billing"}


@pytest.mark.parametrize(
    "body", [{}, {"surplus": 1}, {"context": None}, {"context": ["x"]}, {"action": "explode"}]
)
def test_what_the_api_must_judge_goes_through(body: dict[str, Any]) -> None:
    assert item(body) == body | {"idempotency_key": "requests:3:17:1700000000000"}


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ([("idempotency-key", b"mine")], "mine"),
        ([("idempotency-key", b"first"), ("other", b"x"), ("idempotency-key", b"last")], "last"),
        ([("idempotency-key", b"")], "requests:3:17:1700000000000"),
        ([("idempotency-key", None)], "requests:3:17:1700000000000"),
        ([("idempotency-key", "ключ".encode())], "ключ"),
    ],
)
def test_the_idempotency_key(headers: list[tuple[str, bytes | None]], key: str) -> None:
    assert item(BODY, headers)["idempotency_key"] == key


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "message_empty"),
        (b"", "message_empty"),
        (b"\xff", "message_not_utf8"),
        (json.dumps(BODY).encode("utf-16"), "message_not_utf8"),
        (b" ", "message_not_json"),
        (b"{} {}", "message_not_json"),
        (b'{"a": NaN}', "message_not_json"),
        (b'{"a": -Infinity}', "message_not_json"),
        (b'{"a": 1e999}', "message_not_json"),
        (b'{"a": "\\ud800"}', "message_not_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "message_not_json"),
        (b'{"a": ' + b"[" * 4000 + b"]" * 4000 + b"}", "message_not_json"),
        (b"null", "message_not_an_object"),
        (b'"text"', "message_not_an_object"),
        (b"[]", "message_not_an_object"),
        (b'{"idempotency_key": "x"}', "message_field_reserved"),
        (b"x" * (LIMIT + 1), "message_too_large"),
        (json.dumps({"a": "x" * (LIMIT - 20)}).encode(), "message_too_large"),
    ],
)
def test_what_is_no_request_is_refused_with_its_code(value: bytes | None, code: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        to_item(message(value), LIMIT)
    assert caught.value.code == code


def test_a_key_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InvalidMessage) as caught:
        item(BODY, [("idempotency-key", b"\xff")])
    assert caught.value.code == "idempotency_key_invalid"


@settings(max_examples=examples(4))  # large ones
@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none()
            | st.booleans()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.integers()
            | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ),
    )
)
def test_nothing_is_lost_on_the_way(body: dict[str, Any]) -> None:
    body = {key: value for key, value in body.items() if key not in ("context", "idempotency_key")}
    value = json.dumps(body).encode()
    if len(value) < LIMIT - 100:
        expected = body | {"idempotency_key": "requests:3:17:1700000000000"}
        assert json.loads(to_item(message(value), LIMIT)) == expected


@pytest.mark.parametrize("text", ["Infinity", "NaN", "\u2028", "\x7f", "\0"])
def test_odd_texts_go_through(text: str) -> None:
    assert item({"a": text, text: 1}) == {
        "a": text,
        text: 1,
        "idempotency_key": "requests:3:17:1700000000000",
    }


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_comes_is_an_item_or_refused(value: bytes) -> None:
    try:
        encoded = to_item(message(value), LIMIT)
    except InvalidMessage:
        return
    assert len(encoded) <= LIMIT
    assert json.loads(encoded)["idempotency_key"]


def test_the_key_of_a_position_in_a_topic_with_a_long_name_is_one_that_the_api_takes() -> None:
    short, long = (key_of_position(f"{'t' * length}:5:17", "1700000000000") for length in (50, 249))
    assert short == f"{'t' * 50}:5:17:1700000000000"
    assert len(long) <= MAX_KEY
    assert long.endswith(":5:17:1700000000000")
    assert long != key_of_position(f"{'t' * 248}u:5:17", "1700000000000")
