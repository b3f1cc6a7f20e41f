"""`doctor`, where one thing after the other is wrong."""

import json
import os
import secrets
import shutil
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import examination, examined_settings
from app.core import database
from app.core.celery_app import celery_app
from app.core.config import Settings
from app.core.database import transaction
from app.core.partitioning import Partition, id_at
from app.services.partitions import MOST_COUNTED, State
from app.store import backends
from stack.embedded import Stack
from stack.inventory import write_backend
from stack.nameserver import create_key
from tests.support.api_process import Api
from tests.support.commands import run_command
from tests.support.eventually import eventually
from tests.support.forked import CLI, Forked, run_in_fork
from tests.support.running_api import forget_clients
from tests.support.settings import SetSettings
from tests.support.thoroughly import thoroughly

Doctor = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def lone_doctor(app_settings: Settings, set_settings: SetSettings, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Runs the command and returns its findings, but for API and worker, which do not run here."""

    def run(**variables: str) -> list[dict[str, Any]]:
        set_settings(**variables)
        if variables and "PLAYBOOK" not in variables:  # the shipped one has been found readable
            monkeypatch.setattr(examined_settings, "why_unreadable", lambda _: None)
        if "DATABASE_URL" in variables:
            forget_clients()  # the command would have no connection yet
        told = run_command("doctor", "--json")
        assert told.exit_code == 1  # for API and worker
        found = json.loads(told.stdout)
        assert found["well"] is False
        return [each for each in found["findings"] if each["what"] not in ("API", "worker")]

    return run


@pytest.fixture
def doctor(client: TestClient, lone_doctor: Doctor) -> Doctor:
    """The same, where the zone `new_zone` is served."""
    return lone_doctor


def failed(findings: list[dict[str, Any]]) -> list[str]:
    return [f"{each['what']}: {each['words']}" for each in findings if each["state"] == "failed"]


def test_what_is_well(doctor: Doctor, new_zone: str) -> None:
    findings = doctor()
    assert failed(findings) == []
    words = [each["words"] for each in findings if each["what"] == "backend bind"]
    assert len(words) == 3
    assert words[0].startswith(f"{new_zone} at 127.0.0.1:")
    assert words[1].endswith("the key may change the zone")
    assert [each["state"] for each in findings if each["what"] == "partitions"] == ["ok"]


def test_partitions_that_want_something(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)

    def made(begin: int, end: int) -> Partition:
        return Partition("one", *(id_at(now + timedelta(days=days)) for days in (begin, end)))

    states = [
        State("dns_requests", [made(-60, -30), made(-30, 2)], 7),
        State("dns_request_events", [made(-1, 1), made(1, 2)], MOST_COUNTED),
        State("ansible_runs", [], 0),
    ]
    monkeypatch.setattr(examination, "list_states", lambda _: states)
    monkeypatch.setattr(examination, "list_taken_out", lambda _: ["dns_requests_first"])
    found = [each for each in doctor(RETENTION="864000") if each["what"] == "partitions"]
    assert {each["state"] for each in found} == {"warning"}
    expected = (
        "ansible_runs: not in partitions",
        "nobody makes the next one of dns_requests",
        "7 rows of dns_requests",
        "RETENTION says that the oldest one of dns_requests should be gone for 20 days",
        "10000 or more rows of dns_request_events",
        "dns_requests_first: taken out, and in no file yet",
    )
    assert all(each["words"].startswith(words) for each, words in zip(found, expected, strict=True))


def test_what_is_wrong_with_each_backend_and_its_zones(
    doctor: Doctor, client: TestClient, infrastructure: Stack, tmp_path: Path
) -> None:
    """A key with another secret, one that the server does not know, one that is not there; a server away."""
    create_key(tmp_path / "other")
    create_key(tmp_path / "stranger", "somebody")
    host, _, port = infrastructure.env["DNS_SERVER"].rpartition(":")
    right = infrastructure.key_file()
    backends = {
        "other": (int(port), tmp_path / "other"),
        "stranger": (int(port), tmp_path / "stranger"),
        "keyless": (int(port), tmp_path / "none"),
        "away": (9, right),
        "unserved": (int(port), right),
    }
    for name, (own_port, key_file) in backends.items():
        write_backend(tmp_path / "i", name, host, own_port, dns_tsig_key_file=str(key_file))
        zone = f"{name}-{secrets.token_hex(4)}.test"
        if name != "unserved":
            infrastructure.add_zone(zone)
        client.post("/api/v1/zones", json={"name": zone, "backend": name}).raise_for_status()
    client.post("/api/v1/zones", json={"name": "lost.test", "backend": "bnid"}).raise_for_status()
    wrong = failed(doctor(INVENTORY=str(tmp_path / "i")))
    found = {name: [each for each in wrong if f" {name}-" in each] for name in backends}
    assert {name: len(each) for name, each in found.items()} == dict.fromkeys(backends, 2) | {
        "other": 1,
        "stranger": 1,
        "keyless": 1,
    }
    assert "BADSIG" in found["other"][0]
    assert "BADKEY" in found["stranger"][0]
    assert "can't be read: No such file" in found["keyless"][0]
    assert all("Connection refused" in each for each in found["away"])
    assert all("does not serve the zone" in each for each in found["unserved"])
    assert "backend bnid: zones name it, the inventory does not: lost.test" in wrong


@pytest.mark.thorough
def test_limits_and_inventories_that_can_not_be_read(
    doctor: Doctor, dns_inventory: Path, tmp_path: Path
) -> None:
    shutil.copytree(dns_inventory, tmp_path / "i")
    hosts = tmp_path / "i" / "hosts.yml"
    hosts.write_text(
        hosts.read_text().replace("      dns_server", '      dns_max_runs: "3"\n      dns_server')
    )
    [wrong] = failed(doctor(INVENTORY=str(tmp_path / "i")))
    assert "dns_max_runs" in wrong
    [wrong] = failed(doctor(INVENTORY=str(tmp_path / "none")))
    assert "does not exist" in wrong


@pytest.mark.parametrize(
    ("content", "why"),
    [("a text\n", "must be a list of plays"), thoroughly("- hosts: all\n  tasks: 3\n", "tasks")],
)
def test_a_playbook_that_is_none(doctor: Doctor, tmp_path: Path, content: str, why: str) -> None:
    playbook = tmp_path / "none.yml"
    playbook.write_text(content)
    [wrong] = failed(doctor(PLAYBOOK=str(playbook)))
    assert wrong.startswith(f"executor: Ansible can't read the playbook {playbook}: ")
    assert why in wrong
    assert "\n" not in wrong


@pytest.mark.thorough
def test_parts_that_are_away(lone_doctor: Doctor) -> None:
    away = {
        "DATABASE_URL": "postgresql://u:secret@127.0.0.1:9/d",
        "CELERY_BROKER_URL": "redis://127.0.0.1:9/0",
    }
    findings = lone_doctor(KAFKA_BROKER_URL="127.0.0.1:9", **away)
    assert not [each for each in findings if each["what"] == "backend bind"]  # nobody can know its zones
    [unknown] = [each for each in findings if each["what"] == "backends"]
    assert (unknown["state"], "unknown" in unknown["words"]) == ("warning", True)
    assert [each.partition(":")[0] for each in failed(findings)] == [
        "PostgreSQL",
        "Redis",
        "Kafka",
        "results topic",
    ]
    assert all("127.0.0.1:9" in each for each in failed(findings))
    assert "secret" not in json.dumps(findings)


def test_where_nothing_is_there_every_part_is_named_with_its_address(tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": "postgresql://u:secret@127.0.0.1:9/d",
        "CELERY_BROKER_URL": "redis://:secret@127.0.0.1:10/0",
        "KAFKA_BROKER_URL": "127.0.0.1:11",
        "API_URL": "http://u:secret@127.0.0.1:12/api/v1/dns/create",
        "INVENTORY": str(tmp_path / "inventory"),
    }
    done = run_in_fork([*CLI, "doctor", "--json"], environment, tmp_path)
    words = {each["what"]: each["words"] for each in json.loads(done.out)["findings"]}
    addresses = {"PostgreSQL": 9, "Redis": 10, "worker": 10, "Kafka": 11, "API": 12}
    assert {what: f"127.0.0.1:{port}" in words[what] for what, port in addresses.items()} == dict.fromkeys(
        addresses, True
    )
    assert (done.status, done.err) == (1, "")
    assert "secret" not in done.out


def test_an_error_that_nobody_foresaw_is_a_finding(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise RuntimeError("never seen")

    monkeypatch.setattr(examined_settings, "why_unreadable", lambda _: None)
    monkeypatch.setattr(examination, "questions_about", fail)
    monkeypatch.setattr(database, "require_schema", fail)
    assert [each.partition(":")[0] for each in failed(doctor())] == ["PostgreSQL", "backend bind"]


@pytest.mark.thorough
def test_the_api_of_powerdns(
    doctor: Doctor, client: TestClient, more_name_servers: Stack, tmp_path: Path
) -> None:
    shutil.copytree(more_name_servers.env["INVENTORY"], tmp_path / "i")
    asked = (tmp_path / "i" / "powerdns.yml").read_text()
    url = next(line.split()[1].strip('"') for line in asked.splitlines() if "dns_api_url" in line)
    (tmp_path / "key").write_text("wrong")
    key = str(more_name_servers.data("powerdns") / "api.key")
    written = {
        "powerdns": asked,
        "slash": asked.replace(url, f"{url}/"),
        "misspelt": asked.replace(url, "http://ns1:api"),
        "refused": asked.replace(key, str(tmp_path / "key")),
    }
    for name, content in written.items():
        (tmp_path / "i" / f"{name}.yml").write_text(content.replace("powerdns:", f"{name}:"))
        more_name_servers.add_zone(f"{name}.doctor.test", "powerdns")
        served = {"name": f"{name}.doctor.test", "backend": name}
        client.post("/api/v1/zones", json=served).raise_for_status()
    wrong = failed(doctor(INVENTORY=str(tmp_path / "i")))
    found = {name: [each for each in wrong if each.startswith(f"backend {name}: ")] for name in written}
    assert (found["powerdns"], found["slash"]) == ([], [])
    [misspelt], [refused] = found["misspelt"], found["refused"]
    assert "http://ns1:api, api: Invalid port" in misspelt
    assert "the API key is refused" in refused


def test_words_for_a_pipe_and_for_a_misspelt_setting(
    doctor: Doctor, set_settings: SetSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examined_settings, "why_unreadable", lambda _: None)
    set_settings(RETRY_PUASE="1")
    lines = run_command("doctor").stdout.splitlines()
    assert lines[0] == "settings\twarning\tno setting is called RETRY_PUASE; is RETRY_PAUSE meant?"


@pytest.mark.parametrize(("api", "worker"), [("ansible", "simulated"), thoroughly("simulated", "ansible")])
def test_processes_that_do_not_agree_whether_changes_are_simulated(
    doctor: Doctor, client: TestClient, new_zone: str, api: str, worker: str
) -> None:
    """As when a worker has no inventory beside an API for real servers, and the other way round.

    As long as the worker is there, a restored database is left alone, too.
    """
    words = ("-m", "celery", "-A", "app.tasks", "worker", "--pool=solo", "-Q", "other")
    process = Forked(words, {"EXECUTOR": worker}, Path(os.devnull))
    running = Api(EXECUTOR=api)
    try:
        running.wait()
        eventually(lambda: celery_app.control.ping(timeout=1.0))
        refused = run_command("restored")
        wrong = failed(doctor(EXECUTOR=worker, API_URL=f"{running.url}/api/v1/dns/create"))
    finally:
        running.stop()
        process.stop()
    [finding] = [each for each in wrong if each.startswith("executors: ")]
    assert f"API: {api}" in finding
    assert f"celery@{socket.gethostname()}: {worker}" in finding
    assert (refused.exit_code, f"alive: celery@{socket.gethostname()}" in refused.stderr) == (1, True)


def test_zones_that_a_simulating_worker_leaves_alone(doctor: Doctor, new_zone: str) -> None:
    with transaction() as session:
        backends.publish(session, {"bind": None})
    [wrong] = failed(doctor(EXECUTOR="simulated"))
    assert wrong == f"backend bind: a worker that only simulates leaves its zones alone: {new_zone}"


def test_metrics_that_are_not_shown_and_a_variable_for_runs_that_is_not_set(doctor: Doctor) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        findings = doctor(METRICS_LISTEN=f"0.0.0.0:{port}", RUN_ENVIRONMENT="HOME,NOT_SET_HERE")
    [away] = failed(findings)
    assert away.startswith(f"metrics: 0.0.0.0:{port}: nothing answers there (")
    found = [each for each in findings if each["what"] == "RUN_ENVIRONMENT"]
    assert [(each["state"], each["words"]) for each in found] == [
        ("warning", "not set here, so runs do not get it: NOT_SET_HERE")
    ]
