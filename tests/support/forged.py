"""Messages that somebody has written into Redis who is not the API: none is a kick."""

import json
import pickle
import uuid
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from app.core.celery_app import DRAIN, QUEUE


def message(
    arguments: object = ("some.test",),
    *,
    body: bytes | None = None,
    content_type: str = "application/json",
    named: Mapping[str, object] | None = None,
    embed: Mapping[str, object] | None = None,
    **headers: object,
) -> dict[str, Any]:
    """A message as Celery writes them, with these arguments of the task and these headers."""
    content = json.dumps([arguments, named or {}, embed or {}]).encode() if body is None else body
    name = str(uuid.uuid4())
    return {
        "body": b64encode(content).decode(),
        "content-encoding": "utf-8",
        "content-type": content_type,
        "headers": {"lang": "py", "task": DRAIN, "id": name, "root_id": name} | headers,
        "properties": {
            "correlation_id": name,
            "delivery_tag": name,
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "body_encoding": "base64",
        },
    }


_CALL = {"task": DRAIN, "args": ["other.test"], "kwargs": {}, "options": {}}
# What is made a plain kick: what the sender has added does not count.
STRIPPED = {
    "later": message(eta="2999-01-01T00:00:00+00:00"),
    "no_time": message(eta="tomorrow", expires=[]),
    "limits": message(timelimit=[0.001, "abc"], retries="x"),
    "strange_id": message(id=["a"], root_id={}),
    "others": message(embed={"callbacks": [_CALL], "errbacks": [_CALL], "chain": [_CALL], "chord": _CALL}),
    "named": message(named={"zone": "other.test"}),
    "packed": message(compression="application/x-gzip"),
    "coded": message() | {"content-encoding": "rot13"},
    "without_properties": message() | {"properties": None},
}
REFUSED: Mapping[str, Any] = {
    "list": [],
    "number": 5,
    "empty": {},
    "nulls": {"body": None, "headers": None, "properties": None},
    "no_base64": message() | {"body": "!!!"},
    "pickle": message(
        body=pickle.dumps([("some.test",), {}, {}]), content_type="application/x-python-serialize"
    ),
    "yaml": message(content_type="application/x-yaml"),
    "unknown_task": message(task="os.system"),
    "celery_s_own_task": message([DRAIN, [["a.test"]] * 3], task="celery.starmap"),
    "no_name": message(task={}),
    "first_protocol": message(
        body=json.dumps({"task": DRAIN, "id": "1", "args": ["a.test"]}).encode(), task=1
    ),
    "too_many_arguments": message([1, 2, 3]),
    "no_argument": message([]),
    "an_object": message([{"a": 1}]),
    "nul": message(["a\0b"]),
    "line": message(["a.test\nb"]),
    "no_zone": message([""]),
    "huge": message(["x" * 5_000_000]),
    "deep": message(body=b"[" * 6_000),
    "deeper": message(body=b"[" * 100_000),
    "no_list": message(body=b"5"),
    "short": message(body=b"[]"),
    "no_json": message(body=b"{{{"),
}
# What is no JSON at all.
GARBAGE = (b"garbage", b"", b"\xff\xfe", b"[" * 200_000, b'{"__type__": "uuid", "__value__": 5}', b"null")
COMMANDS = (
    "shutdown",
    "pool_restart",
    "add_consumer",
    "cancel_consumer",
    "revoke",
    "rate_limit",
    "conf",
    "hello",
)


def command(method: object, **fields: object) -> dict[str, Any]:
    """A message to all workers as Celery writes them."""
    body = {"method": method, "arguments": {}, "destination": None} | fields
    sent = message(body=json.dumps(body).encode())
    return sent | {"headers": {"clock": 1}}
