"""The API as operators run it: several processes on one database, signals, clients that disconnect."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from threading import Barrier

import httpx2
import psycopg
import pytest

from app.core.config import Settings
from stack.embedded import Stack
from tests.support import http
from tests.support.api_process import HOST, TIMEOUT, Api, read_answer
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.heads import status_of_head
from tests.support.locks import wait_for_blocked_transaction, wait_for_sleeping_transaction
from tests.support.metrics import scrape, value

StartApi = Callable[..., Api]
Both = tuple[Api, Api]


@pytest.fixture
def app_database(copied_database: str) -> str:
    """A database for each test, since other processes are connected to it."""
    return copied_database


@pytest.fixture
def start(app_settings: Settings, new_zone: str) -> Iterator[StartApi]:
    """Starts APIs that serve the zone `new_zone`; they are stopped at the end of the test."""
    with ExitStack() as ending:

        def run(*options: str, **settings: str) -> Api:
            api = Api(*options, BOOTSTRAP_ZONES=f"{new_zone}=bind", **settings)
            ending.callback(api.stop)
            return api

        yield run


@pytest.fixture(scope="module")
def both(infrastructure: Stack, module_database: str) -> Iterator[Both]:
    """Two APIs on one database, started at the same time."""
    with ExitStack() as ending:
        own = {"DATABASE_URL": module_database, "BOOTSTRAP_ZONES": "example.test=bind"}
        env = {**infrastructure.env, **own}
        started = Api(**env), Api(**env)
        for api in started:
            ending.callback(api.stop)
        for api in started:
            api.wait()
        yield started


@contextmanager
def locked_requests() -> Iterator[None]:
    """No request can be stored within the block."""
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE dns_requests IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def slow_inserts(seconds: float = 3) -> Iterator[None]:
    """A group of requests that begins to be stored within the block takes so long."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE TRIGGER dawdle BEFORE INSERT ON dns_requests FOR EACH STATEMENT EXECUTE FUNCTION dawdle()"
        )
        yield
        connection.execute("DROP FUNCTION dawdle CASCADE")


def names_stored(api: Api, beginning: str = "") -> list[str]:
    items = http.get(f"{api.url}/api/v1/dns/requests", params={"limit": 1000}).json()["items"]
    names = (item["resource"]["domain"].partition(".")[0] for item in items)
    return sorted(name for name in names if name.startswith(beginning))


def test_two_that_start_together_share_one_database(both: Both) -> None:
    for api, name in zip(both, ("new-one", "new-two"), strict=True):
        api.create("example.test", name).raise_for_status()
    assert [names_stored(api, "new") for api in both] == [["new-one", "new-two"]] * 2


def test_one_key_sent_to_two_at_once_makes_one_request(both: Both) -> None:
    keys = [f"k{number}" for number in range(20)]
    together = Barrier(2)

    def post(api: Api) -> list[tuple[bool, str]]:
        answers = []
        for key in keys:
            together.wait(TIMEOUT)
            answer = api.create("example.test", key, key).raise_for_status()
            answers.append(("idempotent-replayed" in answer.headers, answer.json()["id"]))
        return answers

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(post, both)
    assert [request_id for _, request_id in first] == [request_id for _, request_id in second]
    assert all(one != other for (one, _), (other, _) in zip(first, second, strict=True))
    assert names_stored(both[0], "k") == sorted(keys)


def test_one_key_with_two_bodies_sent_to_two_at_once(both: Both) -> None:
    together = Barrier(2)

    def post(api: Api) -> int:
        together.wait(TIMEOUT)
        return api.create("example.test", f"other{api.port}", "other").status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(post, both)) == [202, 409]
    assert len(names_stored(both[0], "other")) == 1


@pytest.mark.thorough
def test_several_workers_behind_one_address(start: StartApi, new_zone: str, tmp_path: Path) -> None:
    api = start("--workers", "2", TMPDIR=str(tmp_path))
    api.wait()
    names = [f"h{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda name: api.create(new_zone, name, name), names + names))
    assert {answer.status_code for answer in answers} == {202}
    assert names_stored(api) == sorted(names)
    for size, status in ((60_000, b"202"), (70_000, b"431")):  # each process has the limits
        assert status_of_head(api, new_zone, size) == status
    # They count together, whichever of them Prometheus asks: some connections lead to the one, some not.
    for _ in range(10):
        assert value(scrape(api.port), "requests_accepted_total", door="api", action="create") == 41
    [folder] = tmp_path.glob("dns-orchestrator-metrics-*")
    assert len({file.name.rpartition("_")[2] for file in folder.glob("counter_*.db")}) == 2
    api.stop()
    assert list(tmp_path.glob("dns-orchestrator-metrics-*")) == []


@pytest.mark.thorough
def test_a_slow_database_pushes_back(start: StartApi, new_zone: str) -> None:
    api = start(INTAKE_QUEUE="4")
    api.wait()
    with ThreadPoolExecutor(30) as pool:
        with slow_inserts():
            first = pool.submit(api.create, new_zone, "first")
            wait_for_sleeping_transaction()
            others = [pool.submit(api.create, new_zone, f"h{number}") for number in range(25)]
            eventually(lambda: sum(future.done() for future in others) >= 21, TIMEOUT)
            refused = [future.result() for future in others if future.done()]
        answers = [future.result() for future in (first, *others)]
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} == {(503, "2")}
    assert [answer.status_code for answer in answers].count(202) == 5
    assert len(names_stored(api)) == 5


@pytest.mark.thorough
def test_a_client_that_goes_before_its_answer_loses_nothing(start: StartApi, new_zone: str) -> None:
    api = start()
    api.wait()
    with locked_requests():
        for name in ("one", "two"):
            client = send(api, new_zone, name)
            wait_for_blocked_transaction()
            assert api.answers()  # so it has read what was sent before
            client.close()
    eventually(lambda: names_stored(api) == ["one", "two"], TIMEOUT)


def test_a_shutdown_answers_what_was_taken_in(start: StartApi, new_zone: str) -> None:
    api = start()
    api.wait()
    with ExitStack() as open_clients:
        with locked_requests():
            clients = [open_clients.enter_context(send(api, new_zone, f"h{number}")) for number in range(5)]
            wait_for_blocked_transaction()
            assert api.answers()
            assert api.answers()
            api.process.terminate()
            eventually(lambda: not api.answers(), TIMEOUT)  # it has begun to shut down
        answers = [client.recv(65_536) for client in clients]
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 202"] * 5
    assert api.process.wait(TIMEOUT) in (0, -signal.SIGTERM)
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        stored = connection.execute("SELECT name FROM dns_requests").fetchall()
    assert sorted(name.partition(".")[0] for (name,) in stored) == [f"h{number}" for number in range(5)]


def test_a_shutdown_waits_for_no_call_for_ever(start: StartApi, new_zone: str) -> None:
    api = start(STOP_TIMEOUT="1")
    api.wait()
    with locked_requests(), send(api, new_zone, "www") as client:
        wait_for_blocked_transaction()
        api.process.terminate()
        assert client.recv(65_536) == b""
        api.process.wait(TIMEOUT)


def send(api: Api, zone: str, name: str) -> socket.socket:
    """A connection on which a request has been sent and no answer has been read."""
    request = httpx2.Request("POST", f"{api.url}/api/v1/dns/create", json=body(zone, name))
    head = "".join(f"{key}: {value}\r\n" for key, value in request.headers.items())
    client = socket.create_connection((HOST, api.port), timeout=TIMEOUT)
    client.sendall(f"POST /api/v1/dns/create HTTP/1.1\r\n{head}\r\n".encode() + request.read())
    return client


SLOW_CALLS = [
    b"POST /api/v1/dns/create",
    b"POST /api/v1/dns/batch",
    b"POST /api/v1/dns/plan",
    b"POST /api/v1/zones",
]


@pytest.mark.thorough
def test_a_body_that_does_not_come_in_time_is_408_and_holds_up_nobody(start: StartApi, new_zone: str) -> None:
    api = start(BODY_TIMEOUT="1")
    api.wait()
    with ExitStack() as open_calls:
        slow = []
        for call, beginning in product(SLOW_CALLS, (b"", b'{"context"')):
            connection = open_calls.enter_context(socket.create_connection((HOST, api.port), timeout=TIMEOUT))
            head = (
                call
                + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
            )
            connection.sendall(head + beginning)
            slow.append(connection)
        assert api.create(new_zone).status_code == 202
        answers = [read_answer(connection) for connection in slow]
    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
    assert all(b'{"detail":' in answer for answer in answers)
    assert all(b"connection: close" in answer.lower() for answer in answers)
    assert api.create(new_zone).status_code == 202
