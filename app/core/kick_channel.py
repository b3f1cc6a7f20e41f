"""What a worker takes from Redis: kicks, and questions whether it is there. Nothing else gets to Celery.

Whoever can write to Redis can write any message. Celery would run every task that it knows, at any time and
with any time limit, and others afterwards; it obeys commands such as `shutdown`; and a message that it can't
read ends the worker. So each message is made anew of what was understood of it: the zone, or the question.
docs/decisions/0030-messages-made-anew.md
"""

import json
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from queue import Empty
from typing import Any

from kombu.transport import redis

from app.core.celery_app import DRAIN, QUEUE
from app.core.logging import get_logger

log = get_logger(__name__)

Raw = Mapping[str, Any]

QUESTIONS = frozenset({"ping", "executor"})  # that workers answer
_REPLIES = "reply.celery.pidbox"  # the exchange for answers
_MAX_BODY = 8 * 1024  # characters of base64; a kick has 200
_MAX_WORD = 1_100  # characters; a zone's name has 1,004 at most, with a backslash before each octet
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def read_kick(raw: Raw) -> str:
    """Return the zone that the message kicks. Raises one of several errors if it is no kick."""
    if raw["headers"]["task"] != DRAIN or raw["content-type"] != "application/json":
        raise ValueError("it is no kick")
    [[zone], *_] = _body(raw)
    return _word(zone)


def read_question(raw: Raw) -> dict[str, Any]:
    """Return the question that the message asks. Raises one of several errors if it asks none."""
    body = _body(raw)
    if body["method"] not in QUESTIONS:
        raise ValueError(f"workers do not obey {body['method']!r}")
    ticket, reply_to = body.get("ticket"), body.get("reply_to")
    return {
        "method": body["method"],
        "arguments": {},
        "destination": [_word(each) for each in body.get("destination") or ()] or None,
        "ticket": ticket and _word(ticket),
        "reply_to": reply_to and {"exchange": _REPLIES, "routing_key": _word(reply_to["routing_key"])},
    }


def made_anew(raw: Any) -> Raw:
    """Return a message of ours that says the same; or one that no worker heeds, if we can't tell what."""
    try:
        if "task" in raw["headers"]:
            return _message(_kick_headers(), [[read_kick(raw)], {}, {}])
        return _message({}, read_question(raw))
    except _UNREADABLE as error:
        log.warning(
            "message refused: it is no kick. Who else can write to Redis?",
            error=f"{type(error).__name__}: {error}"[:200],
        )
        return _message({}, {"method": "nothing", "destination": ["nobody"]})


class KickMessage(redis.Channel.Message):  # type: ignore[misc]
    """A message as we understand it."""

    def __init__(self, payload: Any, channel: Any = None, **named: Any) -> None:
        super().__init__(made_anew(payload), channel, **named)


class KickChannel(redis.Channel):  # type: ignore[misc]
    """A worker's channel."""

    Message = KickMessage

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for command, read in list(self.handlers.items()):
            self.handlers[command] = _unless_unreadable(read)


def install() -> None:
    """Let this process take nothing else from Redis. It is a worker's: answers to questions are no kicks."""
    redis.Transport.Channel = KickChannel


def _unless_unreadable(read: Callable[..., object]) -> Callable[..., object]:
    def read_or_refuse(**options: Any) -> object:
        try:
            return read(**options)
        except _UNREADABLE:
            log.warning("message refused: it can't be read. Who else can write to Redis?", exc_info=True)
            raise Empty from None

    return read_or_refuse


def _body(raw: Raw) -> Any:
    body = raw["body"]
    if len(body) > _MAX_BODY:
        raise ValueError(f"it has {len(body)} characters")
    return json.loads(b64decode(body, validate=True))


def _word(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= _MAX_WORD:
        raise ValueError("it has something else where a name belongs")
    return value


def _kick_headers() -> dict[str, Any]:
    name = str(uuid.uuid4())
    return {"lang": "py", "task": DRAIN, "id": name, "root_id": name, "retries": 0, "timelimit": [None, None]}


def _message(headers: Mapping[str, Any], body: Any) -> Raw:
    return {
        "body": b64encode(json.dumps(body).encode()).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": headers,
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
        },
    }
