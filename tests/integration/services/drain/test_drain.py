"""Drains of zones whose backend is away or busy; a runner without Ansible decides how runs end."""

import json
import logging
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from threading import Event

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core import database
from app.core.celery_app import QUEUE
from app.core.config import Settings, settings
from app.core.database import transaction
from app.core.logging import configure_logging
from app.core.redis import redis
from app.domain.change import ChangeResult, Outcome
from app.runner.protocol import Run, RunEvent, RunResult
from app.services import kicks
from app.services.drain.backends import InventoryBackends, make_backends
from app.services.drain.drain import drain
from app.services.drain.lease import hold_lease
from app.services.kicks import KICKED
from tests.support.builders import body
from tests.support.fixed_runner import APPLIED, AWAY, FixedRunner
from tests.support.settings import SetSettings


@pytest.fixture
def one_run_at_a_time(client: TestClient, tmp_path: Path, set_settings: SetSettings) -> TestClient:
    """The API, and an inventory that limits its backend to a single run."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("dns: {hosts: {bind: {dns_server: 127.0.0.1, dns_port: 9, dns_max_runs: 1}}}\n")
    set_settings(INVENTORY=str(inventory))
    return client


def submit(api: TestClient, zone: str, *owners: str) -> None:
    for owner in owners:
        api.post("/api/v1/dns/create", json=body(zone, owner)).raise_for_status()


def failures() -> int:
    """How often the backend has failed since it last worked."""
    with transaction() as session:
        found: int = session.execute(
            text("SELECT failures FROM dns_backends WHERE name = 'bind'")
        ).scalar_one()
    return found


def kicked(zone: str) -> bool:
    return bool(redis().exists(KICKED.format(zone=zone)))


@pytest.mark.usefixtures("backend_was_away")
def test_asking_the_servers_again_does_not_prove_that_the_backend_is_back(
    simulated: TestClient, new_zone: str
) -> None:
    submit(simulated, new_zone, "www")
    with transaction() as session:
        session.execute(
            text("UPDATE dns_requests SET status = 'verifying', verify_by = now(), check_at = now()")
        )
    drain(new_zone, FixedRunner(APPLIED), make_backends())
    assert failures() == 3  # another zone will probe it
    submit(simulated, new_zone, "next")
    drain(new_zone, FixedRunner(APPLIED), make_backends())
    assert failures() == 0


@pytest.mark.usefixtures("backend_was_away")
def test_a_probe_is_one_request(simulated: TestClient, new_zone: str) -> None:
    submit(simulated, new_zone, "a", "b", "c")
    probe = FixedRunner(AWAY)
    drain(new_zone, probe, make_backends())
    assert [len(run.changes) for run in probe.runs] == [1]
    assert failures() == 4


class TalkativeRunner(FixedRunner):
    """A runner whose runs have a line of their own."""

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        on_event(RunEvent("task: Send the dynamic update"))
        return super().run(run, on_event, cancel)


NOT_LOADED = ChangeResult(Outcome.FAILED, "zone_not_loaded", "the server does not serve the zone")


def end_rests() -> None:
    with transaction() as session:
        session.execute(text("UPDATE dns_zone_leases SET paused_until = now()"))


def test_a_try_that_ends_as_the_one_before_is_one_line(
    simulated: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(simulated, new_zone, "www")
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # whatever tests before have left there
    configure_logging("api")
    [handler] = logging.getLogger().handlers
    stream = StringIO()
    monkeypatch.setattr(handler, "stream", stream)

    def logged() -> str:
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return text

    messages: list[list[str]] = []
    said: list[str] = []
    for _ in range(4):
        logged()
        drain(new_zone, TalkativeRunner(NOT_LOADED), make_backends())
        end_rests()
        said.append(logged())
        [request] = simulated.get("/api/v1/dns/requests").json()["items"]
        shown = simulated.get(f"/api/v1/dns/requests/{request['id']}").json()
        messages.append([event["message"] for event in shown["events"]])
    assert request["attempts"] == 4
    assert "task: Send the dynamic update" in messages[0]
    assert messages == [messages[0]] * 4
    with transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM ansible_run_events")) == 1
    assert all(words in said[0] for words in ("task: Send", "run ended", "www", "zone unavailable"))
    for repeated in said[1:]:
        assert "zone unavailable" in repeated
        assert not any(words in repeated for words in ("task: Send", "run ended", "www"))
    drain(new_zone, TalkativeRunner(ChangeResult(Outcome.FAILED, "refused", "not so")), make_backends())
    lines = [json.loads(line) for line in logged().splitlines()]
    [warning] = [line for line in lines if line["level"] == "warning"]
    assert warning["message"] == f"www.{new_zone} A failed, refused: not so"
    [request] = simulated.get("/api/v1/dns/requests").json()["items"]
    assert (warning["request_id"], warning["run_id"]) == (request["id"], request["run_id"])


@pytest.mark.thorough
def test_a_zone_that_waits_for_its_backend_is_woken_when_a_run_ends(
    one_run_at_a_time: TestClient, new_zone: str
) -> None:
    busy = {"name": "busy.test", "backend": "bind"}
    one_run_at_a_time.post("/api/v1/zones", json=busy).raise_for_status()
    submit(one_run_at_a_time, new_zone, "www")
    with hold_lease("busy.test", make_backends()) as (lease, _):
        assert lease is not None
        drain(new_zone, FixedRunner(AWAY), make_backends())
        redis().delete(KICKED.format(zone=new_zone), QUEUE)
        assert kicks.sweep() == []  # or the workers would be kicked again and again until that run ends
    drain("busy.test", FixedRunner(AWAY), make_backends())
    assert kicked(new_zone)


def count_runs() -> int:
    with transaction() as session:
        return session.scalar(text("SELECT count(*) FROM ansible_runs")) or 0


def test_where_there_is_no_zone_any_more_nothing_runs(simulated: TestClient, new_zone: str) -> None:
    submit(simulated, new_zone, "www")
    with transaction() as session:
        session.execute(text("DELETE FROM dns_zones"))  # by hand: the API keeps a zone with open requests
    runner = FixedRunner(APPLIED)
    drain(new_zone, runner, make_backends())
    [request] = simulated.get("/api/v1/dns/requests").json()["items"]
    assert (request["status"], request["error"]["code"]) == ("failed", "zone_unknown")
    assert request["run_id"] is None
    assert (runner.runs, count_runs()) == ([], 0)


def test_a_zone_of_a_backend_that_does_not_exist_is_ended_by_calls(client: TestClient) -> None:
    zone = {"name": "nowhere.test", "backend": "nosuch"}
    client.post("/api/v1/zones", json=zone).raise_for_status()
    submit(client, "nowhere.test", "www")
    runner = FixedRunner(APPLIED)
    drain("nowhere.test", runner, make_backends())
    [request] = client.get("/api/v1/dns/requests", params={"zone": "nowhere.test"}).json()["items"]
    shown = client.get(f"/api/v1/dns/requests/{request['id']}")
    assert shown.json()["status"] == "pending"
    assert str(settings().inventory) not in shown.text  # where it is, and what it has, is for operators
    assert (runner.runs, count_runs()) == ([], 0)
    removed = client.delete("/api/v1/zones/nowhere.test", params={"cancel_open": "true"})
    assert removed.status_code == 204
    assert client.get(f"/api/v1/dns/requests/{request['id']}").json()["status"] == "cancelled"


class SlowlyRead(InventoryBackends):
    """An inventory that takes longer to read than a zone's turn may last."""

    def prepare(self) -> None:
        time.sleep(2.1)
        super().prepare()


def test_a_turn_never_ends_before_its_first_batch(
    client: TestClient, app_settings: Settings, new_zone: str
) -> None:
    submit(client, new_zone, "www")
    redis().rpush(QUEUE, "the kick of another zone")  # which wants its turn
    runner = FixedRunner(AWAY)
    drain(new_zone, runner, SlowlyRead(app_settings.inventory))
    assert len(runner.runs) == 1


def use_database(url: str, set_settings: SetSettings) -> None:
    database.close()
    set_settings(DATABASE_URL=url)
    database.cached_engine.cache_clear()


def test_a_database_that_is_away_is_one_line_of_the_log(
    simulated: TestClient, new_zone: str, set_settings: SetSettings, logged: Callable[[], str]
) -> None:
    """Celery would log the exception with its traceback, for each drain."""
    submit(simulated, new_zone, "www")
    runner = FixedRunner(APPLIED)
    own = settings().database_url.get_secret_value()
    logged()
    use_database("postgresql://u:secret@127.0.0.1:9/d", set_settings)
    drain(new_zone, runner, make_backends())
    said = logged()
    use_database(own, set_settings)
    assert "zone not drained: the database is in the way; the sweep has it drained again" in said
    assert "Connection refused" in said
    assert "Traceback" not in said
    assert "secret" not in said
    drain(new_zone, runner, make_backends())
    assert len(runner.runs) == 1
