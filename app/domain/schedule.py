"""When a request may be scheduled for."""

from datetime import UTC, datetime, timedelta

from app.domain.errors import Reason

NOT_BEFORE = ("context", "not_before")
MAX_AHEAD = timedelta(days=366)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def why_not(not_before: datetime, now: datetime) -> Reason | None:
    """Return the reason against that time, if there is one. A time that has passed means now."""
    if not_before > now + MAX_AHEAD:
        message = f"more than {MAX_AHEAD.days} days ahead; it is {now:%Y-%m-%dT%H:%M:%SZ} now"
    elif not_before < _EARLIEST:
        message = "before 1970"
    else:
        return None
    return Reason(NOT_BEFORE, "not_before_out_of_range", message)
