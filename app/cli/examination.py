"""What `doctor` looks at, one thing after the other, from the settings to the DNS servers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

import httpx2
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from app.cli.examined_kafka import results_topic, topics_of_requests
from app.cli.examined_settings import examine_settings
from app.cli.findings import Finding, State, Wrong, isolated, said
from app.core import database
from app.core.celery_app import celery_app
from app.core.config import settings
from app.core.database import statements, transaction
from app.core.metric_types import NAMESPACE
from app.core.partitioning import time_of
from app.core.redis import redis
from app.core.setting_types import host_and_port, without_secrets
from app.domain.errors import InventoryError
from app.runner.ansible.inventory import host_names
from app.services.drain.backends import make_backends
from app.services.partitions import MOST_COUNTED, list_states
from app.services.partitions import State as PartitionState
from app.services.retention import list_taken_out
from app.services.zones.check import Need, ZoneFinding, look, questions_about
from app.services.zones.registry import list_zones

_TIMEOUT = 5.0  # seconds for one question
_OF_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - listeners on every address


def examine() -> Iterator[Finding]:
    """Yield the findings, as they are made."""
    yield from isolated("settings", examine_settings())
    yield (postgresql := _tried("PostgreSQL", "DATABASE_URL", _postgresql, needed=True))
    if postgresql.state == "ok":
        yield from isolated("partitions", _partitions())
    yield _tried("Redis", "CELERY_BROKER_URL", _redis, needed=True)
    executors = {"here": _executor_here()}
    yield _tried("worker", "CELERY_BROKER_URL", partial(_worker, executors))
    yield _tried("Kafka", "KAFKA_BROKER_URL", topics_of_requests)
    if topic := settings().kafka_results_topic:
        yield _tried("results topic", "KAFKA_BROKER_URL", partial(results_topic, topic), needed=True)
    yield _tried("API", "API_URL", partial(_api, executors))
    yield from _disagreement(executors)
    if settings().metrics_listen:
        yield _tried("metrics", "METRICS_LISTEN", _metrics)
    yield from isolated("inventory", _backends())


def _tried(what: str, variable: str, look: Callable[[], str], *, needed: bool = False) -> Finding:
    """Return what `look` says, or its error.

    Where nobody has set the variable, a fault is a warning, unless nothing works without this part.
    """
    try:
        return Finding(what, "ok", look())
    except Exception as error:
        unset = variable.lower() not in settings().model_fields_set
        leave = "" if needed else "; leave it so if this is not used here"
        hint = f" ({variable} is not set{leave})" if unset else ""
        words = f"{_address(variable)}: {said(error)}{hint}"
        return Finding(what, "warning" if unset and not needed else "failed", words)


def _address(variable: str) -> str:
    """Return the address that a setting names, without user, password and options."""
    value = getattr(settings(), variable.lower())
    text = str(value.get_secret_value() if isinstance(value, SecretStr) else value)
    return without_secrets(text)


def _postgresql() -> str:
    database.require_schema()
    with transaction() as session:
        number = len(list_zones(session))
    return f"the schema is up to date, {number} {'zone is' if number == 1 else 'zones are'} served"


def _partitions() -> Iterator[Finding]:
    with statements() as session:
        states, taken_out = list_states(session), list_taken_out(session)
    now = datetime.now(UTC)
    if plain := [each.table for each in states if not each.partitions]:
        words = f"{', '.join(plain)}: not in partitions. When no process of an older release runs any more:"
        yield Finding("partitions", "warning", f"{words} python -m app.cli partitions switch")
    found = [words for each in states if each.partitions for words in _wrong_with(each, now)]
    if taken_out:
        words = (
            f"{', '.join(taken_out)}: taken out, and in no file yet. A worker's log says why, unless it is"
        )
        found.append(f"{words} at it: python -m app.cli partitions retire --export FOLDER goes on")
    for words in found:
        yield Finding("partitions", "warning", words)
    if not plain and not found:
        end = min(time_of(each.partitions[-1].end) for each in states)
        yield Finding("partitions", "ok", f"there are some for all that comes until {end:%Y-%m-%d}")


def _wrong_with(state: PartitionState, now: datetime) -> Iterator[str]:
    if not state.ahead(now):
        yield f"nobody makes the next one of {state.table}: python -m app.cli partitions make"
    if state.in_default:
        more = " or more" if state.in_default == MOST_COUNTED else ""
        yield f"{state.in_default}{more} rows of {state.table} have a time for which there is none"
    if days := state.seconds_overdue(now) // 86_400:
        yield f"RETENTION says that the oldest one of {state.table} should be gone for {days:.0f} days"


def _redis() -> str:
    redis().ping()
    return "it answers"


def _worker(executors: dict[str, str]) -> str:
    found = celery_app.control.ping(timeout=1.0)
    if not found:
        raise Wrong("no worker answers over Redis: start one, or look at its log")
    for answer in celery_app.control.broadcast("executor", reply=True, timeout=1.0) or ():
        executors.update({name: said for name, said in answer.items() if isinstance(said, str)})
    names = sorted(name for answer in found for name in answer)
    return ", ".join(f"{name}, executor: {executors[name]}" if name in executors else name for name in names)


def _api(executors: dict[str, str]) -> str:
    parts = urlsplit(settings().api_url)
    path = parts.path.rpartition("/api/v1/")[0] + "/readyz"
    answer = httpx2.get(parts._replace(path=path).geturl(), timeout=_TIMEOUT)
    try:
        told = answer.json()
        status, executor, auth = told["status"], told["executor"], told.get("auth", "unknown")
    except (ValueError, KeyError, TypeError):
        raise Wrong(f"status {answer.status_code}: this is not the API") from None
    executors["API"] = executor
    if status != "ready":
        problems = told.get("problems") or [str(told.get("dependencies"))]
        raise Wrong(f"it is {status}: {'; '.join(map(str, problems))}")
    return f"ready, executor: {executor}, auth: {auth}"


def _metrics() -> str:
    """Look where the worker with these settings shows its metrics."""
    host, port = host_and_port(settings().metrics_listen)
    reached = _OF_THIS_MACHINE.get(host, host)
    url = f"http://{f'[{reached}]' if ':' in reached else reached}:{port}/metrics"
    try:
        answer = httpx2.get(url, timeout=_TIMEOUT)
    except httpx2.TransportError as error:
        raise Wrong(f"nothing answers there ({said(error)}): see what the worker's log says of it") from None
    if f"{NAMESPACE}_" not in answer.text:
        raise Wrong("what answers there is something else: give it, or METRICS_LISTEN, another port")
    return f"they are shown at {url}"


def _executor_here() -> str:
    return "simulated" if settings().simulated else "ansible"


def _disagreement(executors: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a failure where some simulate and others do not: what becomes of a request is chance."""
    if len(set(executors.values())) > 1:
        said = "; ".join(f"{who}: {executor}" for who, executor in executors.items())
        words = f"{said}. Set EXECUTOR=ansible for API and workers, and INVENTORY for the workers"
        yield Finding("executors", "failed", words)


def _left_alone(zones: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """Yield the zones that a worker with these settings leaves to others."""
    backends = make_backends()
    for backend in sorted(zones):
        with transaction() as session:
            mine = backends.may_be_served(session, backend)
        if not mine:
            words = f"a worker that only simulates leaves its zones alone: {', '.join(zones[backend])}"
            yield Finding(f"backend {backend}", "failed", words)


def _backends() -> Iterator[Finding]:
    zones = _zones_by_backend()
    if settings().simulated:
        yield from _left_alone(zones or {})
        return
    try:
        known = host_names(settings().inventory)
    except InventoryError as error:
        yield Finding("inventory", "failed", str(error))
        return
    yield Finding("inventory", "ok", f"{settings().inventory}: {', '.join(known) or 'no host'}")
    if zones is None:
        yield Finding("backends", "warning", "which zones they serve is unknown: PostgreSQL does not say")
        return
    for backend in sorted({*known, *zones}):
        if backend in known:
            yield from isolated(f"backend {backend}", _backend(backend, zones.get(backend, [])))
        else:
            words = f"zones name it, the inventory does not: {', '.join(zones[backend])}"
            yield Finding(f"backend {backend}", "failed", words)


def _zones_by_backend() -> dict[str, list[str]] | None:
    """Return the zones that each backend serves; None where the database does not say."""
    found: dict[str, list[str]] = {}
    try:
        with transaction() as session:
            for zone in list_zones(session):
                found.setdefault(zone.backend, []).append(zone.name)
    except DBAPIError:  # said already
        return None
    return found


def _backend(backend: str, zones: Sequence[str]) -> Iterator[Finding]:
    what = f"backend {backend}"
    inventory = settings().inventory
    try:
        questions = questions_about(inventory, backend, zones)
    except InventoryError as error:
        yield Finding(what, "failed", str(error))
        return
    if not zones:
        yield Finding(what, "ok", "no zone is served by it")
        return
    for found in look(questions):
        yield Finding(what, _state_of(found), f"{found.zone} at {found.server}, {found.need}: {found.words}")


def _state_of(found: ZoneFinding) -> State:
    """Without a transfer a zone can't be imported and nobody sees what others change; all else works."""
    if found.code is None:
        return "ok"
    return "warning" if found.need is Need.TRANSFER else "failed"
