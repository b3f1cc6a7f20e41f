"""Heads without an end, and slow clients: each connection is bounded, for a plain uvicorn, too."""

import json
import time
from http.client import parse_headers
from pathlib import Path
from threading import Thread

import pytest

from tests.integration.api.doors.conftest import ZONE, StartApi
from tests.support.api_process import Api, cost
from tests.support.builders import body
from tests.support.heads import HEAD, refusal, status_of_head
from tests.support.thoroughly import thoroughly

MEGABYTE = b"x" * 2**20


@pytest.fixture(scope="module", params=["alone", thoroughly("workers")])
def api(request: pytest.FixtureRequest, start: StartApi) -> Api:
    """An API as `uvicorn app.main:app` starts it, and one of several processes, which imports it later."""
    return start(*(["--workers", "2"] if request.param == "workers" else []))


@pytest.mark.parametrize(
    "beginning",
    [
        HEAD + b"X-Large: ",
        *map(thoroughly, (b"GET /", HEAD + b"X: ")),
        thoroughly(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;"),  # an extension of a chunk
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-Trailer: ",
    ],
)
def test_forty_megabytes_of_a_head(api: Api, beginning: bytes) -> None:
    with cost(api) as measured, api.connect() as client:
        answer = refusal(client, beginning, *[MEGABYTE] * 40)
    assert answer == b"HTTP/1.1 431 Request Header Fields Too Large"
    assert not measured.held_up
    assert measured.memory < 50


@pytest.mark.parametrize(("size", "status"), [(60_000, b"202"), (70_000, b"431")])
def test_the_limit_of_a_head_that_comes_at_once(api: Api, size: int, status: bytes) -> None:
    assert status_of_head(api, ZONE, size) == status


def test_many_small_headers_are_a_large_head(api: Api) -> None:
    with api.connect() as client:
        lines = b"".join(b"X-%d: y\r\n" % number for number in range(10_000))
        assert refusal(client, HEAD + lines + b"\r\n").split()[1] == b"431"


@pytest.mark.parametrize(
    "call", [b"POST /api/v1/dns/create", *map(thoroughly, (b"GET /healthz", b"GET /openapi.json"))]
)
def test_calls_that_come_without_end_and_whose_answers_nobody_reads(api: Api, call: bytes) -> None:
    content = json.dumps(body(ZONE)).encode() if call.startswith(b"POST") else b""
    head = b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    one = call + head % len(content) + content
    with api.connect() as client:
        refusal(client, one)  # the first who asks for the OpenAPI document has it made, once
    calls = one * 1000
    with cost(api) as measured:
        sent = [sent_until_nobody_reads(api, calls)]
    assert max(sent) < 602
    assert not measured.held_up
    assert measured.memory < 50


def sent_until_nobody_reads(api: Api, part: bytes) -> int:
    """Return how many times a connection took the part before it took no more, or was closed."""
    with api.connect() as client:
        client.settimeout(1)
        for number in range(602):
            try:
                client.sendall(part)
            except OSError:
                return number
    return 602


@pytest.mark.parametrize("number", [100, thoroughly(1_000)])
def test_pipelined_calls_are_answered_in_their_order(api: Api, number: int) -> None:
    bodies = [json.dumps(body(ZONE, f"p{index}")).encode() for index in range(number)]
    calls = b"".join(HEAD + b"Content-Length: %d\r\n\r\n" % len(each) + each for each in bodies)
    with api.connect() as client, client.makefile("rb") as answers:
        sending = Thread(target=client.sendall, args=(calls,))
        sending.start()
        names = []
        for _ in range(number):
            assert answers.readline().split()[1] == b"202"
            headers = parse_headers(answers)
            answer = json.loads(answers.read(int(headers["content-length"])))
            names.append(answer["resource"]["domain"])
        sending.join()
    assert names == [json.loads(each)["resource"]["domain"] for each in bodies]


def test_the_head_of_an_answer_comes_with_its_body(api: Api) -> None:
    with api.connect() as client:
        for _ in range(20):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(65_536).endswith(b"}")


def test_the_head_of_an_answer_without_a_body_comes_before_the_end(api: Api) -> None:
    with api.connect() as client:
        client.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 ")


def test_a_client_that_never_ends_its_head_is_cut_off(api: Api) -> None:
    began = time.monotonic()
    with api.connect() as silent, api.connect() as slow, api.connect() as second:
        second.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        second.recv(65_536)
        second.sendall(b"G")  # which ends uvicorn's own limit for idle connections
        for each in (slow, silent, second):
            while time.monotonic() - began < 30:
                each.settimeout(1)
                try:
                    if not each.recv(65_536):
                        break
                except TimeoutError:
                    if each is slow:
                        each.sendall(b"G")
            else:
                pytest.fail("still open")
    assert api.create(ZONE).status_code == 202


def test_a_dead_client_is_noticed_by_the_kernel(api: Api) -> None:
    """Nothing that is sent shows it: the probes do."""
    with api.connect() as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(65_536)
        port = client.getsockname()[1]
        assert keepalive_of(api.port, port)


def keepalive_of(server: int, client: int) -> bool:
    """Whether the server's end of a connection has a keep-alive timer, proc_net_tcp(5)."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(address.partition(":")[2], 16) for address in fields[1:3])
        if (local, remote) == (server, client):
            return fields[5].startswith("02:")
    return False
