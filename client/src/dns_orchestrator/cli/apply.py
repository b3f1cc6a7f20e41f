"""`plan FILE` and `apply FILE`: many changes from a file."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dns_orchestrator.cli.apply_job import ApplyJob
from dns_orchestrator.cli.apply_state import ApplyState
from dns_orchestrator.cli.command import Session, command
from dns_orchestrator.cli.output import as_json, console, note, print_json, say
from dns_orchestrator.cli.show import print_plan
from dns_orchestrator.cli.status import FAILED, STILL_OPEN, USAGE
from dns_orchestrator.errors import ConfigurationError
from dns_orchestrator.files import FORMATS, Entry, format_of, read_changes
from dns_orchestrator.models.plans import Plan, PlanItem

WAIT = 600.0  # seconds

File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, allow_dash=True, help="The file; - is standard input.")
]
Kind = Annotated[
    str | None,
    typer.Option("--format", help=f"What it is, unless its name says so: {', '.join(FORMATS)}."),
]
Origin = Annotated[str | None, typer.Option(help="Of a master file: what its names are relative to.")]
AskServers = Annotated[bool, typer.Option("--ask-servers", help="Plan by the DNS servers, not the records.")]
MassChange = Annotated[
    bool, typer.Option("--allow-mass-change", help="Even if it is more than a zone's thresholds allow.")
]
_CHANGES = frozenset({"applied", "would_be_sent"})
Planned = Sequence[tuple[Plan, Sequence[Entry]]]


def add_bulk(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "plan")(plan)
    command(app, "apply")(apply)


def plan(
    session: Session,
    file: File,
    kind: Kind = None,
    origin: Origin = None,
    ask_servers: AskServers = False,
    allow_mass_change: MassChange = False,
) -> None:
    """Show what the changes of a file would do; nothing is changed.

    The file is CSV (a first line such as name,type,value,ttl), JSON lines, JSON, YAML, or a master file.
    Lines without an action are upserts. Exit status 2 where some would be refused.
    """
    entries = _read(file, kind, origin)
    with session.patient_client() as dns:
        job = ApplyJob(dns, entries, allow_mass_change)
        planned = list(job.plans(ask_servers=ask_servers))
    if session.json:
        print_json([as_json(each) for each, _ in planned])
    else:
        _print_plans(planned)
    if any(item.errors for each, _ in planned for item in each.results):
        raise typer.Exit(USAGE)


def apply(
    session: Session,
    file: File,
    kind: Kind = None,
    origin: Origin = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    ask_servers: AskServers = False,
    allow_mass_change: MassChange = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on with what was interrupted.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait until all is settled.")] = WAIT,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is settled.")] = False,
) -> None:
    """Make the changes of a file: show the plan, ask, submit, wait, and name every failure.

    What was interrupted, or is open still, goes on when the command is repeated, and asks for nothing twice.
    Exit status 1 where some of it is refused or fails, 7 where some is not settled in time.
    """
    entries = _read(file, kind, origin)
    state = ApplyState.find(file, session.settings)
    if fresh:
        state = ApplyState.begin(state.path)
    with session.patient_client() as dns:
        job = ApplyJob(dns, entries, allow_mass_change)
        if not _is_wanted(session, job, state, yes=yes, ask_servers=ask_servers):
            return
        state.save()
        try:
            with _progress(session, "submitted", len(entries)) as report:
                job.submit(state, report)
            with _progress(session, "settled", job.submitted) as report:
                job.follow(0.0 if no_wait else wait, report)
        except KeyboardInterrupt:
            note("Interrupted. The same command goes on, and asks for nothing twice.")
            raise
    _conclude(session, job, state)


def _read(file: Path, kind: str | None, origin: str | None) -> list[Entry]:
    """Return the changes of a file. Raises ConfigurationError."""
    chosen = kind or format_of(file)
    found = next((each for each in FORMATS if each == chosen), None)
    if found is None:
        raise ConfigurationError(f"{file}: say what it is: --format {', '.join(FORMATS)}")
    content = sys.stdin.buffer.read() if file == Path("-") else file.read_bytes()
    try:
        return read_changes(content, found, origin)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from error


def _is_wanted(session: Session, job: ApplyJob, state: ApplyState, *, yes: bool, ask_servers: bool) -> bool:
    """Show the plan and ask; return whether there is something to do, and it is to be done."""
    if state.resumed:
        note(f"Going on with what was begun at {state.begun}; --fresh begins anew.")
    planned = list(job.plans(ask_servers=ask_servers))
    if not session.json:
        _print_plans(planned)
    if not state.resumed and _outcomes(planned).keys() <= {"unchanged"}:
        if session.json:
            _print_summary(job, len(job.entries))
        return False
    session.confirm("Make these changes?", yes=yes)
    return True


def _print_plans(planned: Planned) -> None:
    for each, entries in planned:
        places = {number: f"line {entry.line}: " for number, entry in enumerate(entries)}
        print_plan(each, places)
    counted = _outcomes(planned)
    words = ", ".join(f"{number} {outcome}" for outcome, number in counted.items())
    say(f"Plan: {words}." if words else "Plan: there is nothing in the file.")


def _outcomes(planned: Planned) -> Counter[str]:
    return Counter(_outcome(item) for each, _ in planned for item in each.results)


def _outcome(item: PlanItem) -> str:
    if item.errors or item.forecast is None:
        return "refused"
    return "to change" if item.forecast.outcome in _CHANGES else item.forecast.outcome


@contextmanager
def _progress(session: Session, words: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many are done, on a terminal; yield what is told that."""
    columns = (TextColumn(words), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    where = console(errors=True)
    with Progress(*columns, console=where, disable=session.json or not where.is_terminal) as shown:
        task = shown.add_task(words, total=total)
        yield lambda done: shown.update(task, completed=done)


def _conclude(session: Session, job: ApplyJob, state: ApplyState) -> None:
    """Print what became of all; raise Exit. What is settled is remembered no more."""
    if not job.unsettled:
        state.forget()
    if session.json:
        _print_summary(job)
    else:
        for line in _failures(job):
            note(line)
        say(f"{job.succeeded} succeeded, {_unhappy(job)}.")
    if job.refused or job.failed:
        raise typer.Exit(FAILED)
    if job.unsettled:
        raise typer.Exit(STILL_OPEN)


def _failures(job: ApplyJob) -> Iterator[str]:
    for entry, errors in job.refused:
        words = "; ".join(f"{each.msg} [{each.type}]" for each in errors)
        yield f"line {entry.line}: {entry.change.name} is refused: {words or 'the answer does not say why'}"
    for entry, request in job.failed:
        why = f"{request.error.message} [{request.error.code}]" if request.error else ""
        yield f"line {entry.line}: {request.name} {request.status}: {why} ({request.id})"


def _unhappy(job: ApplyJob) -> str:
    return f"{len(job.failed)} failed, {len(job.refused)} refused, {len(job.unsettled)} open"


def _print_summary(job: ApplyJob, unchanged: int = 0) -> None:
    refused: list[dict[str, Any]] = [
        {"line": entry.line, "change": entry.change.name, "errors": [as_json(each) for each in errors]}
        for entry, errors in job.refused
    ]
    failed = [{"line": entry.line, "request": as_json(request)} for entry, request in job.failed]
    print_json(
        {
            "unchanged": unchanged,
            "succeeded": job.succeeded,
            "failed": failed,
            "refused": refused,
            "open": [str(each) for each in job.unsettled],
        }
    )
