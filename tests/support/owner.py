"""The owner's instructions, of which a copy lies beside their tests: the commands, in their order."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from confluent_kafka import Producer

from app.core.config import ROOT
from stack.embedded import Stack
from stack.ports import HOST, Ports, is_free
from tests.support.eventually import eventually

TEXT = (ROOT / "tests" / "acceptance" / "owner" / "owner.md").read_text()
INFRASTRUCTURE = ("postgres", "valkey", "kafka")  # what stands in for the owner's containers of these

BODY = {
    "context": {"account_id": "team-a", "source": "api"},
    "resource": {"record_type": "A", "domain": "www.example.com", "target": "192.0.2.10"},
}


@dataclass(frozen=True)
class Container:
    """What a `docker run` of the text starts."""

    name: str
    environment: dict[str, str]
    image: str
    command: list[str]


def commands(section: str) -> list[str]:
    """The command lines of a section, in the order of the text."""
    found = re.search(rf"^(#+) {re.escape(section)}.*?$(.*?)(?=^\1 |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    blocks = re.findall(r"^\s*```bash\n(.*?)^\s*```", found[2], re.MULTILINE | re.DOTALL)
    lines = (line.strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def exports(lines: list[str]) -> dict[str, str]:
    """The variables that the `export`s among these lines set."""
    words = (shlex.split(line) for line in lines)
    return dict(word[1].split("=", 1) for word in words if word[0] == "export")


def containers(lines: list[str]) -> list[Container]:
    """What the `docker run`s among these lines start."""
    return [_container(shlex.split(line)[2:]) for line in lines if line.startswith("docker run ")]


def _container(words: list[str]) -> Container:
    given: dict[str, list[str]] = {}
    while words[0].startswith("-"):
        option = words.pop(0)
        given.setdefault(option, []).extend([] if option == "-d" else [words.pop(0)])
    environment = dict(variable.split("=", 1) for variable in given.get("-e", []))
    return Container(given.get("--name", [""])[0], environment, words[0], words[1:])


@contextmanager
def servers(directory: Path, kafka: int) -> Iterator[Ports]:
    """PostgreSQL with the owner's role and database, Redis and Kafka; on his ports where they are free."""
    wanted = {"api": 8000, "postgres": 5432, "valkey": 6379, "kafka": kafka}
    spare = Ports.free()
    ports = Ports(**{name: port if is_free(port) else getattr(spare, name) for name, port in wanted.items()})
    with Stack(directory, INFRASTRUCTURE, ports=ports) as stack:
        with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as superuser:
            superuser.execute("CREATE ROLE \"user\" LOGIN SUPERUSER PASSWORD 'password'")  # as the image does
            superuser.execute('CREATE DATABASE dns_orchestrator OWNER "user"')
        yield ports


def at(ports: Ports, variables: dict[str, str], kafka: int) -> dict[str, str]:
    """The owner's variables, with other ports where his are taken."""
    moved = {
        "localhost/": f"localhost:{ports.postgres}/",
        ":6379": f":{ports.valkey}",
        ":8000": f":{ports.api}",
    }
    moved |= {f":{kafka}": f":{ports.kafka}"}
    for before, after in moved.items():
        variables = {name: value.replace(before, after) for name, value in variables.items()}
    return variables


def follow(ports: Ports) -> None:
    """Do what the owner says that a user does, over HTTP and over Kafka, until each has a record."""
    with httpx2.Client(base_url=f"http://{HOST}:{ports.api}", timeout=30) as api:
        eventually(lambda: _answers(api))
        accepted = api.post("/api/v1/dns/create", json=BODY)
        assert accepted.status_code == 202, accepted.text
        assert accepted.json()["context"] == BODY["context"] | {"via": "api"}
        _wait_for_record(api, accepted.json()["id"], "www.example.com", "192.0.2.10")
        _send_over_kafka(ports)
        [request] = eventually(lambda: _requests(api, "kafka"))
        assert request["context"] == {"account_id": "team-a", "source": "kafka", "via": "kafka"}
        _wait_for_record(api, request["id"], "kafka.example.com", "192.0.2.11")


def _answers(api: httpx2.Client) -> bool:
    try:
        return bool(api.get("/readyz").json()["status"] == "ready")
    except httpx2.HTTPError:
        return False


def _requests(api: httpx2.Client, source: str) -> Any:
    return api.get("/api/v1/dns/requests", params={"source": source}).json()["items"]


def _send_over_kafka(ports: Ports) -> None:
    value = (
        b'{"context": {"account_id": "team-a"}, "resource":'
        b' {"record_type": "A", "domain": "kafka.example.com", "target": "192.0.2.11"}}'
    )
    producer = Producer({"bootstrap.servers": f"{HOST}:{ports.kafka}"})
    producer.produce("dns_requests", value)
    assert producer.flush(30) == 0


def _wait_for_record(api: httpx2.Client, request_id: str, name: str, value: str) -> None:
    request = eventually(lambda: _settled(api, request_id))
    assert request["status"] == "succeeded", request
    said = [event["message"] for event in request["events"]]
    assert any("simulated: nothing was sent to a DNS server" in message for message in said)
    [record] = api.get("/api/v1/dns/records", params={"domain": name}).json()["items"]
    assert record["target"] == [value]


def _settled(api: httpx2.Client, request_id: str) -> Any:
    request = api.get(f"/api/v1/dns/requests/{request_id}").json()
    return request if request["finished_at"] else None
