"""What an answer stands for: what was asked for, or an error."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from dns_orchestrator.call import Call, Response
from dns_orchestrator.errors import Unavailable, answer_error

_MAX_QUOTED = 200  # characters of a body that is no JSON


def read(call: Call[Any], response: Response) -> Any:
    """Return what was asked for. Raises AnswerError."""
    if not (200 <= response.status < 300 or response.status in call.accepts):
        raise answer_error(response.status, _body(response), _retry_after(response))
    if call.answer is type(None):
        return None
    if call.answer is str:
        return response.content.decode(errors="replace")
    try:
        return TypeAdapter(call.answer).validate_json(response.content)
    except ValidationError as error:
        words = f"{call.path} has answered what this client can't read: is it the API? {_quoted(response)}"
        raise Unavailable(response.status, words, "answer_unreadable") from error


def _body(response: Response) -> Any:
    try:
        return from_json(response.content)
    except ValueError:
        return _quoted(response) or f"HTTP {response.status}"


def _quoted(response: Response) -> str:
    text = " ".join(response.content.decode(errors="replace").split())
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]} …"


def _retry_after(response: Response) -> float | None:
    """Return the seconds of `Retry-After`, which may be a time as well (RFC 9110 10.2.3)."""
    text = response.headers.get("retry-after")
    if text is None:
        return None
    try:
        if text.strip().isdigit():
            return float(text)
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
