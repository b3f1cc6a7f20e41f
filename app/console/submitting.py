"""What follows when a page has submitted changes."""

from collections.abc import Sequence

from fastapi import Request

from app.domain.permissions import Caller
from app.services.kicks import KickSender
from app.services.requests.backlog import Backlog
from app.services.requests.group_commit import additions, zones_to_kick
from app.services.requests.made_for_others import note_made_for_others
from app.services.requests.submission import Submitted


def follow_up(request: Request, caller: Caller, submitted: Sequence[Submitted]) -> None:
    """Count what was accepted, and kick its zones; of an admin the audit is told whose changes he made.

    To be called in the event loop.
    """
    state = request.app.state
    backlog: Backlog = state.backlog
    kicks: KickSender = state.kicks
    if not caller.unrestricted:
        note_made_for_others(state.refusals, caller, submitted)
    backlog.add(additions(submitted))
    kicks.add(zones_to_kick(submitted))
