"""Ask what changes would do, and apply exactly that."""

from datetime import datetime
from uuid import UUID

from dns_orchestrator.call import Call, Group, Mode, call, given, part
from dns_orchestrator.models.plans import Plan
from dns_orchestrator.models.requests import Batch

_ASKING = 120.0  # seconds: a worker asks the DNS servers, maybe those of many zones


class Plans(Group[Mode]):
    """`client.plans`: plans that are kept for an hour. `client.plan` makes one."""

    @call
    def get(self, plan_id: UUID | str) -> Call[Plan]:
        """Return a plan as it was answered, and the batch that it has become, if any."""
        return Call("GET", f"/dns/plans/{plan_id}", Plan, seconds=_ASKING)

    @call
    def text(self, plan_id: UUID | str, *, markdown: bool = False) -> Call[str]:
        """Return a plan as text to read, or as a table in Markdown."""
        media_type = "text/markdown" if markdown else "text/plain"
        return Call("GET", f"/dns/plans/{plan_id}", str, headers={"Accept": media_type})

    @call
    def apply(self, plan_id: UUID | str, *, allow_mass_change: bool = False) -> Call[Batch]:
        """Submit exactly what a plan shows, or nothing. Raises PlanStale where the state has moved.

        The same apply again gets the same requests.
        """
        body = {"allow_mass_change": True} if allow_mass_change else None
        return Call("POST", f"/dns/plans/{plan_id}/apply", Batch, json=body, seconds=_ASKING)

    @call
    def rollback(
        self,
        zone: str,
        to: datetime | str,
        *,
        ask_servers: bool = False,
        comment: str | None = None,
        reason: str | None = None,
        ticket: str | None = None,
        account_id: str | None = None,
    ) -> Call[Plan]:
        """Plan what takes back all that requests have done in a zone after a time."""
        context = given(reason=reason, ticket=ticket, account_id=account_id)
        body = given(to=to, comment=comment, context=context or None, ask_servers=ask_servers or None)
        return Call("POST", f"/zones/{part(zone)}/rollback", Plan, json=body, seconds=_ASKING)
