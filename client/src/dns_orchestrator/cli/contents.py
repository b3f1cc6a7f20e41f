"""What zones hold: `records`, `import`, `export`, `history`, `rollback`."""

import sys
import time
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from dns_orchestrator.cli.batches import conclude
from dns_orchestrator.cli.changes import WAIT, NoWait, Type, Wait
from dns_orchestrator.cli.command import Session, command
from dns_orchestrator.cli.output import (
    as_json,
    coloured,
    console,
    note,
    print_json,
    print_table,
    say,
    time_of,
)
from dns_orchestrator.cli.requests import Limit, OfName, OfType, OfZone
from dns_orchestrator.cli.show import difference, print_plan
from dns_orchestrator.cli.status import FAILED, STILL_OPEN
from dns_orchestrator.cli.zones import ZoneKey
from dns_orchestrator.client import Client
from dns_orchestrator.models.zones import Import
from dns_orchestrator.waiting import Deadline, pauses


def add_contents(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "records")(records)
    command(app, "import")(import_zone)
    command(app, "export")(export)
    command(app, "history")(history)
    command(app, "rollback")(rollback)


def records(
    session: Session,
    zone: OfZone = None,
    domain: OfName = None,
    record_type: OfType = None,
    owner: Annotated[str | None, typer.Option(help="That belong to this account.")] = None,
    limit: Limit = 100,
) -> None:
    """List records: what the authoritative servers answered last."""
    with session.client() as dns:
        wanted = dns.records.list(
            zone=zone, domain=domain, record_type=record_type, owner=owner, page_size=min(limit, 1000)
        )
        found = list(islice(wanted, limit))
    if session.json:
        print_json([as_json(record) for record in found])
        return
    columns = ("name", "TTL", "type", "value", "owner", "from")
    rows = (
        (each.domain_unicode, each.ttl, each.record_type, each.target, each.owner, each.origin)
        for each in found
    )
    print_table(columns, rows)
    if len(found) == limit:
        note(f"There may be more: --limit {2 * limit}")


def import_zone(
    session: Session,
    zone: ZoneKey,
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, allow_dash=True, help="A master file; else its primary."),
    ] = None,
    catalog: Annotated[
        bool, typer.Option("--catalog", help="The zone is a catalog: import its members.")
    ] = False,
    wait: Wait = 600.0,
    no_wait: NoWait = False,
) -> None:
    """Have a worker record what a zone holds: as its primary has it, or as a master file has."""
    content = None
    if file is not None:
        content = sys.stdin.buffer.read() if file == Path("-") else file.read_bytes()
    with session.patient_client() as dns:
        found = dns.zones.import_(zone, master_file=content, catalog=catalog)
        found = found if no_wait else _imported(dns, zone, found, Deadline(wait))
    if session.json:
        print_json(found)
    else:
        why = f"{found.error.message} [{found.error.code}]" if found.error else ""
        say(coloured(found.state or "none"), f"{zone}: {found.rrsets or 0} RRsets", why)
    if found.state == "failed":
        raise typer.Exit(FAILED)
    if found.state != "done" and not no_wait:
        raise typer.Exit(STILL_OPEN)


def _imported(dns: Client, zone: str, found: Import, deadline: Deadline) -> Import:
    for pause in pauses():
        if found.state not in ("wanted", "running") or deadline.left == 0.0:
            break
        time.sleep(min(pause, deadline.left))
        found = dns.zones.last_import(zone)
    return found


def export(
    session: Session,
    zone: ZoneKey,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; else it is printed.")
    ] = None,
) -> None:
    """Write an imported zone as a master file."""
    with session.client() as dns:
        text = dns.zones.export(zone)
    if output is not None:
        output.write_text(text)
        note(f"{zone} is in {output}")
    elif session.json:
        print_json({"zone": zone, "master_file": text})
    else:
        sys.stdout.write(text)


def history(
    session: Session,
    zone: ZoneKey,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Relative to the zone, @ the apex; or whole.")],
    record_type: Type,
    limit: Limit = 20,
) -> None:
    """Show what was done to an RRset, the newest first: by whom, when, from what to what."""
    with session.client() as dns:
        found = list(islice(dns.zones.history(zone, name, record_type.upper()), limit))
    if session.json:
        print_json([as_json(each) for each in found])
        return
    for each in found:
        when = time_of(each.finished_at or each.created_at)
        say(when, coloured(each.status), each.action, f"by {each.context.account_id} ({each.id})")
        for line in difference(each.before, each.after):
            console().print(line)


def rollback(
    session: Session,
    zone: ZoneKey,
    to: Annotated[str, typer.Argument(metavar="TIME", help="What was done later is taken back (RFC 3339).")],
    ask_servers: Annotated[
        bool, typer.Option("--ask-servers", help="Also find what others have changed.")
    ] = False,
    comment: Annotated[str | None, typer.Option(help="Kept with the records.")] = None,
    allow_mass_change: Annotated[
        bool, typer.Option("--allow-mass-change", help="Even if it is more than the zone's thresholds allow.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Wait = WAIT,
    no_wait: NoWait = False,
) -> None:
    """Take back all that requests have done in a zone since a time.

    It shows the plan, asks, applies exactly that, and waits until the servers answer it.
    """
    with session.patient_client() as dns:
        plan = dns.plans.rollback(
            zone, to, ask_servers=ask_servers, comment=comment, account_id=session.settings.account_id
        )
        if not session.json:
            print_plan(plan)
        if plan.plan_id is None:
            if session.json:
                print_json(plan)
            else:
                say("There is nothing to take back.")
            return
        session.confirm("Make these changes?", yes=yes)
        applied = dns.plans.apply(plan.plan_id, allow_mass_change=allow_mass_change)
        conclude(session, dns, applied.batch_id, 0.0 if no_wait else wait)
