"""What the client does when calls fail: it makes them again where that does no harm, and says what failed."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from uuid import uuid4

import pytest

from dns_orchestrator import (
    Client,
    ConnectionFailed,
    NotFound,
    RequestFailed,
    Retries,
    StillOpen,
    Unavailable,
)
from stack.embedded import Stack
from stack.ports import HOST
from tests.support.proxy import proxy

QUICK = Retries(attempts=4, first_pause=0.05)


@contextmanager
def losing_answers(port: int, lost: int) -> Iterator[int]:
    """A port before the API's, which hands calls on and breaks off before the first answers come back."""
    with socket.create_server((HOST, 0)) as listener:
        Thread(target=_lose, args=(listener, port, lost), daemon=True).start()
        yield listener.getsockname()[1]


def _lose(listener: socket.socket, port: int, lost: int) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # the test has ended
            return
        with client, socket.create_connection((HOST, port)) as server:
            server.sendall(_request(client).replace(b"keep-alive", b"close"))
            answer = b""
            while part := server.recv(65_536):
                answer += part
            if lost <= 0:
                client.sendall(answer)
            lost -= 1


def _request(client: socket.socket) -> bytes:
    """What a client sends: its head and its body come in two parts."""
    sent = b""
    while b"\r\n\r\n" not in sent:
        sent += client.recv(65_536)
    head, _, body = sent.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    while length and len(body) < int(length[1]):
        body += client.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def cutting(port: int, lengths: list[int]) -> Iterator[int]:
    """A port before the API's, which cuts each answer off behind so many octets."""
    with socket.create_server((HOST, 0)) as listener:
        Thread(target=_cut, args=(listener, port, lengths), daemon=True).start()
        yield listener.getsockname()[1]


def _cut(listener: socket.socket, port: int, lengths: list[int]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        left = lengths.pop(0) if lengths else 10**9
        with client, socket.create_connection((HOST, port)) as server:
            server.sendall(_request(client))
            while left > 0 and (part := server.recv(min(left, 65_536))):
                client.sendall(part)
                left -= len(part)


@contextmanager
def answering(answer: Callable[[int], bytes]) -> Iterator[int]:
    """A server that gives such answers, by the number of the call: what stands between client and API."""
    with socket.create_server((HOST, 0)) as listener:
        Thread(target=_answer, args=(listener, answer), daemon=True).start()
        yield listener.getsockname()[1]


def _answer(listener: socket.socket, answer: Callable[[int], bytes]) -> None:
    number = 0
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client:
            _request(client)
            client.sendall(answer(number))
            number += 1


def test_a_call_whose_answer_is_lost_makes_one_request(stack: Stack, dns: Client) -> None:
    reason = f"lost {uuid4()}"
    with (
        losing_answers(stack.ports.api, lost=2) as port,
        Client(f"http://{HOST}:{port}", account_id="team-a", retries=QUICK) as client,
    ):
        made = client.upsert("lost.example.test", "A", "192.0.2.1", reason=reason)
    found = [each for each in dns.requests.list(domain="lost.example.test") if each.context.reason == reason]
    assert [each.id for each in found] == [made.id]


def test_what_may_not_be_done_twice_is_not_made_again(stack: Stack, dns: Client) -> None:
    made = dns.upsert("once.example.test", "A", "192.0.2.1", not_before="2027-01-01T00:00:00Z")
    with (
        losing_answers(stack.ports.api, lost=1) as port,
        Client(f"http://{HOST}:{port}", account_id="team-a", retries=QUICK) as client,
        pytest.raises(ConnectionFailed) as raised,
    ):
        client.requests.cancel(made.id)
    assert raised.value.sent
    assert dns.requests.get(made.id).status == "cancelled"


def test_retry_after_is_waited_for_and_not_if_it_is_long() -> None:
    def busy(seconds: int) -> bytes:
        head = (
            f"HTTP/1.1 503 Busy\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        return head.encode()

    with (
        answering(lambda number: busy(1 if number == 0 else 3600)) as port,
        Client(f"http://{HOST}:{port}", account_id="team-a", retries=QUICK) as client,
    ):
        began = time.monotonic()
        with pytest.raises(Unavailable) as raised:
            client.zones.list()
    assert 1.0 <= time.monotonic() - began < 10.0
    assert raised.value.retry_after == 3600


def test_what_is_no_api_is_named_as_such() -> None:
    page = b"<html>Welcome</html>"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(page), page)
    with (
        answering(lambda _: answer) as port,
        Client(f"http://{HOST}:{port}", retries=QUICK) as client,
        pytest.raises(Unavailable, match="is it the API"),
    ):
        client.zones.list()


def test_a_stream_of_another_kind_is_named_as_such() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    with (
        answering(lambda _: head + b"event: log\ndata: {}\n\n") as port,
        Client(f"http://{HOST}:{port}", retries=QUICK) as client,
        pytest.raises(Unavailable, match="is it the API"),
    ):
        list(client.requests.follow(uuid4(), seconds=5))


def test_an_api_that_does_not_answer_in_time_is_a_failed_connection(stack: Stack) -> None:
    with (
        proxy(HOST, stack.ports.api) as frozen,
        Client(
            f"http://{HOST}:{frozen.port}", timeout=0.3, retries=Retries(attempts=2, first_pause=0.05)
        ) as client,
    ):
        frozen.frozen.set()
        with pytest.raises(ConnectionFailed, match="in time"):
            client.zones.list()


def test_a_request_that_fails_is_raised_with_its_code(dns: Client) -> None:
    with pytest.raises(RequestFailed) as raised:
        dns.update("absent.example.test", "A", "192.0.2.1", wait=30)
    assert raised.value.request.status == "failed"
    assert raised.value.code == raised.value.request.error.code  # type: ignore[union-attr]


def test_what_a_person_or_time_holds_back_is_not_waited_for(dns: Client) -> None:
    began = time.monotonic()
    with pytest.raises(StillOpen) as raised:
        dns.upsert("later.example.test", "A", "192.0.2.1", not_before="2027-01-01T00:00:00Z", wait=30)
    assert raised.value.request.status == "scheduled"
    assert time.monotonic() - began < 10
    dns.requests.cancel(raised.value.request.id)


def test_a_stream_that_is_cut_off_goes_on_without_a_line_lost_or_twice(stack: Stack, dns: Client) -> None:
    made = dns.upsert("cut.example.test", "A", "192.0.2.1", wait=30)
    whole = list(dns.requests.follow(made.id))
    assert [whole[0].status, whole[-1].status] == ["pending", "succeeded"]
    with (
        cutting(stack.ports.api, [600, 700, 400]) as port,
        Client(f"http://{HOST}:{port}", account_id="team-a") as client,
    ):
        assert list(client.requests.follow(made.id)) == whole


def test_what_does_not_exist_is_not_found(dns: Client) -> None:
    with pytest.raises(NotFound) as raised:
        dns.requests.get(uuid4())
    assert raised.value.code == "request_unknown"
