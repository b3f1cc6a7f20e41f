"""The log of a request as it is written, by server-sent events."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from uuid import UUID

import httpx2
import psycopg
import pytest

from app.core.database import transaction
from app.services.live.hub import POLL_INTERVAL
from app.services.live.streams import MAX_STREAMS_OF_EACH
from app.store.requests import NewLine, add_log_lines
from tests.integration.api.live.conftest import Live, SteppedRunner, work_off
from tests.support.access import bearer, make_token, prefix_of
from tests.support.api_process import cost
from tests.support.event_stream import Event, followed
from tests.support.eventually import eventually

LONG_LINES = """
    INSERT INTO dns_request_events (request_id, status, message, told)
    SELECT %s, 'pending', '', repeat('x', 10000) FROM generate_series(1, %s)
"""
SOON = 1.0  # seconds
ACCEPTED, CLAIMED, ANSWERED = "accepted", "in a run", "answered by its servers"
SAID = "simulated: nothing was sent to a DNS server"


def url(live: Live, request_id: str) -> str:
    return f"{live.dns}/requests/{request_id}"


def submitted(live: Live, owner: str) -> str:
    request_id: str = live.create(owner).raise_for_status().json()["id"]
    return request_id


def said(events: list[Event]) -> list[tuple[str, str]]:
    return [(each.name, each.data.get("message", "")) for each in events]


def test_each_line_comes_within_a_second_and_the_end_at_last(live: Live) -> None:
    request_id = submitted(live, "each")
    runner = SteppedRunner("first", "second")
    with followed(url(live, request_id), live.requester) as events, ThreadPoolExecutor(1) as pool:
        seen = [next(events)]
        working = pool.submit(work_off, runner)
        seen.append(next(events))
        for step in runner.steps.values():
            began = time.monotonic()
            step.set()
            seen.append(next(events))
            assert time.monotonic() - began < SOON
        working.result(30)
        began = time.monotonic()
        seen += events
        assert time.monotonic() - began < SOON
    end = seen.pop()
    assert said(seen) == [
        ("status", ACCEPTED),
        ("status", CLAIMED),
        ("log", "first"),
        ("log", "second"),
        ("log", SAID),
        ("status", end.data["events"][-1]["message"]),
    ]
    shown = live.client.get(url(live, request_id), headers=live.requester).json()
    assert (end.name, end.data) == ("end", shown)
    assert shown["status"] == "succeeded"
    # `at` is when a line was written, and lines of a run are stored a moment later
    assert sorted((each.data for each in seen), key=str) == sorted(shown["events"], key=str)


def test_operators_are_told_more_and_strangers_nothing(live: Live) -> None:
    request_id = submitted(live, "told")
    runner = SteppedRunner("applied")
    runner.steps["applied"].set()
    work_off(runner)
    with followed(url(live, request_id), live.requester) as events:
        assert "127.0.0.66" not in repr([*events])
    with followed(url(live, request_id), live.auditor) as events:
        assert ("log", "applied on 127.0.0.66") in said([*events])
    headers = {**live.stranger, "Accept": "text/event-stream"}
    answer = live.client.get(url(live, request_id), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "request_unknown")


def test_a_stream_goes_on_behind_the_last_event_that_came(live: Live) -> None:
    request_id = submitted(live, "resumed")
    work_off()
    with followed(url(live, request_id), live.requester) as events:
        whole = [*events]
    assert len(whole) == 5
    for index, event in enumerate(whole[:-1]):
        with followed(url(live, request_id), live.requester, event.id) as events:
            assert said([*events]) == said(whole[index + 1 :])
    headers = {**live.requester, "Accept": "text/event-stream", "Last-Event-ID": whole[-1].id}
    answer = live.client.get(url(live, request_id), headers=headers)
    assert answer.status_code == 204  # EventSource stays away


def test_a_stream_that_breaks_off_again_and_again_has_no_gaps_and_no_doubles(live: Live) -> None:
    request_id = submitted(live, "broken")
    lines = [f"line {number}" for number in range(90)]
    seen: list[Event] = []
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write, request_id, lines)
        for _ in range(0, 1 + len(lines), 7):
            last_id = seen[-1].id if seen else None
            with followed(url(live, request_id), live.requester, last_id) as events:
                seen += islice(events, min(7, 1 + len(lines) - len(seen)))
        writing.result()
    assert said(seen) == [("status", text) for text in (ACCEPTED, *lines)]
    work_off()


def write(request_id: str, lines: list[str]) -> None:
    for number in range(0, len(lines), 10):
        with transaction() as session:
            add_log_lines(
                session, [NewLine(UUID(request_id), text, text) for text in lines[number : number + 10]]
            )
        time.sleep(0.02)


def test_a_request_that_is_retried_is_followed_on(live: Live) -> None:
    request_id = submitted(live, "retried")
    work_off(failure_rate=1)
    with followed(url(live, request_id), live.requester) as events:
        *_, end = events
    assert end.data["status"] == "failed"
    live.post(f"requests/{request_id}/retry", {}).raise_for_status()
    with followed(url(live, request_id), live.requester, end.id) as events:
        assert next(events).data["status"] == "pending"
        work_off()
        assert [each.data["status"] for each in events][-1] == "succeeded"


@pytest.mark.parametrize("last_id", ["1", "0" * 64])
def test_an_event_that_was_not_given_out_is_refused(live: Live, last_id: str) -> None:
    request_id = submitted(live, "unknown")
    with followed(url(live, request_id), live.requester) as events:
        of_another = next(events).id
    other = submitted(live, "unknown2")
    for wrong in (last_id, of_another):
        headers = {**live.requester, "Accept": "text/event-stream", "Last-Event-ID": wrong}
        answer = live.client.get(url(live, other), headers=headers)
        assert answer.status_code == 422
        assert [each["type"] for each in answer.json()["detail"]] == ["event_id_unknown"]
    work_off()


def test_json_is_what_others_get(live: Live) -> None:
    request_id = submitted(live, "json")
    for accept in ("*/*", "application/json", "text/event-stream;q=0.5, application/json", "text/html"):
        answer = live.client.get(url(live, request_id), headers={**live.requester, "Accept": accept})
        assert answer.json()["id"] == request_id
    work_off()
    log = f"{url(live, request_id)}/events"
    assert live.client.get(log, headers=live.requester).json()["items"]
    with followed(log, live.requester) as events:  # the log can be followed where it is read, too
        assert [each.name for each in events][-1] == "end"


def test_streams_go_on_when_the_connection_that_listens_is_lost(
    live: Live, beside: psycopg.Connection
) -> None:
    request_id = submitted(live, "lost")
    with followed(url(live, request_id), live.requester) as events:
        next(events)
        listener = (
            "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%INTO live_listeners%'"
            " AND pid <> pg_backend_pid()"
        )
        eventually(lambda: beside.execute(f"SELECT pid {listener}").fetchone())
        assert beside.execute(f"SELECT pg_terminate_backend(pid) {listener}").rowcount == 1
        began = time.monotonic()
        work_off()
        assert [*events][-1].data["status"] == "succeeded"
        assert time.monotonic() - began < POLL_INTERVAL + SOON


def test_who_may_not_see_it_any_more_is_told_no_more(live: Live, beside: psycopg.Connection) -> None:
    token = make_token("requester", accounts=["team-a"])
    request_id = submitted(live, "revoked")
    eventually(lambda: live.client.get(url(live, request_id), headers=bearer(token)).is_success)
    with followed(url(live, request_id), bearer(token)) as events:
        next(events)
        revoke = "UPDATE access_tokens SET revoked_at = now() WHERE prefix = %s"
        beside.execute(revoke, [prefix_of(token)])
        beside.execute("UPDATE access_version SET version = gen_random_uuid()")
        time.sleep(1)  # for which a token may be good
        work_off()
        assert [*events] == []


@pytest.mark.thorough
def test_followers_are_bounded_and_leave_nothing_behind(live: Live, beside: psycopg.Connection) -> None:
    request_id = submitted(live, "many")
    headers = {**live.requester, "Accept": "text/event-stream"}
    with (
        httpx2.Client(limits=httpx2.Limits(max_connections=None), timeout=30) as client,
        ExitStack() as open_,
    ):
        for _ in range(MAX_STREAMS_OF_EACH):
            answer = open_.enter_context(client.stream("GET", url(live, request_id), headers=headers))
            assert answer.status_code == 200
        answer = client.get(url(live, request_id), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_followers")
        assert int(answer.headers["retry-after"]) > 0
        with followed(url(live, request_id), live.auditor) as events:  # others come in beside them
            next(events)
        connections = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        [used] = beside.execute(connections).fetchone() or (0,)
        assert used < 30
    eventually(lambda: client_gets_in(live, request_id), limit=10)
    work_off()
    eventually(lambda: not beside.execute("SELECT id FROM live_listeners").fetchall(), limit=20)


def test_long_lines_come_in_several_looks(live: Live, beside: psycopg.Connection) -> None:
    request_id = submitted(live, "long")
    beside.execute(LONG_LINES, [request_id, 40])
    work_off()
    with followed(url(live, request_id), live.requester) as events:
        told = [each.data["message"] for each in events if each.name == "status"]
    assert [len(message) for message in told].count(10_000) == 40


@pytest.mark.thorough
def test_a_client_that_does_not_read_holds_little_memory(live: Live, beside: psycopg.Connection) -> None:
    request_id = submitted(live, "unread")
    beside.execute(LONG_LINES, [request_id, 500])  # 5 MB, so 100 for all clients
    headers = {**live.requester, "Host": "x", "Accept": "text/event-stream"}
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"GET /api/v1/dns/requests/{request_id} HTTP/1.1\r\n{fields}\r\n".encode()
    with cost(live.api) as measured, ExitStack() as open_:
        for _ in range(20):
            client = open_.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", live.api.port))
            client.sendall(head)
            assert client.recv(12) == b"HTTP/1.1 200"
        time.sleep(1)  # for which it would go on to send
    assert measured.memory < 40
    assert not measured.held_up
    work_off()


def client_gets_in(live: Live, request_id: str) -> bool:
    try:
        with followed(url(live, request_id), live.requester) as events:
            return next(events).name == "status"
    except AssertionError:
        return False


def test_no_stream_without_the_right(live: Live) -> None:
    answer = httpx2.get(
        f"{live.dns}/requests/{submitted(live, 'none')}", headers={"Accept": "text/event-stream"}
    )
    assert answer.status_code == 401


def test_the_end_of_the_process_ends_streams_at_once(live: Live, live_processes: dict[str, Live]) -> None:
    request_id = submitted(live, "stopped")
    with followed(url(live, request_id), live.requester) as events:
        next(events)
        began = time.monotonic()
        del live_processes["api"]
        live.api.stop()
        assert time.monotonic() - began < 15  # of the 20 that STOP_TIMEOUT gives
        assert [*events] == []
    live.client.close()
