"""Reject what nobody has approved in time."""

from sqlalchemy.orm import Session

from app.core.database import statements, transaction
from app.domain.approval import Verdict
from app.domain.permissions import SERVICE
from app.services.access import audit
from app.store import reviews
from app.store.models import Review

_CODE = "approval_expired"
_LONGEST_PAUSE, _SHORT_PAUSE = 1.0, 0.05  # seconds
_NAMED = 100  # requests in an entry of the audit


def end_expired_reviews() -> float:
    """Reject what nobody has approved in time. Returns how many seconds to wait before the next look.

    Where nothing has expired this is one look into an index that has undecided reviews only.
    """
    with statements() as session:
        seconds = reviews.seconds_until_next(session)
    if seconds is None or seconds > 0:
        return min(_LONGEST_PAUSE, seconds or _LONGEST_PAUSE)
    with transaction() as session:
        expired = reviews.lock_expired(session)
        for review in expired:
            _end(session, review)
    return _SHORT_PAUSE if expired else _LONGEST_PAUSE  # there may be more, or another process has them


def _end(session: Session, review: Review) -> None:
    message = "nobody has approved it in time: ask for it again if it is still wanted"
    rejected = reviews.reject(session, review.id, _CODE, message)
    reviews.close(session, review, Verdict.EXPIRED if rejected else Verdict.WITHDRAWN, None, None)
    if rejected:
        named = {"requests": sorted(map(str, rejected))[:_NAMED], "number": len(rejected)}
        before = {"status": "awaiting_approval", "asked_by": review.principal, **named}
        after = {"status": "rejected", "code": _CODE}
        audit.note(session, SERVICE, "requests_expired", str(min(rejected)), before, after)
