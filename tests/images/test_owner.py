"""The owner's "Running Individual Components with Docker": his image, his containers, his variables."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from app.core.config import ROOT
from tests.support import owner
from tests.support.images import Images
from tests.support.own_network import in_own_network

pytestmark = pytest.mark.timeout(900)  # where nothing has been built beforehand

COMMANDS = owner.commands("Running Individual Components with Docker")
IMAGE = "fastapi-app"
KAFKA = 29092
STARTED = [each for each in owner.containers(COMMANDS) if each.image == IMAGE]


def test_the_commands_are_those_of_the_text() -> None:
    """test_compose.py runs this image with such variables, acceptance/owner such commands with his values."""
    builds = [line for line in COMMANDS if line.startswith("docker build ")]
    assert builds == [f"docker build -t {IMAGE} ."]
    assert [(each.name, each.command) for each in STARTED] == [
        ("app", []),
        ("consumer", ["python", "run_consumer.py"]),
        ("worker", ["celery", "-A", "app.tasks", "worker", "--loglevel=info", "-Q", "dns_tasks"]),
    ]


@pytest.mark.thorough
def test_his_containers_end_in_a_record(engine: Images, hosts: str, tmp_path: Path) -> None:
    engine.build(IMAGE, ROOT)
    in_own_network(lambda: _walk(engine, hosts, tmp_path))


def _walk(engine: Images, hosts: str, directory: Path) -> None:
    with owner.servers(directory / "stack", KAFKA) as ports, ExitStack() as running:
        assert (ports.api, ports.postgres, ports.valkey, ports.kafka) == (8000, 5432, 6379, KAFKA)
        for each in STARTED:
            running.enter_context(engine.run(each.image, each.command, each.environment, [hosts]))
        owner.follow(ports)
