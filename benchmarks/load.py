"""A load generator in a process of its own: many connections, each with one request at a time.

`python -m benchmarks.load` reads a `Workload` as JSON from standard input, and prints a `LoadResult` as JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import cast

import uvloop

from benchmarks.statistics import percentile

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "  # as uvicorn writes it
_WARM_UP = 0.5  # seconds before it starts to count


@dataclass(frozen=True, slots=True)
class Workload:
    """What to send, over how many connections, and for how long."""

    port: int
    path: str
    bodies: Sequence[str]  # sent one after the other, again and again
    connections: int
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """How many answers came, and how long they took, in seconds."""

    rate: float  # answers per second
    p50: float
    p99: float
    others: int  # answers that were not 202
    rude: int  # of these, those that were no 503 with Retry-After
    calls: int  # answers in all, with those before it began to count
    cpu: float  # the processor time of the generator itself, as a share of one processor


def load(workload: Workload) -> LoadResult:
    """Send a workload from a process of its own. Raises CalledProcessError."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(workload)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return LoadResult(**json.loads(done.stdout))


@dataclass(slots=True)
class _Count:
    counting: bool = False
    calls: int = 0
    taken: list[float] = field(default_factory=list)
    others: int = 0
    rude: int = 0


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered."""

    def __init__(self, requests: Iterator[bytes], count: _Count) -> None:
        self._requests = requests
        self._count = count
        self._reply = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is no subclass of it
        self._send()

    def data_received(self, data: bytes) -> None:
        self._reply += data
        if _is_whole(self._reply):
            self._note(time.perf_counter() - self._sent)
            self._send()

    def _send(self) -> None:
        self._reply = b""
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

    def _note(self, taken: float) -> None:
        self._count.calls += 1
        if self._count.counting:
            self._count.taken.append(taken)
            status = self._reply[9:12]
            self._count.others += status != b"202"
            polite = status == b"503" and b"\r\nretry-after: " in self._reply.lower()
            self._count.rude += status != b"202" and not polite


def _is_whole(reply: bytes) -> bool:
    head = reply.find(_END_OF_HEAD)
    if head < 0:
        return False
    start = reply.index(_LENGTH) + len(_LENGTH)
    length = int(reply[start : reply.index(b"\r", start)])
    return len(reply) >= head + len(_END_OF_HEAD) + length


def _request(workload: Workload, body: str) -> bytes:
    head = (
        f"POST {workload.path} HTTP/1.1\r\nHost: 127.0.0.1:{workload.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n"
    )
    more = "".join(f"{name}: {value}\r\n" for name, value in workload.headers.items())
    return f"{head}{more}\r\n{body}".encode()


async def _send(workload: Workload) -> LoadResult:
    loop = asyncio.get_running_loop()
    requests = cycle([_request(workload, body) for body in workload.bodies])
    count = _Count()
    opened = [
        await loop.create_connection(lambda: _Connection(requests, count), "127.0.0.1", workload.port)
        for _ in range(workload.connections)
    ]
    await asyncio.sleep(_WARM_UP)
    count.counting, began, used = True, time.perf_counter(), time.process_time()
    await asyncio.sleep(workload.seconds)
    count.counting, took = False, time.perf_counter() - began
    used = time.process_time() - used
    for transport, _ in opened:
        transport.abort()
    return LoadResult(
        len(count.taken) / took,
        percentile(count.taken, 50),
        percentile(count.taken, 99),
        count.others,
        count.rude,
        count.calls,
        used / took,
    )


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_send(Workload(**json.load(sys.stdin)))))))
