"""`stats`: the figures of the service, or of one's accounts."""

from collections.abc import Iterator

import typer

from dns_orchestrator.cli.command import Session, command
from dns_orchestrator.cli.output import coloured, print_json, printable, say
from dns_orchestrator.models.service import Stats


def add_stats(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "stats")(stats)


def stats(session: Session) -> None:
    """Show the figures: what is open, how long it takes, backends, drift, servers that lag behind."""
    with session.client() as dns:
        found = dns.service.stats(hours=1)
    if session.json:
        print_json(found)
        return
    for name, figure in _figures(found):
        say(f"{name}: {figure}")
    for backend in found.backends or []:
        say(
            f"backend {backend.name}:",
            coloured(backend.state),
            f"{backend.open} open",
            printable(backend.why or ""),
        )
    for zone in found.zones:
        say(f"zone {zone.zone}: {zone.open} open, {zone.failed_24h} failed within a day")
    for lag in found.serial_lag or []:
        say(f"zone {lag.zone}: {lag.server} is {lag.behind} behind")


def _figures(found: Stats) -> Iterator[tuple[str, str]]:
    """Yield the figures that there are, with what they are called."""
    by_status = (f"{number} {status}" for status, number in found.requests.by_status.items() if number)
    yield "open requests", f"{found.requests.open} {', '.join(by_status)}".rstrip()
    yield "accepted within a minute", str(found.accepted_per_minute)
    latency = found.latency
    if latency.p50_ms is not None and latency.p95_ms is not None:
        yield "until verified", f"{latency.p50_ms:.0f} ms, 95 % within {latency.p95_ms:.0f} ms"
    yield "awaiting approval", str(found.awaiting_approval)
    if found.drift is not None:
        yield "drift", f"{found.drift.rrsets} RRsets in {found.drift.zones} zones"
    if found.dead_letters is not None:
        yield "dead letters", str(found.dead_letters.count)
    if found.runs is not None:
        yield "runs within an hour", f"{found.runs.last_hour}, {found.runs.failed_last_hour} failed"
    if found.worker_seen_s is not None:
        yield "a worker was last there", f"{found.worker_seen_s:.0f} s ago"
    for each in found.events or []:
        waits = f", the oldest for {each.oldest_s:.0f} s" if each.waiting else ""
        yield f"events for {each.listener}", f"{each.waiting} wait{waits}"
