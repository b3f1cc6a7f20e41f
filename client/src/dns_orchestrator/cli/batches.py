"""What became of the requests of a batch."""

from uuid import UUID

import typer

from dns_orchestrator.cli.command import Session
from dns_orchestrator.cli.output import as_json, print_json, say
from dns_orchestrator.cli.show import print_request
from dns_orchestrator.cli.status import FAILED, STILL_OPEN
from dns_orchestrator.client import Client


def conclude(session: Session, dns: Client, batch_id: UUID | None, wait: float) -> None:
    """Wait until a batch is settled, and print what became of it. Raises Exit unless all has succeeded."""
    if batch_id is None:
        say("Nothing was submitted.")
        return
    *_, progress = dns.progress([batch_id], wait)
    requests = list(dns.requests.list(batch_id=batch_id, page_size=1000))
    unhappy = [each for each in requests if not each.has_succeeded]
    if session.json:
        print_json({"batch": as_json(progress[0]), "requests": [as_json(each) for each in requests]})
    else:
        for request in reversed(unhappy):
            print_request(request)
        say(f"{len(requests) - len(unhappy)} of {len(requests)} succeeded (batch {batch_id})")
    if any(each.is_settled for each in unhappy):
        raise typer.Exit(FAILED)
    if unhappy:
        raise typer.Exit(STILL_OPEN)
