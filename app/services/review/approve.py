"""Approve what waits for it: look at what the servers have now, and approve that."""

from functools import partial
from uuid import UUID

from app.domain.errors import ReviewStale
from app.domain.permissions import Caller
from app.services.requests.batch import BodyWorkers
from app.services.requests.lookup import RequestState
from app.services.review import decide
from app.services.review.look import look_at, require_approvable


async def approve(
    request_id: UUID, caller: Caller, workers: BodyWorkers, state: str | None, comment: str | None
) -> RequestState:
    """Approve the request, with those that are decided with it, in the state that they are in.

    With the `state` of a look it has to be the same still. Raises ReviewStale, NotApprovable, and what
    `look_at` and `decide.approve` raise.
    """
    with workers.slot(0, caller):
        look = await look_at(request_id, caller, to_decide=True)
        if state not in (None, look.state):
            raise ReviewStale
        await workers.run(partial(require_approvable, look))
        return await workers.run(partial(decide.approve, request_id, look, caller, comment))
