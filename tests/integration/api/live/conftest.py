"""An API in a process of its own for each module, whose requests are worked off by the tests' process."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event

import httpx2
import psycopg
import pytest

from app.core.config import Settings
from app.runner.protocol import Run, RunEvent, RunResult
from app.runner.simulated import SimulatedRunner
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from stack.embedded import Stack
from tests.support.access import add_grant, bearer, make_token
from tests.support.api_process import Api
from tests.support.builders import body
from tests.support.settings import SetSettings

ZONE = "live.test"
SIMULATED = {"EXECUTOR": "simulated", "AUTH": "required", "BOOTSTRAP_ZONES": f"{ZONE}=bind"}
Headers = Mapping[str, str]


@dataclass
class Live:
    """The API, and those who call it."""

    api: Api
    requester: Headers  # of team-a
    auditor: Headers
    stranger: Headers  # a requester of team-b
    client: httpx2.Client

    @property
    def dns(self) -> str:
        """Where the calls are."""
        return f"{self.api.url}/api/v1/dns"

    def create(self, owner: str, *, wait: int | None = None, **fields: object) -> httpx2.Response:
        """Submit a change, as the requester."""
        return self.post("create", body(ZONE, owner, **fields), wait=wait)  # type: ignore[arg-type]

    def post(self, path: str, content: object, *, wait: object = None, key: str = "") -> httpx2.Response:
        """Call, as the requester."""
        headers = {**self.requester, **({"Idempotency-Key": key} if key else {})}
        if wait is not None:
            headers["Prefer"] = f"wait={wait}"
        return self.client.post(f"{self.dns}/{path}", json=content, headers=headers)

    def show(self, path: str, headers: Headers | None = None) -> httpx2.Response:
        """Ask for something, as the requester unless another one's headers are given."""
        return self.client.get(f"{self.dns}/{path}", headers=headers or self.requester)


class SteppedRunner:
    """A simulation that says these lines, each when it is let."""

    def __init__(self, *lines: str) -> None:
        self.steps = {line: Event() for line in lines}
        self._simulation = SimulatedRunner(0, 0)

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        for line, step in self.steps.items():
            assert step.wait(30)
            on_event(RunEvent(f"{line} on 127.0.0.66", told=line))
        return self._simulation.run(run, on_event, cancel)


def work_off(runner: SimulatedRunner | SteppedRunner | None = None, failure_rate: float = 0) -> None:
    """Work off what waits, as a worker does."""
    drain(ZONE, runner or SimulatedRunner(0, failure_rate), make_backends())


@pytest.fixture(scope="module")
def live_processes(infrastructure: Stack, module_database: str) -> Iterator[dict[str, Live]]:
    """What a module has started; it is stopped at its end."""
    started: dict[str, Live] = {}
    yield started
    for each in started.values():
        each.client.close()
        each.api.stop()


@pytest.fixture
def app_database(module_database: str) -> str:
    return module_database


@pytest.fixture
def live(
    app_settings: Settings,
    infrastructure: Stack,
    live_processes: dict[str, Live],
    set_settings: SetSettings,
) -> Live:
    """The module's API; what the test's process does with the database it does with the same settings."""
    set_settings(**SIMULATED)
    if not live_processes:
        live_processes["api"] = start_live(infrastructure, app_settings)
    return live_processes["api"]


def start_live(infrastructure: Stack, app_settings: Settings) -> Live:
    """Start an API, and make tokens for those who call it."""
    url = app_settings.database_url.get_secret_value()
    redis = infrastructure.env["CELERY_BROKER_URL"].rpartition("/")[0]
    no_worker = {"CELERY_BROKER_URL": f"{redis}/10"}
    add_grant(zone=ZONE)
    requester = bearer(make_token("requester", accounts=["team-a"]))
    auditor = bearer(make_token("auditor"))
    stranger = bearer(make_token("requester", accounts=["team-b"]))
    api = Api(**{**infrastructure.env, "DATABASE_URL": url, **SIMULATED, **no_worker})
    api.wait()
    many = httpx2.Limits(max_connections=None)  # a client for each call would make a TLS context for each
    return Live(api, requester, auditor, stranger, httpx2.Client(limits=many, timeout=90))


@pytest.fixture
def beside(live: Live, app_database: str) -> Iterator[psycopg.Connection]:
    """A connection to the API's database, in autocommit mode."""
    with psycopg.connect(app_database, autocommit=True) as connection:
        yield connection


def ids_of(answer: httpx2.Response) -> Sequence[str]:
    """The ids of a batch's requests."""
    return [each["request"]["id"] for each in answer.json()["results"] if "request" in each]
