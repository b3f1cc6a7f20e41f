"""Under each kind of Celery pool, runs are forks of an Ansible that is ready."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from stack.embedded import Stack
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.forked import Forked
from tests.support.thoroughly import thoroughly
from tests.support.user import User

READY = "Ansible is kept ready"
COLD = "no fork server"


def test_the_pool_of_processes(stack: Stack, user: User, zone: str) -> None:
    """The two processes of the stack's worker share one fork server, which is ready before the first run."""
    user.submit_and_wait(body(zone))
    said = stack.output("worker")
    assert READY in said
    assert said.index(READY) < said.index("play: ")
    assert COLD not in said


@pytest.fixture(scope="module")
def without_worker(stack: Stack) -> Iterator[Stack]:
    """The stack with its own worker stopped."""
    stack.stop("worker")
    yield stack
    stack.start("worker")


@contextmanager
def worker(stack: Stack, pool: str, log: Path) -> Iterator[None]:
    """A worker with this kind of pool, for the block; no other worker has left it a fork server."""
    command = ["-m", "celery", "-A", "app.tasks", "worker", "--pool", pool, "-Q", "dns_tasks"]
    with (
        TemporaryDirectory(prefix="pool-", ignore_cleanup_errors=True) as folder,
        Forked(command, stack.env | {"TMPDIR": folder}, log) as process,
    ):
        yield
        process.stop()


@pytest.mark.thorough
@pytest.mark.parametrize("pool", ["threads", thoroughly("solo")])
def test_a_pool(without_worker: Stack, user: User, zone: str, tmp_path: Path, pool: str) -> None:
    log = tmp_path / "log"
    with worker(without_worker, pool, log):
        (request,) = user.submit_and_wait(body(zone))
        eventually(lambda: READY in log.read_text())  # whoever submits is answered before all is written
    assert request["status"] == "succeeded"
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.1"}
    assert log.read_text().count(READY) == 1
    assert COLD not in log.read_text()
