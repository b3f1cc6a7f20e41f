"""The owner's "Manual Setup": each command as he wrote it, with his variables and nothing else."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from app.core.config import ROOT
from tests.support import owner
from tests.support.own_network import in_own_network
from tests.support.processes import alive, apart

COMMANDS = owner.commands("Manual Setup")
INSTALL = "pip install -r requirements.txt"
PROCESSES = [
    "uvicorn app.main:app --reload",
    "python run_consumer.py",
    "celery -A app.tasks worker --loglevel=info -Q dns_tasks",
]
KAFKA = 9092


def test_the_commands_are_those_of_the_text() -> None:
    plain = [line for line in COMMANDS if not line.startswith(("docker ", "export "))]
    assert plain == [INSTALL, *PROCESSES]
    assert [container.name for container in owner.containers(COMMANDS)] == [
        "my-postgres",
        "my-redis",
        "zookeeper",
        "kafka",
    ]
    assert list(owner.exports(COMMANDS)) == [
        "DATABASE_URL",
        "KAFKA_BROKER_URL",
        "KAFKA_DNS_TOPIC",
        "CELERY_BROKER_URL",
        "API_URL",
    ]


def test_they_end_in_a_record(tmp_path: Path) -> None:
    installed = _installed()
    in_own_network(lambda: _walk(tmp_path, installed))


def _installed() -> Path:
    """An environment with the packages of requirements.txt and no others, which `make test` has made."""
    subprocess.run(["make", "--silent", ".stack/runtime/ready"], cwd=ROOT, check=True, timeout=280)
    return ROOT / ".stack" / "runtime" / "bin"


def _walk(directory: Path, installed: Path) -> None:
    with owner.servers(directory, KAFKA) as ports:
        checkout = _checkout(directory / "checkout")
        plain = {"PATH": f"{installed}:{os.environ['PATH']}", "HOME": str(directory)}
        variables = plain | owner.at(ports, owner.exports(COMMANDS), KAFKA)
        port = "" if ports.api == 8000 else f" --port {ports.api}"
        api, consumer, worker = PROCESSES
        with ExitStack() as running:
            for command in (api + port, consumer, worker):
                running.enter_context(_terminal(command, checkout, variables))
            owner.follow(ports)


def _checkout(folder: Path) -> Path:
    """What the repository has, and nothing that is made beside it, which `--reload` would look at, too."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    return folder


@contextmanager
def _terminal(command: str, folder: Path, variables: dict[str, str]) -> Iterator[None]:
    """Run a command as in a terminal of its own, and end it as Ctrl-C does."""
    with subprocess.Popen(
        [*apart(), "sh", "-c", f"exec {command}"], cwd=folder, env=variables, start_new_session=True
    ) as process:
        try:
            yield
            assert alive(process.pid), f"`{command}` has ended"
        finally:
            os.killpg(process.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            with suppress(ProcessLookupError):  # what is left of the group
                os.killpg(process.pid, signal.SIGKILL)
