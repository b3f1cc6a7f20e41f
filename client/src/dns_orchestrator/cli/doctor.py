"""`doctor`: what is wrong between here and the DNS servers."""

import time
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import httpx2
import typer

from dns_orchestrator.cli.calls_as_commands import as_commands
from dns_orchestrator.cli.command import Session, command
from dns_orchestrator.cli.output import coloured, print_json, printable, say
from dns_orchestrator.cli.status import FAILED
from dns_orchestrator.client import Client
from dns_orchestrator.errors import ConnectionFailed, Forbidden, NotLoggedIn, OrchestratorError
from dns_orchestrator.models.zones import ZoneCheck, ZoneDetail

_MAX_ZONES = 20  # that are looked at closely, unless one is named
_WORKER_AWAY = 60.0  # seconds; the API, which looks for workers by itself, says it after 40 s


class Finding(NamedTuple):
    """One thing that was looked at: how it is, and what to do where it is not well."""

    what: str
    state: str  # ok, warning, failed, skipped
    said: str
    todo: str = ""


def add_doctor(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor")(doctor)


def doctor(
    session: Session,
    zones: Annotated[list[str] | None, typer.Option("--zone", help="Only this zone; several.")] = None,
) -> None:
    """Find out what is wrong: the way to the API, who you are, its parts, the backends, zones and servers.

    Exit status 1 where something is wrong, 3 where you are not known, 6 where the API can't be reached.
    """
    found: list[Finding] = []
    error: OrchestratorError | None = None
    try:
        with session.client() as dns:
            for finding in _examine(session, dns, zones or []):
                found.append(finding)
                if not session.json:
                    _print(finding)
    except (ConnectionFailed, NotLoggedIn) as failure:
        error = failure
    if session.json:
        print_json([each._asdict() for each in found])
    if error is not None:
        raise error
    if any(each.state == "failed" for each in found):
        raise typer.Exit(FAILED)


def _print(finding: Finding) -> None:
    todo = f": {finding.todo}" if finding.todo else ""
    say(coloured(finding.state), f"{finding.what}: {printable(as_commands(finding.said + todo))}")


def _examine(session: Session, dns: Client, zones: list[str]) -> Iterator[Finding]:
    yield _settings(session)
    yield _reach(dns)
    yield from _readiness(dns)
    yield _caller(dns)
    yield from _backends(dns)
    for zone in _chosen(dns, zones):
        yield from _zone(dns, zone)


def _settings(session: Session) -> Finding:
    settings = session.settings
    where = httpx2.URL(settings.url).copy_with(userinfo=b"")  # what is said here is shown to others
    who = f", account {settings.account_id}" if settings.account_id else ""
    token = "with a token" if settings.token else "without a token"
    profile = f", profile {settings.profile}" if settings.profile else ""
    return Finding("settings", "ok", f"{where}, {token}{who}{profile}")


def _reach(dns: Client) -> Finding:
    began = time.monotonic()
    dns.service.alive()
    return Finding("API", "ok", f"it answers within {(time.monotonic() - began) * 1000:.0f} ms")


def _readiness(dns: Client) -> Iterator[Finding]:
    ready = dns.service.ready()
    for name, state in ready.dependencies.items():
        yield Finding(name, "ok" if state == "ok" else "failed", state)
    if ready.worker_seen_s is not None:
        state = "ok" if ready.worker_seen_s < _WORKER_AWAY else "failed"
        yield Finding("workers", state, f"one was last there {ready.worker_seen_s:.0f} s ago")
    for problem in ready.problems:
        yield Finding("service", "failed", problem)
    if ready.executor == "simulated":
        todo = "give the worker an INVENTORY, and set EXECUTOR=ansible"
        yield Finding("executor", "warning", "changes are only simulated", todo)
    if ready.auth == "off":
        yield Finding("auth", "warning", "whoever reaches the API may change everything", "set AUTH=required")


def _caller(dns: Client) -> Finding:
    me = dns.access.me()
    return Finding("you", "ok", f"{me.principal}, roles: {', '.join(me.roles) or 'none'}")


def _backends(dns: Client) -> Iterator[Finding]:
    try:
        found = dns.backends.list().items
    except Forbidden:
        yield Finding("backends", "skipped", "you have no right to see them")
        return
    if not found:
        yield Finding("backends", "failed", "there is none", "start a worker with an INVENTORY")
    for backend in found:
        fault = f"{backend.fault.why} [{backend.fault.code}]" if backend.fault else ""
        state = {"well": "ok", "unknown": "warning"}.get(backend.state, "failed")
        todo = "does a worker run?" if backend.state == "unknown" else ""
        said = f"{backend.state}, {backend.zones} zones, {backend.open_requests} open {fault}".rstrip()
        yield Finding(f"backend {backend.name}", state, said, todo)
        for resting in backend.resting_zones:
            yield Finding(f"zone {resting.zone}", "failed", f"it rests: {resting.why} [{resting.code}]")


def _chosen(dns: Client, zones: list[str]) -> list[str]:
    return zones or [zone.key for zone in dns.zones.list().items[:_MAX_ZONES]]


def _zone(dns: Client, key: str) -> Iterator[Finding]:
    """Ask the zone's servers, and compare their serials."""
    try:
        check = dns.zones.check(key)
    except Forbidden:
        yield Finding(f"zone {key}", "skipped", "you have no right to have its servers asked")
        return
    yield from _check(key, check)
    yield from _serials(dns.zones.get(key))


def _check(key: str, check: ZoneCheck) -> Iterator[Finding]:
    if check.why or not check.findings:
        state = "warning" if check.state == "unknown" else "failed"
        yield Finding(f"zone {key}", state, check.why or check.state)
    for finding in check.findings:
        state = "ok" if finding.code is None else "failed"
        code = f" [{finding.code}]" if finding.code else ""
        yield Finding(f"zone {key}, {finding.server}, to {finding.need}", state, f"{finding.message}{code}")


def _serials(zone: ZoneDetail) -> Iterator[Finding]:
    for server in zone.servers or []:
        if server.error:
            yield Finding(f"zone {zone.key}, {server.server}", "failed", f"no serial: {server.error}")
        elif zone.serial is not None and server.serial != zone.serial:
            said = f"serial {server.serial}, the primary has {zone.serial}"
            yield Finding(f"zone {zone.key}, {server.server}", "warning", said, "transfers may be late")
