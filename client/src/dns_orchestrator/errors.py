"""Every error of the client, drawn once.

    OrchestratorError
    ├── ConfigurationError       a setting, a profile or a file can't be used
    ├── ConnectionFailed         no answer: nobody listens, the connection was lost, or it took too long
    ├── AnswerError              the API has answered otherwise than with what was asked for
    │   ├── InvalidInput     422
    │   ├── NotLoggedIn      401
    │   ├── Forbidden        403
    │   ├── NotFound         404
    │   ├── Conflict         409
    │   │   └── PlanStale         what the plan is based on has changed: `moved`
    │   ├── TooManyRequests  429
    │   └── Unavailable      5xx
    ├── RequestFailed            a request that was waited for has failed, or was cancelled or rejected
    └── StillOpen                a request that was waited for is not settled yet

`code` is stable and meant for programs, docs/errors.md has them all; the text is for people.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dns_orchestrator.models.requests import Request


class Reason(NamedTuple):
    """One reason why input is refused: its place, a stable code, and words."""

    loc: tuple[str | int, ...]
    code: str
    message: str


class OrchestratorError(Exception):
    """The root of the tree."""

    code: str | None = None


class ConfigurationError(OrchestratorError):
    """A setting, a profile or a file of the user's can't be used."""

    code = "configuration_invalid"


class ConnectionFailed(OrchestratorError):
    """No answer. `sent` tells whether the API may have got the call."""

    code = "connection_failed"

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class AnswerError(OrchestratorError):
    """An answer that is no success.

    `status` is that of HTTP, `reasons` are those against the input, `retry_after` is in seconds.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        *,
        reasons: Sequence[Reason] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.reasons = tuple(reasons)
        self.retry_after = retry_after


class InvalidInput(AnswerError):
    """What was sent can't be accepted: `reasons` has everything that is wrong with it."""


class NotLoggedIn(AnswerError):
    """The API does not know who calls: no token, or one that is not good any more."""


class Forbidden(AnswerError):
    """The caller is known, and may not do this."""


class NotFound(AnswerError):
    """There is nothing of that name or id."""


class Conflict(AnswerError):
    """The state does not allow it."""


class PlanStale(Conflict):
    """What a plan is based on has changed since; `moved` has the first RRsets, before and now."""

    moved: Sequence[Mapping[str, Any]] = ()


class TooManyRequests(AnswerError):
    """A quota is used up, or too many calls were made with a wrong token."""


class Unavailable(AnswerError):
    """The service is away, or overloaded, or has a fault of its own."""


class RequestFailed(OrchestratorError):
    """A request that was waited for is settled, and has not succeeded: `request`."""

    def __init__(self, request: Request) -> None:
        why = request.error.message if request.error else f"it is {request.status}"
        super().__init__(f"{request.name}: {why}")
        self.request = request
        self.code = request.error.code if request.error else request.status


class StillOpen(OrchestratorError):
    """A request that was waited for is not settled yet: `request` is how far it has come."""

    code = "still_open"

    def __init__(self, request: Request) -> None:
        super().__init__(f"{request.name} is {request.status} still")
        self.request = request


_BY_STATUS: Mapping[int, type[AnswerError]] = {
    401: NotLoggedIn,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: InvalidInput,
    429: TooManyRequests,
}


def answer_error(status: int, body: Any, retry_after: float | None = None) -> AnswerError:
    """Return the error that an answer stands for. `body` is its decoded JSON, or text that is none."""
    detail = body.get("detail", body) if isinstance(body, Mapping) else body
    code = body.get("code") if isinstance(body, Mapping) else None
    reasons = list(_reasons(detail))
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else AnswerError)
    if code == "plan_stale":
        kind = PlanStale
    words = "; ".join(each.message for each in reasons) if reasons else str(detail)
    if code is None and reasons:
        code = reasons[0].code
    error = kind(status, words, code, reasons=reasons, retry_after=retry_after)
    if isinstance(error, PlanStale) and isinstance(body, Mapping):
        error.moved = body.get("moved", ())
    return error


def _reasons(detail: Any) -> list[Reason]:
    """Return the reasons of a body of FastAPI's shape; none where it is another."""
    if not isinstance(detail, list):
        return []
    return [
        Reason(tuple(each.get("loc", ())), str(each.get("type")), str(each.get("msg")))
        for each in detail
        if isinstance(each, Mapping)
    ]
