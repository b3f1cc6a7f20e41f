"""PostgreSQL: without it nothing is accepted, and what it has committed is not lost."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import psutil
import psycopg

from tests.faults.matrix.faults import fault
from tests.faults.matrix.front import slow_front
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.small_disk import full, has_private_mounts
from tests.faults.matrix.system import APIS, WORKERS

_CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'dns'"
)
_DELAY = 0.02  # seconds in each direction


@fault(quick=True)
def postgres_killed(scene: Scene) -> Iterator[None]:
    """By kill -9."""
    scene.system.kill("postgres")
    yield
    scene.system.start("postgres")


@fault(lasts=1)
def postgres_restarted(scene: Scene) -> Iterator[None]:
    """In good order."""
    scene.system.stop("postgres")
    yield
    scene.system.start("postgres")


@fault(lasts=0)
def postgres_session_killed(scene: Scene) -> Iterator[None]:
    """By kill -9: PostgreSQL ends all others, and recovers."""
    with scene.system.connect() as connection:
        pid = connection.info.backend_pid
        with suppress(psycopg.OperationalError):
            psutil.Process(pid).kill()
            connection.execute("SELECT 1")
    yield


@fault(lasts=0)
def postgres_connections_cut(scene: Scene) -> Iterator[None]:
    """All, again and again, as by a firewall that restarts."""
    with scene.system.connect() as connection:
        for _ in range(8):
            connection.execute(_CUT)
            time.sleep(0.3)
    yield


@fault(lasts=4)
def postgres_connections_all_taken(scene: Scene) -> Iterator[None]:
    """By somebody else: those that the app had are cut."""
    with ExitStack() as stack:
        taken = [stack.enter_context(scene.system.connect())]
        for _ in range(3):
            others = [each.info.backend_pid for each in taken]
            with suppress(psycopg.OperationalError):
                taken[0].execute(f"{_CUT} AND pid <> ALL(%s)", [others])
                while True:
                    taken.append(stack.enter_context(scene.system.connect()))
        yield


@fault(lasts=7)
def postgres_frozen(scene: Scene) -> Iterator[None]:
    """Connections are taken by its host, and nobody answers."""
    with scene.system.frozen(scene.system.descendants("postgres")):
        yield


@fault(lasts=4)
def postgres_slow(scene: Scene) -> Iterator[None]:
    """For one API process and one worker: as from another continent."""
    system = scene.system
    url = system.env["DATABASE_URL"]
    port = urlsplit(url).port
    with slow_front(port or 0, _DELAY) as front:
        for name in (APIS[0], WORKERS[0]):
            system.stop(name)
            system.start(name, DATABASE_URL=url.replace(f":{port}/", f":{front.port}/"))
        yield
        system.stop_together((APIS[0], WORKERS[0]))
    system.start_together((APIS[0], WORKERS[0]))


@fault(lasts=4, possible=has_private_mounts)
def postgres_disk_full(scene: Scene) -> Iterator[None]:
    """Neither a table nor the log of what is committed can grow."""
    with full(scene.system.directory / "postgres"):
        with suppress(psycopg.Error), scene.system.connect() as connection:
            for _ in range(3):
                connection.execute("SELECT pg_switch_wal()")
                connection.commit()
        yield
