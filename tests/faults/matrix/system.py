"""The system under faults: every server, two API processes, two consumers and two workers."""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import psutil
import psycopg
from sqlalchemy import create_engine, make_url

from app.core.migrations import upgrade
from stack.loop import LoopThread
from stack.ports import HOST
from stack.supervisor import Supervisor
from tests.faults.matrix.orphans import Orphans, kill_each
from tests.faults.matrix.release import CURRENT, Release, release_before
from tests.faults.matrix.results import Results
from tests.faults.matrix.servers import RESULTS_TOPIC, Servers
from tests.support.eventually import eventually
from tests.support.forked import API, CLI, CONSUMER, Forked, run_in_fork
from tests.support.http import TLS
from tests.support.kafka.processes import Program

HERE = Path(__file__).parent
RUN_TIMEOUT = 20  # seconds
LEASE = 4.0  # seconds
ACCOUNTS = ("team-a", "team-b")
KAFKA_ACCOUNT = "team-k"
APIS, WORKERS, CONSUMERS = ("api-1", "api-2"), ("worker-1", "worker-2"), ("consumer-1", "consumer-2")
APP = (*APIS, *WORKERS, *CONSUMERS)

_SETTINGS = {
    "AUTH": "required",
    "EXECUTOR": "ansible",
    "RUN_ENVIRONMENT": "FAULT_GATES",
    "RUN_TIMEOUT": str(RUN_TIMEOUT),
    "LEASE": str(LEASE),
    "RETRY_PAUSE": "0.2",
    "RETRY_PAUSE_MAX": "2",
    "VERIFY_PAUSE": "0.3",
    "WATCH_INTERVAL": "1",
    "LOG_FORMAT": "json",
}
_READY = " ready."  # says a worker
_WORKER = (
    "-m",
    "celery",
    "-A",
    "app.tasks",
    "worker",
    "--loglevel=info",
    "-Q",
    "dns_tasks",
    "--concurrency=2",
)


class System:
    """Runs for the block of a `with`.

    Parts are `postgres`, `valkey`, `kafka`, `bind`, `secondary`, and those of APP; each can be stopped,
    killed, frozen, and started again.
    """

    def __init__(self, directory: Path, release: Release = CURRENT, begin_with: Sequence[str] = APP) -> None:
        self.directory = directory.absolute()
        self._begin_with = begin_with
        self.release = release  # of the processes that are started from now on
        self.servers = Servers(self.directory)
        self.env: dict[str, str] = {}
        self._lines_read: dict[str, int] = {}
        self._helpers: set[int] = set()
        self._app: dict[str, Forked | Program] = {}
        self._ready_before: dict[str, int] = {}
        self._supervisor = Supervisor(self.servers.stages, self._note)
        self._open = ExitStack()

    @classmethod
    def to_be_upgraded(cls, directory: Path) -> Self:
        """Return one that begins with the release before this one, and a process of each kind."""
        return cls(directory, release_before(), (APIS[0], WORKERS[0], CONSUMERS[0]))

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            for folder in (self.tmp, self.gates, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
            self.servers.prepare()
            self.orphans = opening.enter_context(Orphans(self._own_processes))
            self._loop = opening.enter_context(LoopThread())
            for front in self.servers.fronts.values():
                self._loop.run(front.open())
                opening.callback(lambda each: self._loop.run(each.close()), front)
            opening.callback(lambda: self._loop.run(self._supervisor.stop()))
            self._loop.run(self._supervisor.start())
            brokers = self.servers.kafka.node.address
            self.results = opening.enter_context(Results(brokers, RESULTS_TOPIC))
            opening.callback(self._stop_app)
            self._start_app()
            self._open = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._open.close()

    @property
    def tmp(self) -> Path:
        """A folder for the TMPDIR of each of the app's processes."""
        return self.directory / "tmp"

    @property
    def gates(self) -> Path:
        """A file in here keeps each run waiting at that gate: see playbook.yml."""
        return self.directory / "gates"

    @property
    def logs(self) -> Path:
        """A file for each part, with all that it has printed."""
        return self.directory / "logs"

    def start(self, name: str, **settings: str) -> None:
        """Start a part, a process of the app with further settings, and wait until it is ready."""
        if name not in APP:
            self._loop.run(self._supervisor[name].start())
            return
        self._launch(name, settings)
        self._wait_for(name)

    def start_together(self, names: Sequence[str]) -> None:
        """Start several, each stage at the same time: servers, and then processes of the app."""
        for stage in self.servers.stages:
            starts = [self._supervisor[part.name].start() for part in stage if part.name in names]
            self._loop.run(_all(starts))
        processes = [name for name in names if name in APP]
        for name in processes:
            self._launch(name, {})
        for name in processes:
            self._wait_for(name)

    def runs(self, name: str) -> bool:
        """Return whether a process of the app runs."""
        return name in self._app and self._app[name].running

    def stop(self, name: str) -> None:
        """Stop a part by SIGTERM, and wait for its end."""
        if name in APP:
            self._app[name].stop()
        else:
            self._loop.run(self._supervisor[name].stop())

    def stop_together(self, names: Sequence[str]) -> None:
        """Stop processes of the app at the same time."""
        for name in names:
            self._app[name].terminate()
        for name in names:
            self._app[name].wait()

    def kill(self, name: str) -> None:
        """Kill a part by SIGKILL: of the app, that one process alone."""
        if name in APP:
            self._app[name].kill()
        else:
            self._loop.run(self._supervisor[name].kill())

    def kill_all(self, name: str) -> None:
        """Kill a part with all that it has started, as the end of a container does."""
        processes = self.family(name)
        self.kill(name)
        kill_each(processes)

    def pid(self, name: str) -> int:
        """Return the number of a part's process."""
        found = self._app[name].pid if name in APP else self._supervisor[name].pid
        assert found, f"{name} does not run"
        return found

    def descendants(self, name: str) -> list[psutil.Process]:
        """Return a part's process and its descendants: of a worker, the pool."""
        root = psutil.Process(self.pid(name))
        return [root, *root.children(recursive=True)]

    def family(self, name: str) -> list[psutil.Process]:
        """Return a part's process and all that it has started, of a worker also its fork server and runs."""
        orphans = [each for each in self.orphans.find() if _tmpdir(each).startswith(str(self.tmp / name))]
        return [*self.descendants(name), *orphans]

    @contextmanager
    def frozen(self, processes: Sequence[psutil.Process]) -> Iterator[None]:
        """Let processes stand still for the block."""
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # a session of PostgreSQL's may have ended meanwhile
                process.suspend()
        try:
            yield
        finally:
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    @contextmanager
    def gate(self, name: str) -> Iterator[None]:
        """Let all runs that come there wait at a gate, for the block."""
        (self.gates / name).touch()
        try:
            yield
        finally:
            (self.gates / name).unlink()

    def mend(self) -> None:
        """Start all parts that do not run, and open the gates, after a fault that nobody has healed."""
        for gate in self.gates.iterdir():
            gate.unlink()
        for name in (part.name for stage in self.servers.stages for part in stage):
            if self._supervisor[name].pid is None:
                self.start(name)
        for name in APP:
            if not self.runs(name):
                self.start(name)

    def publishes(self) -> bool:
        """Whether each change of a status is published."""
        with self.connect() as connection:
            return connection.execute("SELECT FROM dns_event_listeners WHERE name = 'kafka'").rowcount > 0

    def connect(self) -> psycopg.Connection[Any]:
        """Return a connection to the database."""
        return psycopg.connect(self.env["DATABASE_URL"], connect_timeout=20)

    def url(self, api: str) -> str:
        """Return where an API process is."""
        return f"http://{HOST}:{self.servers.api_ports[api]}"

    def client(self, token: str, timeout: float = 5) -> httpx2.Client:
        """Return an HTTP client for the holder of a token."""
        return httpx2.Client(timeout=timeout, verify=TLS, headers={"Authorization": f"Bearer {token}"})

    def log(self, name: str) -> str:
        """Return what a part has printed."""
        path = self.logs / name
        return path.read_text(errors="replace") if path.exists() else ""

    def new_exceptions(self) -> list[str]:
        """Return what the API processes have logged since the last call that nobody has foreseen."""
        found: list[str] = []
        for name in APIS:
            lines = self.log(name).splitlines()
            known, self._lines_read[name] = self._lines_read.get(name, 0), len(lines)
            found += [f"{name}: {line[-2_000:]}" for line in lines[known:] if "Traceback" in line]
        return found

    def _start_app(self) -> None:
        token_file = self.directory / "gateway.token"
        self.env = {
            **_SETTINGS,
            **self.servers.settings(),
            "FAULT_GATES": str(self.gates),
            "API_TOKEN_FILE": str(token_file),
        }
        self._migrate()
        self.admin = self._token("admin")
        self._helpers = {child.pid for child in psutil.Process().children()}  # that make forks
        self.tokens = {account: self._token("requester", account) for account in ACCOUNTS}
        token_file.write_text(self._token("gateway"))
        token_file.chmod(0o600)
        self.start_together(self._begin_with)
        with self.client(self.admin) as client:
            for account in (*ACCOUNTS, KAFKA_ACCOUNT):
                grant = {"effect": "allow", "account_id": account}
                client.post(f"{self.url('api-1')}/api/v1/access/grants", json=grant).raise_for_status()

    def _migrate(self) -> None:
        """Make the schema of the release."""
        address = make_url(self.env["DATABASE_URL"]).set(drivername="postgresql+psycopg")
        engine = create_engine(address)
        upgrade(engine, self.release.schema)
        engine.dispose()

    def _token(self, role: str, account: str = "") -> str:
        return self._cli("token", "create", "--role", role, *(["--account", account] if account else []))

    def _cli(self, *words: str) -> str:
        ended = run_in_fork((*CLI, *words), self.env, self.directory)
        assert ended.status == 0, ended
        return ended.out.strip()

    def _launch(self, name: str, settings: Mapping[str, str]) -> None:
        kind, number = name.split("-")
        api = f"{self.url(f'api-{number}')}/api/v1/dns/create"
        words: Sequence[str] = {
            "api": (*API, "--port", str(self.servers.api_ports.get(name, 0))),
            "worker": (*_WORKER, "-n", f"{name}@%h"),
            "consumer": CONSUMER,
        }[kind]
        more = {"TMPDIR": str(self.tmp / name), "PLAYBOOK": str(self.release.playbook)}
        env = {**self.env, "API_URL": api, **more, **settings}
        (self.tmp / name).mkdir(exist_ok=True)
        self._ready_before[name] = self.log(name).count(_READY)
        self._app[name] = self.release.run(words, env, self.logs / name)

    def _wait_for(self, name: str) -> None:
        process = self._app[name]

        def is_ready() -> bool:
            assert process.running, self.log(name)[-4000:]
            if name in WORKERS:
                return process.output.count(_READY) > self._ready_before[name]
            return name in CONSUMERS or self._answers(name)

        eventually(is_ready)

    def _answers(self, api: str) -> bool:
        try:
            return httpx2.get(f"{self.url(api)}/healthz", timeout=10, verify=TLS).is_success
        except httpx2.TransportError:
            return False

    def _stop_app(self) -> None:
        for process in self._app.values():
            if process.running:
                process.terminate()
        for process in self._app.values():
            process.wait()

    def _own_processes(self) -> set[int]:
        """The children of this process that are no orphans; those of the app are the fork server's."""
        parts = (self._supervisor[part.name].pid for stage in self.servers.stages for part in stage)
        return self._helpers | {pid for pid in parts if pid} | {each.pid for each in self._app.values()}

    def _note(self, name: str, line: str) -> None:
        with (self.logs / name).open("a") as file:
            file.write(f"{line}\n")


async def _all(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Do all of it at the same time."""
    await asyncio.gather(*works)


def _tmpdir(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return process.environ().get("TMPDIR", "")
    return ""
