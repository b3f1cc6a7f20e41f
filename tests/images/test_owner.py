"""The owner's "Running Individual Components with Docker": his image, his containers, his variables."""

import shlex
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.core.config import ROOT
from tests.support import owner
from tests.support.images import Images
from tests.support.own_network import in_own_network

pytestmark = pytest.mark.timeout(900)  # where nothing has been built beforehand

COMMANDS = owner.commands("Running Individual Components with Docker")
KAFKA = 29092
OURS = ("app", "consumer", "worker")


def test_his_containers_end_in_a_record(engine: Images, hosts: str, tmp_path: Path) -> None:
    [build] = [shlex.split(line) for line in COMMANDS if line.startswith("docker build ")]
    assert build == ["docker", "build", "-t", "fastapi-app", "."]
    engine.build(build[3], ROOT)
    in_own_network(lambda: _walk(engine, hosts, tmp_path))


def _walk(engine: Images, hosts: str, directory: Path) -> None:
    with owner.servers(directory / "stack", KAFKA) as ports, ExitStack() as running:
        assert (ports.api, ports.postgres, ports.valkey, ports.kafka) == (8000, 5432, 6379, KAFKA)
        started = [each for each in owner.containers(COMMANDS) if each.image == "fastapi-app"]
        assert tuple(each.name for each in started) == OURS
        for each in started:
            running.enter_context(engine.run(each.image, each.command, each.environment, [hosts]))
        owner.follow(ports)
