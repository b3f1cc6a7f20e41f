"""Traces by OpenTelemetry: what one request goes through, from the door to its settlement.

Off unless `OTEL_EXPORTER_OTLP_ENDPOINT` is set: nothing of its SDK is imported then, and every function
here returns at once. The SDK reads its other settings (`OTEL_…`) by itself.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from types import ModuleType
from typing import Any, Literal

from structlog.contextvars import bound_contextvars

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
MAX_LINKS = 100  # of one span: a run has thousands of requests
TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int | float | bool]

_NONE = nullcontext()  # one for all: it keeps nothing
_sdk: "ModuleType | None" = None  # app.core.tracing_sdk, where traces are made


def start(process: str) -> None:
    """Make traces from now on, if an endpoint is set; after a fork anew."""
    global _sdk
    if os.environ.get(ENDPOINT):
        from app.core import tracing_sdk

        tracing_sdk.start(process)
        _sdk = tracing_sdk


def stop() -> None:
    """Send what is left, within some seconds."""
    if _sdk is not None:
        _sdk.stop()


def is_on() -> bool:
    """Return whether traces are made."""
    return _sdk is not None


def traceparent() -> str | None:
    """Return what names the span in which the caller works (W3C Trace Context); None for none."""
    return None if _sdk is None else _sdk.traceparent()


def valid_traceparent(text: str | None) -> str | None:
    """Return a traceparent that somebody has sent, if it is one."""
    return text if text is not None and TRACEPARENT.fullmatch(text) else None


def span(
    name: str,
    kind: Kind = "internal",
    *,
    parent: str | None = None,
    links: Iterable[str | None] = (),
    attributes: Attributes | None = None,
) -> AbstractContextManager[Any]:
    """Make a span of the block: below the span of the caller, unless a traceparent is its parent.

    An exception that leaves the block is noted. Lines of the log within have its `trace_id`. The block gets
    the span, None where no traces are made.
    """
    return _NONE if _sdk is None else _span(name, kind, parent, links, attributes)


def shared_span(
    name: str, parents: Iterable[str | None], attributes: Attributes | None = None
) -> AbstractContextManager[Any]:
    """Make a span of what is done for several traces at once, by the traceparents of their spans.

    It is below the only one; of several it is in a trace of its own, which is linked with theirs both ways.
    """
    return _NONE if _sdk is None else _shared_span(name, parents, attributes)


def note(
    name: str, parent: str, began: float, links: Iterable[str | None] = (), **attributes: str | int
) -> str | None:
    """Make a span of what began at `began` (monotonic seconds) and ends now, below another one.

    Returns its traceparent.
    """
    if _sdk is None:
        return None
    now = time.time()
    since = now - (time.monotonic() - began)
    made: str | None = _sdk.note(name, parent, since, now, links=_bounded(links), attributes=attributes)
    return made


def note_past(name: str, parent: str, began: float, seconds: float, attributes: Attributes) -> None:
    """Make a span of a question to a server, which another process began at `began` (seconds since 1970)."""
    if _sdk is not None:
        _sdk.note(name, parent, began, began + seconds, "client", attributes=attributes)


@contextmanager
def _span(
    name: str,
    kind: Kind,
    parent: str | None,
    links: Iterable[str | None],
    attributes: Attributes | None,
) -> Iterator[Any]:
    assert _sdk is not None
    made = _sdk.span(name, kind, parent, _bounded(links), attributes or {})
    with made as (current, trace_id), bound_contextvars(trace_id=trace_id):
        yield current


@contextmanager
def _shared_span(name: str, parents: Iterable[str | None], attributes: Attributes | None) -> Iterator[None]:
    distinct = _bounded(dict.fromkeys(parents))
    alone = distinct[0] if len(distinct) == 1 else None
    began = time.monotonic()
    with span(name, parent=alone, links=[] if alone else distinct, attributes=attributes):
        here = traceparent()
        yield
    for parent in distinct if alone is None else ():
        note(name, parent, began, [here])


def _bounded(links: Iterable[str | None]) -> list[str]:
    return list(islice((each for each in links if each), MAX_LINKS))
