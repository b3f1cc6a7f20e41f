"""Access: the audit."""

from threading import Lock

from fastapi import APIRouter, Request, Response

from app.console.auth import PageRoute, needs
from app.console.query import Cursor, FilterText
from app.console.rendering import show
from app.core.database import reading
from app.domain.errors import Overloaded
from app.domain.permissions import Right
from app.services.access import audit
from app.services.access.audit import AuditFilter, Chain

router = APIRouter(prefix="/access/audit", route_class=PageRoute)

_ENTRIES = 50  # of a page
_VERIFY_SECONDS = 15.0
_verifying = Lock()  # it reads all there is: one reader at a time


@router.get("")
@needs(Right.READ_ACCESS)
def list_audit(
    request: Request,
    principal: FilterText = None,
    act: FilterText = None,
    subject: FilterText = None,
    cursor: Cursor = None,
) -> Response:
    """Every privileged act, the newest first."""
    wanted = AuditFilter(principal, act, subject)
    with reading() as session:
        page = audit.find_entries(session, wanted, _ENTRIES, cursor)
    return show(request, "access/audit.html", filters=wanted, page=page, chain=None)


@router.post("/verify")
@needs(Right.READ_ACCESS)
def verify(request: Request) -> Response:
    """Look for entries that were changed, removed or inserted."""
    with reading() as session:
        page = audit.find_entries(session, AuditFilter(), _ENTRIES, None)
    return show(request, "access/audit.html", filters=AuditFilter(), page=page, chain=_follow())


def _follow() -> Chain:
    """Return how far the chain is good. Raises Overloaded where somebody else has it followed."""
    if not _verifying.acquire(blocking=False):
        raise Overloaded
    try:
        with reading() as session:
            return audit.follow(session, seconds=_VERIFY_SECONDS)
    finally:
        _verifying.release()
