"""How requests and plans are printed."""

from collections.abc import Iterable, Iterator

from rich.text import Text

from dns_orchestrator.cli.output import coloured, console, note, print_table, printable, say, time_of
from dns_orchestrator.models.plans import Plan, PlanItem
from dns_orchestrator.models.requests import Request, RRset

_MAX_VALUE = 200  # characters of a value


def print_request(request: Request) -> None:
    """Print a request in one line, what may not be meant, and why it has failed."""
    for warning in request.warnings or []:
        note(f"warning: {warning.message} [{warning.code}]")
    say(coloured(request.status), request.name, *map(printable, request.targets), f"({request.id})")
    if request.error:
        note(f"{request.error.message} [{request.error.code}]")


def print_requests(requests: Iterable[Request]) -> None:
    """Print requests as a table."""
    columns = ("id", "status", "action", "name", "type", "value", "account", "created", "error")
    rows = (
        (
            request.id,
            coloured(request.status),
            request.action,
            request.domain_unicode or request.domain,
            request.record_type,
            request.targets,
            request.context.account_id,
            request.created_at,
            request.error.code if request.error else None,
        )
        for request in requests
    )
    print_table(columns, rows)


def print_details(request: Request) -> None:
    """Print all that is known of a request: what it was, what became of it, and the end of its log."""
    print_request(request)
    said = {
        "zone": request.zone,
        "asked by": f"{request.context.account_id} ({request.context.source}, via {request.context.via})",
        "reason": request.context.reason,
        "ticket": request.context.ticket,
        "not before": request.context.not_before,
        "undoes": request.undoes,
        "undone by": request.undone_by,
        "waits for": request.waits_for and f"{request.waits_for.code}, since {request.waits_for.since}",
        "approval": request.review and request.review.why,
    }
    for name, value in said.items():
        if value is not None:
            say(f"  {name}: {value}")
    _print_effect(request.before, request.after)
    for answer in request.servers or []:
        state = coloured(answer.state)
        say(f"  {printable(answer.server)}:", state, printable(answer.message or ""))
    for event in request.events:
        say(f"  {time_of(event.at)}", coloured(event.status), printable(event.message))


def _print_effect(before: RRset | None, after: RRset | None) -> None:
    where = console()
    for line in difference(before, after):
        where.print(line)


def difference(before: RRset | None, after: RRset | None, name: str = "") -> Iterator[Text]:
    """Yield what goes as lines with a minus, and what comes with a plus."""
    gone, come = _values(before), _values(after)
    for sign, colour, values, others in (("-", "red", gone, come), ("+", "green", come, gone)):
        for value in values:
            if value not in others:
                yield Text(f"  {sign} {name}{value}", style=colour)


def _values(rrset: RRset | None) -> list[str]:
    if rrset is None:
        return []
    ttl = "" if rrset.ttl is None else f"{rrset.ttl} "
    shown = rrset.target_unicode or rrset.target
    return [ttl + _short(printable(value)) for value in shown]


def _short(text: str) -> str:
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]} …"


def print_plan(plan: Plan, places: dict[int, str] | None = None) -> None:
    """Print what a plan would change. `places` are words for where items come from, by their index."""
    where = console()
    for item in plan.results:
        place = (places or {}).get(item.index, "")
        for line in _item_lines(item, place):
            where.print(line)
    for left in plan.not_taken_back:
        name = printable(left.domain_unicode or left.domain)
        where.print(
            Text(f"not taken back: {name} {left.record_type}: {left.message} [{left.code}]", "yellow")
        )


def _item_lines(item: PlanItem, place: str) -> Iterator[Text]:
    change, forecast = item.change, item.forecast
    if change is not None:
        name = f"{printable(change.domain_unicode or change.domain)} {change.record_type}"
        outcome = forecast.outcome if forecast else "unknown"
        if outcome == "unchanged":
            yield Text(f"  = {name}: as it is", style="dim")
        else:
            yield from difference(change.before, change.after, f"{name} ")
        if not change.before_known:
            yield Text(f"    what {name} has now is not recorded", style="dim")
    if forecast is not None and forecast.outcome not in ("applied", "unchanged", "would_be_sent"):
        said = f"{forecast.message or forecast.outcome} [{forecast.code}]"
        yield Text(f"  ! {place}{forecast.outcome}: {printable(said)}", style="red")
    for error in item.errors or []:
        yield Text(f"  ! {place}refused: {printable(error.msg)} [{error.type}]", style="red")
    for warning in item.warnings or []:
        yield Text(f"  ? {place}warning: {printable(warning.message)} [{warning.code}]", style="yellow")
    if item.review:
        yield Text(f"  ? {place}somebody has to approve it: {printable(item.review)}", style="yellow")
