"""The images of docker-compose.yml together, with its variables and volumes: a record reaches BIND."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
import yaml  # type: ignore[import-untyped]

from app.core.config import ROOT
from stack.embedded import Stack
from stack.ports import HOST, Ports
from tests.support.builders import body
from tests.support.images import Images
from tests.support.own_network import in_own_network
from tests.support.user import User

pytestmark = pytest.mark.timeout(900)  # where nothing has been built beforehand

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
BIND_USER = 10053
WORKER_USER = 10001


def test_a_record_reaches_bind(engine: Images, hosts: str, tmp_path: Path) -> None:
    engine.build("app", ROOT, target="app")
    engine.build("worker", ROOT, target="worker")
    engine.build("bind", ROOT / "deploy" / "bind")
    in_own_network(lambda: _walk(engine, hosts, tmp_path))


def _walk(engine: Images, hosts: str, directory: Path) -> None:
    keys = _folder(directory / "keys")
    zones = _folder(directory / "zones")
    own = [f"{keys}:/keys", f"{zones}:/var/lib/bind"]
    with _foreign_services(directory / "stack"), ExitStack() as running:
        with engine.run("bind", ["create-key"], volumes=own) as create_key:
            assert create_key.wait(timeout=60) == 0
        assert (keys / "orchestrator.key").stat().st_mode & 0o7 == 0
        running.enter_context(engine.run("bind", volumes=own))
        running.enter_context(engine.run("app", _command("api"), _environment("api"), [hosts]))
        inventory = f"{ROOT}/deploy/inventory:/srv/inventory:ro"
        [group] = SERVICES["worker"]["group_add"]
        worker = engine.run(
            "worker",
            _command("worker"),
            _environment("worker"),
            [hosts, inventory, f"{keys}:/keys:ro"],
            user=f"{WORKER_USER}:{group}",
        )
        running.enter_context(worker)
        running.enter_context(engine.run("app", _command("consumer"), _environment("consumer"), [hosts]))
        _submit_and_dig()


def _submit_and_dig() -> None:
    user = User({"API_URL": f"http://{HOST}:8000/api/v1/dns/create", "DNS_SERVER": f"{HOST}:1053"})
    user.wait_until_ready()
    [request] = user.submit_and_wait(body("example.test", target="192.0.2.77"))
    assert request["status"] == "succeeded", request
    assert user.dig("www.example.test", "A") == {"192.0.2.77"}
    user.api.close()


def _folder(path: Path) -> Path:
    """A volume, as it is in the image: BIND's own."""
    path.mkdir(mode=0o750)
    os.chown(path, BIND_USER, BIND_USER)
    return path


@contextmanager
def _foreign_services(directory: Path) -> Iterator[None]:
    """What stands in for the images of others: servers with the passwords and ports of docker-compose.yml."""
    kafka = int(_environment("consumer")["KAFKA_BROKER_URL"].rpartition(":")[2])
    ports = Ports(postgres=5432, valkey=6379, kafka=kafka)
    password = urlsplit(_environment("worker")["DATABASE_URL"]).password
    with Stack(directory, ("postgres", "valkey", "kafka"), ports=ports) as stack:
        with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as superuser:
            superuser.execute(f"CREATE ROLE dns LOGIN PASSWORD '{password}'")
            superuser.execute("ALTER DATABASE dns OWNER TO dns")
            superuser.execute("ALTER SCHEMA public OWNER TO dns")
        secret = urlsplit(_environment("worker")["CELERY_BROKER_URL"]).password
        redis.Redis(HOST, ports.valkey).config_set("requirepass", secret or "")
        yield


def _environment(service: str) -> dict[str, str]:
    return {name: _default(str(value)) for name, value in SERVICES[service]["environment"].items()}


def _command(service: str) -> list[str]:
    return [_default(word) for word in SERVICES[service]["command"]]


def _default(text: str) -> str:
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
