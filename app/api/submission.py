"""Submit one change, and answer with what has become of it."""

from fastapi import Request, Response
from pydantic import TypeAdapter

from app.api import answers, waiting
from app.api.auth import caller
from app.api.refusals import note_made_for_others
from app.domain.errors import InvalidInput, NotAllowed
from app.schemas.response import Accepted, AcceptedWithWarnings
from app.services.requests import submission
from app.services.requests.draft import RawChange, Refused
from app.services.requests.group_commit import GroupCommit

REPLAYED = {"Idempotent-Replayed": "true"}
_ACCEPTED = TypeAdapter(Accepted)
_WITH_WARNINGS = TypeAdapter(AcceptedWithWarnings)


async def submit_change(
    request: Request, change: RawChange, size: int
) -> tuple[Response, waiting.Wait | None]:
    """Return the answer to a change of so many bytes, and what its client wants to wait for.

    Raises what is against it.
    """
    group_commit: GroupCommit = request.app.state.group_commit
    result = await group_commit.submit(change, size, caller(request))
    note_made_for_others(request, (result,))
    match result:
        case submission.Accepted(accepted) | submission.Replayed(accepted):
            answer_headers = {"Location": f"/api/v1/dns/requests/{accepted.id}"}
            if isinstance(result, submission.Replayed):
                answer_headers |= REPLAYED
            if isinstance(result, submission.Accepted) and result.warnings:
                answer = answers.accepted_with_warnings(accepted, result.warnings)
                content = _WITH_WARNINGS.dump_json(answer)
            else:
                content = _ACCEPTED.dump_json(answers.accepted(accepted))
            response = Response(content, 202, answer_headers, "application/json")
            return response, waiting.asked_for(request, accepted)
        case Refused(reasons):
            raise NotAllowed(reasons[0]) if result.not_allowed else InvalidInput(reasons)
        case submission.KeyReused(cause) | submission.Undecided(cause):
            raise cause
