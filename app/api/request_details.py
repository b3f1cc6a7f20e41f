"""A request with all that is known of it, as three calls answer it: to look, to follow, and to wait."""

from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from app.api import answers
from app.domain.lifecycle import Status
from app.domain.permissions import Principal
from app.schemas.response import RequestDetail
from app.services.backends import obstacle_of
from app.services.requests.lookup import get_request

_DETAIL = TypeAdapter(RequestDetail)


def request_detail(session: Session, request_id: UUID, reader: Principal) -> RequestDetail:
    """Return the request as the reader may see it. Raises RequestNotFound."""
    found = get_request(session, request_id, reader)
    is_pending = found.request.status is Status.PENDING
    obstacle = obstacle_of(session, found.request.zone) if is_pending else None
    return answers.request_detail(found, obstacle, reader)


def detail_as_json(session: Session, request_id: UUID, reader: Principal) -> bytes:
    """Return the same as JSON. Raises RequestNotFound."""
    return _DETAIL.dump_json(request_detail(session, request_id, reader))
