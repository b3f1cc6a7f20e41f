"""PostgreSQL in trouble: calls end soon, with a word about why, and nobody pays for somebody else's lock."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import psycopg
import pytest
from sqlalchemy import make_url

from tests.integration.api.doors.conftest import ZONE, StartApi
from tests.support import http
from tests.support.api_process import TIMEOUT, Api, batch_of, cost
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.proxy import Proxy, proxy

LISTS = 40
Get = tuple[int, str]


@pytest.fixture(scope="module")
def in_front(api_database: str) -> Iterator[Proxy]:
    """What the API reaches PostgreSQL through."""
    url = make_url(api_database)
    with proxy(url.host or "127.0.0.1", url.port or 5432) as running:
        yield running


@pytest.fixture(scope="module")
def api(start: StartApi, api_database: str, in_front: Proxy) -> Api:
    """An API that gives the database two seconds."""
    url = make_url(api_database).set(host="127.0.0.1", port=in_front.port)
    return start(
        DATABASE_URL=url.render_as_string(hide_password=False), DATABASE_TIMEOUT="2", BATCH_TIMEOUT="3"
    )


def get(api: Api, path: str) -> httpx2.Response:
    return http.get(f"{api.url}{path}", timeout=TIMEOUT)


def test_a_database_that_has_stopped(api: Api, in_front: Proxy) -> None:
    assert api.create(ZONE).status_code == 202
    assert get(api, "/readyz").status_code == 200
    calls = [
        lambda: api.create(ZONE),
        lambda: api.post("dns/batch", batch_of([body(ZONE)])),
        lambda: api.post("dns/batch", batch_of([body(ZONE)], atomic=True)),
        lambda: api.post("dns/plan", batch_of([body(ZONE)])),
        lambda: api.post("zones", b'{"name": "other.test", "backend": "bind"}'),
        lambda: get(api, "/api/v1/dns/requests"),
        lambda: get(api, "/api/v1/zones"),
        lambda: get(api, "/metrics"),
        lambda: get(api, "/readyz"),
    ]
    in_front.frozen.set()
    try:
        began = time.monotonic()
        with ThreadPoolExecutor(len(calls)) as pool, cost(api) as measured:
            *answers, metrics, ready = [future.result() for future in [pool.submit(call) for call in calls]]
        taken = time.monotonic() - began
    finally:
        in_front.frozen.clear()
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers.get("retry-after") for answer in answers} == {"2"}
    assert (ready.status_code, ready.json()["dependencies"]["postgresql"]) == (503, "unavailable")
    assert ready.json()["problems"][0].startswith("PostgreSQL does not answer: ")
    assert metrics.status_code == 200
    assert "dns_orchestrator_stats_up 0.0" in metrics.text
    assert 'dns_orchestrator_dependency_up{dependency="postgresql"} 0.0' in metrics.text
    assert "dns_orchestrator_requests_accepted_total{" in metrics.text
    assert taken < 12
    assert not measured.held_up
    eventually(lambda: get(api, "/readyz").status_code == 200, 20)
    eventually(lambda: "dns_orchestrator_stats_up 1.0" in get(api, "/metrics").text, 20)
    assert api.create(ZONE).status_code == 202


@contextmanager
def key_in_hand(api_database: str, key: str) -> Iterator[psycopg.Connection]:
    """A transaction that has stored a request with this key, and does not end."""
    with psycopg.connect(api_database) as connection:
        connection.execute(
            "INSERT INTO dns_idempotency_keys (account_id, idempotency_key, request_id)"
            " SELECT account_id, %s, gen_random_uuid() FROM dns_requests LIMIT 1",
            (key,),
        )
        yield connection
        connection.rollback()


def test_a_key_in_a_transaction_that_is_stuck_stops_its_own_requests_only(
    api: Api, api_database: str
) -> None:
    assert api.create(ZONE).status_code == 202
    with key_in_hand(api_database, "stuck"), ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(api.create, ZONE, "www", "stuck") for _ in range(4)]
        time.sleep(0.1)
        began = time.monotonic()
        others = list(pool.map(lambda number: api.create(ZONE, f"h{number}", f"k{number}"), range(10)))
        taken = time.monotonic() - began
        assert {answer.status_code for answer in others} == {202}
        assert taken < 2
        refused = [each.result() for each in waiting]
    assert {(each.status_code, each.json()["code"]) for each in refused} == {(503, "database_locked")}
    assert api.create(ZONE, "www", "stuck").status_code == 202


@pytest.mark.thorough
def test_values_of_64_kilobytes_from_many_clients(api: Api) -> None:
    """840 in one statement were more than PostgreSQL's JSON holds."""
    content = body(ZONE, "txt", record_type="TXT", target="x" * 60_000)
    url = f"{api.url}/api/v1/dns/upsert"
    with ThreadPoolExecutor(40) as pool, httpx2.Client(timeout=TIMEOUT) as client:
        answers = list(pool.map(lambda _: client.post(url, json=content).status_code, range(200)))
    assert set(answers) == {202}


@contextmanager
def slow_records(api_database: str) -> Iterator[None]:
    """A list of records that takes a minute."""
    with psycopg.connect(api_database, autocommit=True) as connection:
        connection.execute("ALTER TABLE dns_records RENAME TO records_of_the_test")
        connection.execute(
            "CREATE VIEW dns_records AS SELECT found.* FROM (SELECT pg_sleep(60)) AS slowly"
            " CROSS JOIN records_of_the_test AS found"
        )
        connection.execute(
            "INSERT INTO records_of_the_test (zone, name, record_type, ttl, rdata, account_id, request_id)"
            " VALUES ('a', 'a', 'A', 1, '{}', 'a', gen_random_uuid())"
        )
        yield
        connection.execute("DROP VIEW dns_records")
        connection.execute("ALTER TABLE records_of_the_test RENAME TO dns_records")


def test_forty_slow_lists_make_no_instance_unready(api: Api, api_database: str) -> None:
    with slow_records(api_database), ThreadPoolExecutor(LISTS) as pool:
        lists = [pool.submit(get, api, "/api/v1/dns/records") for _ in range(LISTS)]
        time.sleep(0.3)
        with cost(api) as measured:
            began = time.monotonic()
            assert get(api, "/readyz").status_code == 200
            assert api.create(ZONE).status_code == 202
            assert api.post("dns/batch", batch_of([body(ZONE)])).status_code == 207
            taken = time.monotonic() - began
        answers = [each.result() for each in lists]
    assert taken < 2
    assert not measured.held_up
    codes = {(answer.status_code, answer.json()["code"]) for answer in answers}
    assert codes <= {(503, "query_timeout"), (503, "database_unavailable")}
    assert (503, "query_timeout") in codes
