"""An API in a process of its own, and what it costs others: their latency, and the machine's memory."""

import json
import os
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import httpx2

from stack.ports import Ports
from tests.support import http
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.forked import API, Forked
from tests.support.kafka.processes import Program

TIMEOUT = 60.0  # seconds
HOST = "127.0.0.1"


class Api:
    """A running API."""

    def __init__(self, *options: str, **settings: str) -> None:
        certificate = dict(pairwise(options)).get("--ssl-certfile")
        # What its clients verify by.
        self.tls = ssl.create_default_context(cafile=certificate) if certificate else http.TLS
        self.port = Ports.free().api
        self.url = f"{'https' if certificate else 'http'}://{HOST}:{self.port}"
        self._client = httpx2.Client(timeout=TIMEOUT, verify=self.tls)
        words = (*API, "--port", str(self.port), *options)
        program = Program if "--workers" in options else Forked  # a fork may have no processes of its own
        self.process = program(words, settings, Path(os.devnull))

    def wait(self) -> None:
        """Wait until it answers."""
        eventually(self._healthy, TIMEOUT)

    def _healthy(self) -> bool:
        assert self.process.running, "the API has ended"
        return self.answers()

    def answers(self) -> bool:
        """Whether it answers that it is alive."""
        try:
            return httpx2.get(f"{self.url}/healthz", timeout=5, verify=self.tls).is_success
        except httpx2.TransportError:
            return False

    def create(self, zone: str, name: str = "www", key: str | None = None) -> httpx2.Response:
        """Submit one change."""
        headers = {"Idempotency-Key": key} if key else {}
        url = f"{self.url}/api/v1/dns/create"
        return http.post(url, json=body(zone, name), headers=headers, timeout=TIMEOUT)

    def post(self, path: str, content: bytes) -> httpx2.Response:
        """Post a body of JSON. It is made beforehand, so that making it does not count as the API's cost."""
        headers = {"Content-Type": "application/json"}
        return self._client.post(f"{self.url}/api/v1/{path}", content=content, headers=headers)

    def begin(self, call: str, length: int, beginning: bytes = b"") -> socket.socket:
        """Return a connection on which a call has begun: its head, and the beginning of its body."""
        head = f"POST {call} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        client = self.connect()
        client.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode() + beginning)
        return client

    def connect(self) -> socket.socket:
        """Return a connection."""
        return socket.create_connection((HOST, self.port), timeout=TIMEOUT)

    def stop(self) -> int:
        """Have it end; return its exit status."""
        self._client.close()
        return self.process.stop()


class Cost:
    """What something has cost: the longest that a neighbour waited, and how much the memory grew at most."""

    def __init__(self) -> None:
        self.idle = 0.0  # seconds: the longest that a neighbour waited before
        self.latency = 0.0  # seconds
        self.memory = 0.0  # MB

    @property
    def held_up(self) -> bool:
        """Whether a neighbour waited for long, as this machine goes now."""
        return self.latency > max(2.0, 20 * self.idle)


@contextmanager
def cost(api: Api) -> Iterator[Cost]:
    """Measure what the block costs others, who ask the API again and again whether it is alive."""
    measured, done = Cost(), Event()
    with httpx2.Client(timeout=TIMEOUT, verify=http.TLS) as client:
        measured.idle = max(_latency(api, client) for _ in range(20))
    status = Path(f"/proc/{api.process.pid}/status")
    before = _kilobytes(status, "VmRSS")
    Path(f"/proc/{api.process.pid}/clear_refs").write_text("5")  # forget the peak
    asking = Thread(target=_ask, args=(api, measured, done))
    asking.start()
    try:
        yield measured
    finally:
        done.set()
        asking.join()
        measured.memory = (_kilobytes(status, "VmHWM") - before) / 1000


def _ask(api: Api, measured: Cost, done: Event) -> None:
    with httpx2.Client(timeout=TIMEOUT, verify=http.TLS) as client:
        while not done.wait(0.01):
            measured.latency = max(measured.latency, _latency(api, client))


def _latency(api: Api, client: httpx2.Client) -> float:
    began = time.monotonic()
    client.get(f"{api.url}/healthz").raise_for_status()
    return time.monotonic() - began


def _kilobytes(status: Path, field: str) -> int:
    [line] = [line for line in status.read_text().splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1])


def batch_of(items: Sequence[object], **options: object) -> bytes:
    """Return the body of a batch or a plan."""
    return json.dumps({"requests": items, **options}).encode()


def read_answer(connection: socket.socket) -> bytes:
    """Return what comes up to the end of a small JSON object, or of the connection."""
    answer = b""
    while not answer.endswith(b"}") and (part := connection.recv(4096)):
        answer += part
    return answer
