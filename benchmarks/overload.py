"""Five times as many calls at once as may wait, beside clients that hold connections, send too much, or scan.

What is too much has 503 with Retry-After; probes, reads and single calls of others are answered; memory stays
as it is, and afterwards as many calls are accepted as before.
"""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

import httpx2

from benchmarks.door import OURS, ZONE, Door, door
from benchmarks.load import LoadResult, Workload, load
from benchmarks.report import Figure, Report, at_least, at_most
from benchmarks.rig import Rig, addresses

_QUEUE = 400  # single changes that may wait
_CONNECTIONS = 5 * _QUEUE
_USUAL = 32  # connections for the capacity
_HELD = 100  # connections of each kind that send a byte now and then, or nothing
_SCANS = 20  # lists at a time without an index that fits
_PATH = "/api/v1/dns/create"
_LARGE = b'{"context": "' + b"x" * 400_000
_DEEP = b"[" * 100_000
_PAUSE = 0.5  # seconds between two looks of the neighbour
_TIMEOUT = 30.0  # seconds


@dataclass(slots=True)
class Neighbour:
    """What somebody else has seen meanwhile: the longest that each call took, in seconds, and what failed."""

    longest: dict[str, float] = field(default_factory=dict)
    refused: int = 0  # single calls that had 503, and were sent again
    failed: int = 0
    memory: list[float] = field(default_factory=list)  # MB


def run(rig: Rig, quick: bool) -> Report:
    """The capacity, the overload, and the capacity again."""
    seconds = 10.0 if quick else 60.0
    with door(rig, OURS, INTAKE_QUEUE=str(_QUEUE)) as api:
        before = _load(api, _USUAL, 3)
        neighbour = Neighbour()
        with ExitStack() as crowd:
            for nuisance in (_drip, _scan, _send_too_much):
                crowd.enter_context(_meanwhile(api, nuisance))
            crowd.enter_context(_meanwhile(api, lambda door, done: _look(door, done, neighbour)))
            during = _load(api, _CONNECTIONS, seconds)
        silent = _wait_for_answer(api)
        after = _load(api, _USUAL, 3)
    return Report(
        f"{_CONNECTIONS:,} calls at once for {seconds:g} s, where {_QUEUE} may wait, beside {3 * _HELD} held"
        f" connections, {_SCANS} scans at a time, large and deep bodies",
        [
            *_of_load(before, during, after, seconds),
            at_most("until it answers when all hang up", silent, 10.0, "s"),
            *_of_neighbour(neighbour),
        ],
        "The load generator takes its share of the same processors.",
    )


def _of_load(before: LoadResult, during: LoadResult, after: LoadResult, seconds: float) -> list[Figure]:
    answers = during.rate * seconds
    return [
        Figure("accepted before", before.rate, "/s"),
        Figure("accepted meanwhile", (answers - during.others) / seconds, "/s"),
        Figure("refused meanwhile", during.others / seconds, "/s"),
        at_least("503 among the answers", during.others / max(1.0, answers), 0.01),
        at_most("refused without Retry-After", during.rude, 0),
        at_least("accepted after / before", after.rate / before.rate, 0.9),
    ]


def _of_neighbour(seen: Neighbour) -> list[Figure]:
    third = max(1, len(seen.memory) // 3)
    early, late = max(seen.memory[:-third]), max(seen.memory[-third:])
    return [
        *(at_most(f"a neighbour's longest {call}", taken, 5.0, "s") for call, taken in seen.longest.items()),
        Figure("a neighbour's single calls that had 503 first", seen.refused),
        at_most("a neighbour's calls that failed", seen.failed, 0),
        Figure("resident memory at most", max(seen.memory), "MB"),
        at_most("resident memory, the last third / before it", late / early, 1.1),
    ]


def _wait_for_answer(api: Door) -> float:
    """Return how many seconds it took until a probe was answered."""
    began = time.monotonic()
    httpx2.get(f"{api.url}/healthz", timeout=60).raise_for_status()
    return time.monotonic() - began


def _load(api: Door, connections: int, seconds: float) -> LoadResult:
    return load(Workload(api.port, _PATH, _bodies(), connections, seconds))


def _bodies() -> list[str]:
    context = {"account_id": "benchmark"}
    return [json.dumps({"context": context, "resource": each}) for each in addresses(ZONE, 1_000)]


@contextmanager
def _meanwhile(api: Door, deed: Callable[[Door, Event], None]) -> Iterator[None]:
    """Have a thread do something until the block ends."""
    done = Event()
    thread = Thread(target=deed, args=(api, done))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _drip(api: Door, done: Event) -> None:
    """Hold connections: of some the head comes byte by byte, of some the body, and of some nothing."""
    body = (
        f"POST {_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
    )
    beginnings = [b"POST ", body.encode(), b""] * _HELD
    held: list[tuple[socket.socket, bytes]] = []
    while not done.wait(1):
        alive = []
        for connection, beginning in held:
            try:
                connection.send(b"x" if beginning else b"")
                alive.append((connection, beginning))
            except OSError:
                connection.close()
        held = alive
        for beginning in beginnings[len(held) :]:
            with suppress(OSError):
                connection = socket.create_connection(("127.0.0.1", api.port), timeout=1)
                connection.sendall(beginning)
                held.append((connection, beginning))
    for connection, _ in held:
        connection.close()


def _scan(api: Door, done: Event) -> None:
    """Ask for lists that have to look at everything to find nothing."""
    paths = ("/api/v1/dns/requests?source=nobody", "/api/v1/dns/records?domain=nowhere.load.test")

    def ask(number: int) -> None:
        with httpx2.Client(base_url=api.url, timeout=_TIMEOUT) as client:
            while not done.is_set():
                with suppress(httpx2.TransportError):
                    client.get(paths[number % 2])

    with ThreadPoolExecutor(_SCANS) as pool:
        list(pool.map(ask, range(_SCANS)))


def _send_too_much(api: Door, done: Event) -> None:
    headers = {"Content-Type": "application/json"}
    with httpx2.Client(base_url=api.url, timeout=_TIMEOUT) as client:
        while not done.wait(0.05):
            for body in (_LARGE, _DEEP):
                with suppress(httpx2.TransportError):
                    client.post(_PATH, content=body, headers=headers)


def _look(api: Door, done: Event, seen: Neighbour) -> None:
    """Do what a neighbour does: probe, read, and submit single changes, again where he is told to."""
    with httpx2.Client(base_url=api.url, timeout=_TIMEOUT) as client:
        seen.memory.append(api.memory)
        made = _submit(client, seen)
        while not done.wait(_PAUSE):
            seen.memory.append(api.memory)
            _time(seen, "probe", lambda: client.get("/healthz"))
            _time(seen, "readiness probe", lambda: client.get("/readyz"))
            _time(seen, "read", lambda: client.get(f"/api/v1/dns/requests/{made}"))
            _time(seen, "single call", lambda: _submit(client, seen))


def _time(seen: Neighbour, what: str, call: Callable[[], object]) -> None:
    began = time.monotonic()
    try:
        answer = call()
    except httpx2.HTTPError:
        seen.failed += 1
        return
    if isinstance(answer, httpx2.Response) and not answer.is_success:
        seen.failed += 1
    seen.longest[what] = max(seen.longest.get(what, 0.0), time.monotonic() - began)


def _submit(client: httpx2.Client, seen: Neighbour) -> str:
    """Submit a change until it is accepted; return its id."""
    [resource] = addresses(ZONE, 1)
    until = time.monotonic() + _TIMEOUT
    while True:
        body = {"context": {"account_id": "neighbour"}, "resource": resource}
        answer = client.post(_PATH, json=body)
        if answer.status_code != 503 or time.monotonic() > until:
            return str(answer.raise_for_status().json()["id"])
        seen.refused += 1
        time.sleep(0.1)
