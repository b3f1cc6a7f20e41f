"""Bodies that come slowly, or never, keep nobody out."""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.integration.api.doors.conftest import ZONE, StartApi
from tests.support.answers import codes
from tests.support.api_process import Api, batch_of, cost, read_answer
from tests.support.builders import body

STUCK = 40  # more than there are slots
CALLS = ["/api/v1/dns/batch", "/api/v1/dns/plan", "/api/v1/dns/create"]


@contextmanager
def stuck(api: Api, call: str, number: int, beginning: bytes = b"{") -> Iterator[list[socket.socket]]:
    """Calls that have sent the beginning of their bodies, and no more."""
    with ExitStack() as opened:
        yield [opened.enter_context(api.begin(call, len(beginning) + 100, beginning)) for _ in range(number)]


def test_calls_that_send_one_byte_and_stop_take_no_slot(api: Api) -> None:
    with ExitStack() as opened, cost(api) as measured:
        for call in CALLS:
            opened.enter_context(stuck(api, call, STUCK))
        for call in ("batch", "plan"):
            assert api.post(f"dns/{call}", batch_of([body(ZONE, call)])).status_code == 207
        assert api.create(ZONE).status_code == 202
    assert not measured.held_up
    assert measured.memory < 50


def test_the_body_that_has_been_coming_for_longest_makes_room(start: StartApi) -> None:
    """A megabyte for all: four bodies of 300 KB do not fit, however slowly they come."""
    api = start(INTAKE_BYTES="1000000")
    with stuck(api, "/api/v1/dns/batch", 8, b" " * 300_000) as slow:
        given_up = [read_answer(each) for each in slow[:4]]
        assert {answer.split(b"\r\n")[0] for answer in given_up} == {b"HTTP/1.1 408 Request Timeout"}
        items = [body(ZONE, f"h{number}", comment="x" * 900) for number in range(300)]
        assert api.post("dns/batch", batch_of(items)).status_code == 207


@pytest.mark.thorough
def test_a_process_ends_though_bodies_are_still_coming(start: StartApi) -> None:
    api = start()
    with stuck(api, "/api/v1/dns/batch", STUCK):
        assert api.create(ZONE, "before").status_code == 202
        began = time.monotonic()
        assert api.stop() in (0, -signal.SIGTERM)
    assert time.monotonic() - began < 10


@pytest.mark.thorough
def test_a_large_plan_holds_up_nobody(api: Api) -> None:
    """16 MB, as much as a body may have: read, planned and answered beside the event loop."""
    items = [body(ZONE, f"h{number}", comment="x" * 900, action="upsert") for number in range(10_000)]
    sent = batch_of(items)
    with cost(api) as measured:
        assert api.post("dns/plan", sent).status_code == 207
    assert not measured.held_up


def test_many_values_in_few_bytes_are_refused(api: Api) -> None:
    """8 million empty lists are a body of 16 MB, and half a gigabyte of memory."""
    sent = b"[" + b"[]," * 4_999_999 + b"[]]"
    with cost(api) as measured:
        answer = api.post("dns/batch", sent)
    assert codes(answer) == {"json_too_many_values"}
    assert not measured.held_up
    assert measured.memory < 100
