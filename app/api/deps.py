"""What endpoints need: the body, read with a limit; filters that are safe to ask the database with."""

from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Query, Request
from pydantic import BaseModel, StringConstraints, ValidationError
from pydantic_core import from_json

from app.api.errors import Problem, Refusal
from app.core.config import settings
from app.domain.rules import Reason
from app.services.intake import Intake
from app.services.validate import shape_reasons

Shape = TypeVar("Shape", bound=BaseModel)

PLAIN = r"^[^\x00-\x1f\x7f]*$"

Text = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=PLAIN)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[Text | None, Query(description="`next_cursor` of the page before")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=PLAIN,
        description="the same key with the same body gives the first answer again; keys are per account",
    ),
]


async def _single(request: Request) -> Any:
    return await _json_body(request, settings().max_body)


async def _many(request: Request) -> Any:
    return await _json_body(request, settings().max_batch_body)


SingleBody = Annotated[Any, Depends(_single)]
BatchBody = Annotated[Any, Depends(_many)]


async def _intake(request: Request) -> Intake:
    intake: Intake = request.app.state.intake
    return intake


TheIntake = Annotated[Intake, Depends(_intake)]


def read(shape: type[Shape], body: Any) -> Shape:
    """The body as a model. Raises Refusal."""
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        raise Refusal(shape_reasons(error)) from error


async def _json_body(request: Request, limit: int) -> Any:
    """The decoded body. Raises Problem 415 or 413, or Refusal when it is not JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise Problem(415, "the body must be application/json")
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > limit:
            raise Problem(413, f"the body is larger than {limit} bytes")
    try:
        return from_json(bytes(raw), allow_inf_nan=False)
    except ValueError as error:
        raise Refusal([Reason((), "json_invalid", f"not JSON: {error}")]) from error
