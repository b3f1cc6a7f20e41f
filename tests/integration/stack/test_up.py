"""`python -m stack up` as a person runs it, and parts that a person brings along."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from stack import bind
from stack.embedded import Stack
from stack.errors import StackError
from stack.kafka import Kafka
from stack.paths import PACKAGES, ROOT
from stack.ports import Ports, variable
from tests.support.eventually import eventually

Up = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def ports() -> Ports:
    return Ports.free()


@pytest.fixture
def up(infrastructure: Stack, tmp_path: Path, ports: Ports) -> Iterator[Up]:
    """Runs the command in a directory of its own; what `infrastructure` has downloaded is there."""
    (tmp_path / "packages").symlink_to(PACKAGES)
    environment = {variable(field.name): str(getattr(ports, field.name)) for field in fields(Ports)}
    environment |= {"PATH": os.environ["PATH"], "STACK_DIR": str(tmp_path)}
    started: list[subprocess.Popen[str]] = []

    def run() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "stack", "up", "--infra"],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if words in line:
            return seen
    raise AssertionError(seen)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(number) for task in tasks for number in task.read_text().split()]


def variables(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_up_says_where_everything_is_and_an_interrupt_ends_it(up: Up, tmp_path: Path, ports: Ports) -> None:
    """Meanwhile no other stack uses its directory."""
    process = up()
    log = read_until(process, "Ready.")
    assert "postgres | " in log
    assert "\x1b" not in log
    assert "Downloading" not in log

    found = variables(tmp_path / "env")
    assert found["API_URL"] == f"http://127.0.0.1:{ports.api}/api/v1/dns/create"
    assert found["DNS_SERVER"] == f"127.0.0.1:{ports.dns}"
    assert found["KAFKA_BROKER_URL"] == f"127.0.0.1:{ports.kafka}"
    assert found["EXECUTOR"] == "ansible"
    assert "example.test=bind" in found["BOOTSTRAP_ZONES"]
    psycopg.connect(found["DATABASE_URL"]).close()

    second = up()
    output, _ = second.communicate(timeout=60)
    assert output == f"Another stack runs in {tmp_path}: stop it, or set STACK_DIR.\n"
    assert second.returncode == 1

    parts = children(process.pid)
    assert len(parts) == 4
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert not [pid for pid in parts if Path(f"/proc/{pid}").exists()]
    assert not (tmp_path / "env").exists()


@pytest.mark.thorough
def test_no_part_outlives_a_killed_supervisor(up: Up) -> None:
    process = up()
    read_until(process, "Ready.")
    parts = children(process.pid)
    assert len(parts) == 4
    process.kill()
    process.wait()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in parts))
    assert "ERROR" not in read_until(up(), "Ready.")


@pytest.mark.thorough
def test_an_interrupt_while_it_starts_ends_it_too(up: Up) -> None:
    process = up()
    read_until(process, "postgres | ")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0


def test_a_taken_port_is_named_with_the_setting_to_change(up: Up, ports: Ports) -> None:
    with socket.create_server(("127.0.0.1", ports.valkey)):
        output, _ = up().communicate(timeout=60)
    assert output == f"Port {ports.valkey}, for valkey, is taken: set STACK_VALKEY_PORT to another.\n"


@pytest.mark.thorough
def test_settings_that_can_not_be_used_are_said_once_before_anything_is_started(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "stack", "up"],
        cwd=ROOT,
        env={"STACK_DIR": str(tmp_path), "PARTITION_SPAN": "dya", "RETENTON": "60"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert (process.returncode, process.stdout, list(tmp_path.iterdir())) == (1, "", [])
    page = process.stderr.splitlines()
    assert (page[0], len(page)) == ("These settings can't be used:", 4)
    assert "PARTITION_SPAN is 'dya'" in page[1]
    assert "no setting is called RETENTON; is RETENTION meant?" in page[2]


def test_a_part_that_the_environment_names_is_not_started(tmp_path: Path) -> None:
    overrides = {"CELERY_BROKER_URL": "redis://192.0.2.1:6379/0", "PLAYBOOK": "/srv/own.yml"}
    with Stack(tmp_path, parts=["valkey", "kafka"], overrides=overrides) as stack:
        assert stack.env["CELERY_BROKER_URL"] == "redis://192.0.2.1:6379/0"
        assert stack.env["PLAYBOOK"] == "/srv/own.yml"
        assert stack.pid("kafka") is not None
        with pytest.raises(StackError, match="valkey is not a part"):
            stack.pid("valkey")


def test_a_dns_server_that_the_environment_names_is_put_into_the_inventory(tmp_path: Path) -> None:
    key_file = tmp_path / "tsig.key"
    key_file.touch()
    overrides = {"DNS_SERVER": "[2001:db8::53]:5353", "DNS_KEY_FILE": str(key_file)}
    with Stack(tmp_path, parts=["bind"], overrides=overrides) as stack:
        hosts = Path(stack.env["INVENTORY"], "hosts.yml").read_text()
        assert stack.env["EXECUTOR"] == "ansible"
    assert 'dns_server: "2001:db8::53"\n      dns_port: 5353\n' in hosts
    assert f'dns_tsig_key_file: "{key_file}"' in hosts


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"DNS_SERVER": "192.0.2.1"}, "must be an address and a port"),
        ({"DNS_SERVER": "192.0.2.1:53"}, "DNS_KEY_FILE must name"),
        ({"DNS_SERVER": "192.0.2.1:53", "DNS_KEY_FILE": "/nowhere/key"}, "DNS_KEY_FILE must name"),
    ],
)
def test_a_dns_server_without_port_or_key_is_refused(
    overrides: dict[str, str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(StackError, match=words):
        Stack(tmp_path, parts=["bind"], overrides=overrides).__enter__()


def test_where_no_dns_server_can_be_had_changes_are_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bind, "find_installed", lambda name: None)
    monkeypatch.setattr("stack.assembly.PACKAGES", tmp_path / "none")
    monkeypatch.setenv("PATH", "")
    with Stack(tmp_path, parts=["bind"], may_simulate=True) as stack:
        assert stack.env["EXECUTOR"] == "simulated"
        assert "changes are only simulated" in stack.output("stack")
    with pytest.raises(StackError, match="not a Debian system"):
        Stack(tmp_path, parts=["bind"]).__enter__()


def test_a_consumer_that_has_made_the_topics_first_is_no_error(tmp_path: Path) -> None:
    with Stack(tmp_path, parts=["kafka"]) as stack:
        admin = AdminClient({"bootstrap.servers": stack.env["KAFKA_BROKER_URL"], "log_level": 0})
        assert "dns_requests.dlq" in admin.list_topics(timeout=10).topics
        Kafka(stack.ports.kafka, "dns_requests", "dns_results").complete()
