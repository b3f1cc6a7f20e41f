"""A zone is removed while requests for it come in: one of the two is refused, never neither."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.builders import body
from tests.support.thoroughly import examples, thoroughly

TRIES = examples(15)
TIMEOUT = 60.0  # seconds


def create(client: TestClient, zone: str) -> Any:
    return client.post("/api/v1/dns/create", json=body(zone)).status_code


def batch(client: TestClient, zone: str) -> Any:
    answer = client.post("/api/v1/dns/batch", json={"requests": [body(zone)]})
    return answer.json()["results"][0]["status_code"]


def atomic(client: TestClient, zone: str) -> Any:
    return client.post("/api/v1/dns/batch", json={"requests": [body(zone)], "atomic": True}).status_code


@pytest.mark.parametrize(
    ("call", "accepted"), [(create, 202), thoroughly(batch, 202), thoroughly(atomic, 207)]
)
def test_a_zone_that_is_removed_gets_no_request(
    client: TestClient, new_zone: str, call: Callable[[TestClient, str], Any], accepted: int
) -> None:
    outcomes = set()
    with ThreadPoolExecutor(2) as pool:
        for number in range(TRIES):
            zone = f"z{number}.{new_zone}"
            client.post("/api/v1/zones", json={"name": zone, "backend": "bind"}).raise_for_status()
            client.delete(f"/api/v1/zones/{new_zone}")
            together = Barrier(2)

            def at_once(act: Callable[[], Any], together: Barrier = together) -> Any:
                together.wait(TIMEOUT)
                return act()

            asked = pool.submit(at_once, lambda zone=zone: call(client, zone))  # type: ignore[misc]
            removed = pool.submit(
                at_once,
                lambda zone=zone: client.delete(f"/api/v1/zones/{zone}").status_code,  # type: ignore[misc]
            )
            outcomes.add((asked.result(), removed.result()))
    assert outcomes <= {(accepted, 409), (422, 204)}


@pytest.mark.thorough
def test_a_zone_can_be_moved_while_requests_for_it_are_being_stored(
    client: TestClient, new_zone: str
) -> None:
    with ThreadPoolExecutor(8) as pool:
        created = [pool.submit(create, client, new_zone) for _ in range(40)]
        moved = [
            pool.submit(client.patch, f"/api/v1/zones/{new_zone}", json={"backend": "bind"})
            for _ in range(10)
        ]
    assert {each.result() for each in created} == {202}
    assert {each.result().status_code for each in moved} == {200}
