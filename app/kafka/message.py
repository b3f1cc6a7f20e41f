"""A message of the topic, and the item of the batch call that the consumer makes of it."""

import json
from typing import Any, NamedTuple, Self

from confluent_kafka import Message
from pydantic_core import from_json, to_json

from app.core.tracing import is_on, valid_traceparent
from app.kafka.accounts import bind_account
from app.topics.headers import InvalidMessage, read_headers
from app.topics.position import KEY_HEADER, Partition, TopicPartitionOffset, key_of_position

_OVERHEAD = 1_000  # bytes of memory that a message takes besides its value and its item, roughly


class BufferedMessage(NamedTuple):
    """A message in the consumer's memory, with its item of the batch call or the reason why it has none."""

    message: Message
    partition: Partition
    offset: int
    size: int  # bytes of memory that it takes, roughly
    item: bytes | None  # JSON
    error: str  # `code: text`, or empty if there is an item

    @classmethod
    def of(cls, message: Message, max_item: int) -> Self:
        """Make the message's item, of at most `max_item` bytes."""
        position = TopicPartitionOffset.of(message)
        item, error = None, ""
        try:
            item = to_item(message, max_item)
        except InvalidMessage as invalid:
            error = f"{invalid.code}: {invalid}"
        size = _OVERHEAD + len(message.value() or b"") + len(item or b"")
        return cls(message, position[:2], position.offset, size, item, error)


def to_item(message: Message, max_size: int) -> bytes:
    """Return the message as an item of `POST /api/v1/dns/batch`: JSON of at most `max_size` bytes.

    Sets `idempotency_key`, and the account where the message need not name it; everything else stays as it
    is, for the API to validate. Raises InvalidMessage, also where it may not speak for the account it names.
    """
    body = _decode_object(message, max_size)
    bind_account(body, message)
    if "idempotency_key" in body:
        raise InvalidMessage("message_field_reserved", f"the idempotency key belongs in header {KEY_HEADER}")
    body["idempotency_key"] = idempotency_key(message)
    if trace := traceparent(message):
        body["traceparent"] = trace
    return _encode(body, max_size)


def idempotency_key(message: Message) -> str:
    """Return the key from the sender's header, or else one made of the message's position.

    A message that is delivered again has the same key, so it never becomes a second request. The timestamp
    (ms) is part of the key because offsets start at 0 again when a topic is deleted and created anew.
    Raises InvalidMessage if the header is not UTF-8.
    """
    given = [value for name, value in read_headers(message) if name == KEY_HEADER and value]
    if not given:
        _, timestamp = message.timestamp()
        return key_of_position(str(TopicPartitionOffset.of(message)), str(timestamp))
    try:
        return given[-1].decode()
    except UnicodeDecodeError as error:
        raise InvalidMessage("idempotency_key_invalid", f"header {KEY_HEADER} is not UTF-8") from error


def traceparent(message: Message) -> str | None:
    """Return the trace to which its sender says that it belongs, where traces are made."""
    if not is_on():
        return None
    given = [value for name, value in read_headers(message) if name == "traceparent" and value]
    return valid_traceparent(given[-1].decode("latin-1")) if given else None


def _decode_object(message: Message, max_size: int) -> dict[str, Any]:
    value = message.value()
    if not value:
        raise InvalidMessage("message_empty", "the message has no value")
    if len(value) > max_size:
        raise _too_large(len(value), max_size)
    try:
        body = from_json(value, allow_inf_nan=False)  # a third of the standard library's time, but stricter
    except ValueError:
        body = _decode_with_stdlib(value)
    if not isinstance(body, dict):
        raise InvalidMessage("message_not_an_object", "the value is JSON, but not an object")
    return body


def _decode_with_stdlib(value: bytes) -> Any:
    """Decode what pydantic-core refuses. Raises InvalidMessage, which says where the value is wrong."""
    try:
        return json.loads(value.decode())
    except UnicodeDecodeError as error:
        raise InvalidMessage("message_not_utf8", f"the value is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise InvalidMessage("message_not_json", f"{error.msg} at character {error.pos}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or nested too deep
        raise InvalidMessage("message_not_json", "a number is too long or the nesting too deep") from error


def _encode(item: dict[str, Any], max_size: int) -> bytes:
    try:
        encoded = to_json(item)
    except ValueError:
        encoded = _encode_with_stdlib(item)
    if b"Infinity" in encoded or b"NaN" in encoded:  # in a text, or written for a number such as 1e999
        encoded = _encode_with_stdlib(item)
    if len(encoded) > max_size:
        raise _too_large(len(encoded), max_size)
    return encoded


def _encode_with_stdlib(item: dict[str, Any]) -> bytes:
    """Encode what pydantic-core refuses or writes wrongly. Raises InvalidMessage."""
    try:
        return json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:  # Python reads it as JSON, but RFC 8259 does not allow it
        raise InvalidMessage(
            "message_not_json", "the value contains NaN, Infinity or an unpaired surrogate"
        ) from error


def _too_large(size: int, max_size: int) -> InvalidMessage:
    return InvalidMessage("message_too_large", f"{size} bytes; a request has at most {max_size}")
