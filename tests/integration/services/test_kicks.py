"""Kicks, and the sweep that makes up for those that are lost: soon, and without a storm of them."""

import json
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.celery_app import QUEUE
from app.core.database import transaction
from app.core.redis import redis
from app.services import kicks
from app.services.drain.backends import make_backends
from app.services.drain.lease import hold_lease
from app.services.kicks import KICKED
from tests.support.builders import body
from tests.support.settings import SetSettings

INTERVAL = 0.2  # seconds


@pytest.fixture
def lost_kick(client: TestClient, new_zone: str, set_settings: SetSettings) -> Iterator[str]:
    """A zone with a request, whose mark says that it was kicked; the queue is empty."""
    set_settings(SWEEP_INTERVAL=str(INTERVAL))
    redis().set(KICKED.format(zone=new_zone), 1, ex=30)
    client.post("/api/v1/dns/create", json=body(new_zone)).raise_for_status()
    redis().delete(QUEUE, KICKED.format(zone="other.test"))
    yield new_zone
    redis().delete(QUEUE, KICKED.format(zone=new_zone))


def waiting_kicks() -> list[str]:
    """The zones of the kicks that wait for a worker, in their order."""
    messages = [json.loads(message) for message in cast(list[bytes], redis().lrange(QUEUE, 0, -1))]
    return [json.loads(b64decode(message["body"]))[0][0] for message in reversed(messages)]


def test_a_mark_without_a_message_does_not_silence_the_sweep(lost_kick: str) -> None:
    kicks.sweep()
    assert waiting_kicks() == [lost_kick]


def test_nor_when_other_kicks_wait(lost_kick: str) -> None:
    kicks.kick_zones(["other.test"])
    kicks.sweep()
    assert waiting_kicks() == ["other.test"]  # its own could be among those before
    time.sleep(INTERVAL)
    kicks.sweep()
    assert waiting_kicks() == ["other.test", lost_kick]


def test_a_zone_that_no_worker_takes_up_is_kicked_ever_more_rarely(lost_kick: str) -> None:
    until = time.monotonic() + 10 * INTERVAL
    while time.monotonic() < until:  # as the sweeps of many hosts do
        kicks.sweep()
        time.sleep(0.01)
    assert 3 <= len(waiting_kicks()) <= 5  # at 0, 1, 3 and 7 intervals


def test_what_redis_did_not_take_is_sent_with_the_next_sweep(
    lost_kick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr("app.services.kicks.celery_app.send_task", refuse)
        for _ in range(5):
            with pytest.raises(ConnectionError):
                kicks.sweep()
    kicks.sweep()
    assert waiting_kicks() == [lost_kick]


def test_zones_that_wait_for_a_run_are_not_kicked_until_it_ends(
    client: TestClient, tmp_path: Path, set_settings: SetSettings
) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(
        "dns: {hosts: {one: {dns_server: 127.0.0.1, dns_port: 9, dns_max_runs: 1},"
        " free: {dns_server: 127.0.0.1, dns_port: 9}}}\n"
    )
    set_settings(INVENTORY=str(inventory), EXECUTOR="ansible")
    zones = [f"z{number:03}.test" for number in range(60)]
    with transaction() as session:
        names = text("INSERT INTO dns_zones (name, backend) SELECT unnest(CAST(:names AS text[])), :backend")
        session.execute(names, {"names": zones, "backend": "one"})
        session.execute(names, {"names": ["free.test"], "backend": "free"})
    items = [{"action": "create", **body(zone)} for zone in [*reversed(zones), "free.test"]]
    client.post("/api/v1/dns/batch", json={"requests": items}).raise_for_status()
    with hold_lease("z030.test", make_backends()) as (lease, _):
        assert lease is not None
        for zone in zones[:5]:
            with hold_lease(zone, make_backends()) as (second, _):
                assert second is None
        redis().delete(QUEUE, *(KICKED.format(zone=zone) for zone in [*zones, "free.test"]))
        assert kicks.sweep() == ["free.test"]
    assert kicks.sweep() == ["z059.test"]  # which has waited longest
