"""What endpoints need: the body, read with a limit; filters that are safe to ask the database with."""

from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request
from pydantic import BaseModel, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import from_json

from app.api.errors import Problem, Refusal
from app.core.config import settings
from app.domain.rules import Reason
from app.services.requests.group_commit import Intake
from app.services.requests.validate import shape_reasons

Shape = TypeVar("Shape", bound=BaseModel)

PLAIN = r"^[^\x00-\x1f\x7f]*$"

Text = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=PLAIN)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[Text | None, Query(description="`next_cursor` of the page before")]
_IDEMPOTENCY_KEY = TypeAdapter(Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=PLAIN)])


async def _single(request: Request) -> Any:
    return decoded(await raw_body(request, settings().max_body))


async def _many(request: Request) -> Any:
    return decoded(await raw_body(request, settings().max_batch_body))


SingleBody = Annotated[Any, Depends(_single)]
BatchBody = Annotated[Any, Depends(_many)]


def the_intake(request: Request) -> Intake:
    """The process's intake."""
    intake: Intake = request.app.state.intake
    return intake


def read(shape: type[Shape], body: Any) -> Shape:
    """The body as a model. Raises Refusal."""
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        raise Refusal(shape_reasons(error)) from error


def idempotency_key(request: Request) -> str | None:
    """The `Idempotency-Key` header. Raises Refusal."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    try:
        return _IDEMPOTENCY_KEY.validate_python(given)
    except ValidationError as error:
        reasons = (Reason(("idempotency-key",), item["type"], item["msg"]) for item in error.errors())
        raise Refusal(reasons, "header") from error


async def raw_body(request: Request, limit: int) -> bytes:
    """The body as it came. Raises Problem 415 or 413."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise Problem(415, "the body must be application/json")
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > limit:
            raise Problem(413, f"the body is larger than {limit} bytes")
    return bytes(raw)


def decoded(raw: bytes) -> Any:
    """The JSON that was written. Raises Refusal when it is none."""
    try:
        return from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Refusal([Reason((), "json_invalid", f"not JSON: {error}")]) from error
