"""Bodies are read as strict JSON."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from app.domain.change import Via
from app.domain.errors import InvalidInput, Reason
from app.schemas.request import LINE, VIA_HEADER

IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=LINE)]
IDEMPOTENCY_KEY = TypeAdapter(IdempotencyKey)


class _DecodedRequest(Request):
    decoded: Any

    async def json(self) -> Any:
        return self.decoded


class JsonRoute(APIRoute):
    """A route whose body is a parameter, read as the calls are that read theirs by themselves."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the route."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            if self.body_field is None:
                return await handle(request)
            _require_json(request)
            decoded = _DecodedRequest(_announced_as_json(request.scope), request.receive)
            decoded.decoded = decode_json(await decoded.body())
            return await handle(decoded)

        return handle_json


async def read_json(request: Request) -> bytes:
    """Return the body as it came. Raises HTTPException 415, 413, 408; ClientDisconnect."""
    _require_json(request)
    parts: list[bytes] = []
    while True:  # as Request.body() does it, in a third of its time
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def decode_json(raw: bytes) -> Any:
    """Return the decoded body. Raises InvalidInput.

    JSON is what RFC 8259 calls so: no NaN, no Infinity, no half of a surrogate pair.
    """
    try:
        return from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidInput([Reason((), "json_invalid", f"not JSON: {error}")]) from error


def read_idempotency_key(request: Request) -> str | None:
    """Return the `Idempotency-Key` header. Raises InvalidInput."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    try:
        return IDEMPOTENCY_KEY.validate_python(given)
    except ValidationError as error:
        reasons = (Reason(("idempotency-key",), item["type"], item["msg"]) for item in error.errors())
        raise InvalidInput(reasons, "header") from error


def read_via(request: Request) -> Via:
    """Return the door that the request came by: the API, unless its caller is a door itself.

    Raises InvalidInput.
    """
    given = request.headers.get(VIA_HEADER)
    if given is None:
        return Via.API
    try:
        return Via(given)
    except ValueError:
        reason = Reason((VIA_HEADER,), "via_unknown", f"one of {', '.join(Via)} is allowed")
        raise InvalidInput([reason], "header") from None


def _announced_as_json(scope: Scope) -> Scope:
    """Return the scope with the media type that FastAPI takes for JSON; not every `…+json` is one to it."""
    others = [header for header in scope["headers"] if header[0] != b"content-type"]
    return {**scope, "headers": [*others, (b"content-type", b"application/json")]}


def _require_json(request: Request) -> None:
    """Raise HTTPException 415 unless the body is announced as JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise HTTPException(415, "the body must be application/json")
