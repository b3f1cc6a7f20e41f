"""With which status a command ends, so that scripts can tell why."""

from dns_orchestrator import errors

DONE = 0
FAILED = 1  # a request failed
USAGE = 2  # input that can't be accepted
NOT_ALLOWED = 3
NOT_FOUND = 4
CONFLICT = 5
AWAY = 6  # the service, or the way to it
STILL_OPEN = 7

_BY_ERROR: tuple[tuple[type[errors.OrchestratorError], int], ...] = (
    (errors.RequestFailed, FAILED),
    (errors.ConfigurationError, USAGE),
    (errors.InvalidInput, USAGE),
    (errors.NotLoggedIn, NOT_ALLOWED),
    (errors.Forbidden, NOT_ALLOWED),
    (errors.NotFound, NOT_FOUND),
    (errors.Conflict, CONFLICT),
    (errors.TooManyRequests, AWAY),
    (errors.Unavailable, AWAY),
    (errors.ConnectionFailed, AWAY),
    (errors.StillOpen, STILL_OPEN),
)


def status_of(error: errors.OrchestratorError) -> int:
    """Return the exit status that an error stands for."""
    return next((status for kind, status in _BY_ERROR if isinstance(error, kind)), FAILED)
