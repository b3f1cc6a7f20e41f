"""A message of the topic, and the item of the batch call that it becomes."""

import json
from typing import Any, NamedTuple, Self, cast

from confluent_kafka import Message
from pydantic_core import from_json, to_json

from app.domain.change import Source

KEY_HEADER = "idempotency-key"
_SOURCE = Source.KAFKA.value


class Place(NamedTuple):
    """Where a message lies."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def of(cls, message: Message) -> Self:
        """The place that the broker gave it."""
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        return cls(topic, partition, offset)

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


class UnreadableMessage(Exception):
    """No request can be made of the message; `code` is stable, the text is for people and quotes no value."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def to_item(message: Message, max_size: int) -> bytes:
    """The message as an item of `POST /api/v1/dns/batch`, encoded, at most `max_size` bytes.

    Whatever the message holds besides `context.source` goes through as it is: the API judges it.
    Raises UnreadableMessage for what cannot be made an item.
    """
    body = _body(message, max_size)
    if "idempotency_key" in body:
        raise UnreadableMessage(
            "message_field_reserved", f"the idempotency key belongs in header {KEY_HEADER}"
        )
    if isinstance(body.get("context"), dict):
        body["context"]["source"] = _SOURCE
    body["idempotency_key"] = idempotency_key(message)
    return _encode(body, max_size)


def idempotency_key(message: Message) -> str:
    """The sender's key from the header, or else the message's place: a redelivery is no second request.

    The timestamp (ms) tells apart two messages at one place: offsets start again when a topic is made anew.
    """
    given = [value for name, value in headers(message) if name == KEY_HEADER and value]
    if not given:
        _, timestamp = message.timestamp()
        return f"{message.topic()}:{message.partition()}:{message.offset()}:{timestamp}"
    try:
        return given[-1].decode()
    except UnicodeDecodeError as error:
        raise UnreadableMessage("idempotency_key_invalid", f"header {KEY_HEADER} is not UTF-8") from error


def headers(message: Message) -> list[tuple[str, bytes | None]]:
    """The message's headers in order; a name may come more than once.

    Raises UnreadableMessage where a name is not UTF-8: the client library cannot give us such headers.
    """
    try:
        return cast("list[tuple[str, bytes | None]]", message.headers() or [])
    except (UnicodeDecodeError, SystemError) as error:
        raise UnreadableMessage("header_not_utf8", "the name of a header is not UTF-8") from error


def _body(message: Message, max_size: int) -> dict[str, Any]:
    value = message.value()
    if not value:
        raise UnreadableMessage("message_empty", "the message has no value")
    if len(value) > max_size:
        raise _too_large(len(value), max_size)
    body = _decode(value)
    if not isinstance(body, dict):
        raise UnreadableMessage("message_not_an_object", "the value is JSON, but not an object")
    return body


def _decode(value: bytes) -> Any:
    try:
        return from_json(value, allow_inf_nan=False)  # fast, and stricter than the standard library
    except ValueError:
        return _decode_or_say_why_not(value)


def _decode_or_say_why_not(value: bytes) -> Any:
    try:
        return json.loads(value.decode())
    except UnicodeDecodeError as error:
        raise UnreadableMessage("message_not_utf8", f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise UnreadableMessage("message_not_json", f"{error.msg} at character {error.pos}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or nested too deep
        raise UnreadableMessage("message_not_json", "numbers too long or nesting too deep") from error


def _encode(item: dict[str, Any], max_size: int) -> bytes:
    try:
        encoded = to_json(item)
    except ValueError:
        encoded = _encode_or_say_why_not(item)
    if b"Infinity" in encoded or b"NaN" in encoded:  # a word in a text, or a number such as 1e999
        encoded = _encode_or_say_why_not(item)
    if len(encoded) > max_size:
        raise _too_large(len(encoded), max_size)
    return encoded


def _encode_or_say_why_not(item: dict[str, Any]) -> bytes:
    try:
        return json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:  # what Python reads as JSON, but RFC 8259 does not know
        raise UnreadableMessage("message_not_json", "holds NaN, Infinity or half a character") from error


def _too_large(size: int, max_size: int) -> UnreadableMessage:
    return UnreadableMessage("message_too_large", f"{size} bytes; a request has at most {max_size}")
