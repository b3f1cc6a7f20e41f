"""A client of server-sent events, which reads them one by one."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx2

from tests.support.http import TLS

TIMEOUT = 20.0  # seconds without a byte; a comment comes every 15


class Event(NamedTuple):
    """An event as a browser gets it."""

    name: str
    data: Any
    id: str


@contextmanager
def followed(url: str, headers: Mapping[str, str], last_id: str | None = None) -> Iterator[Iterator[Event]]:
    """The events of a stream that is open during the block."""
    asked = {**headers, "Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
    with (
        httpx2.Client(timeout=TIMEOUT, verify=TLS) as client,
        client.stream("GET", url, headers=asked) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer.iter_lines())


def _events(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Event(fields["event"], json.loads(fields["data"]), fields["id"])
            fields = {}
        else:
            fields = {}
