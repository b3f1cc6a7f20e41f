"""Bodies: bounded in bytes and in seconds, and read as strict JSON."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.errors import InvalidInput, Reason
from app.schemas.request import LINE

IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=LINE)]
IDEMPOTENCY_KEY = TypeAdapter(IdempotencyKey)


class BodyLimits:
    """Middleware that bounds the body of every request, in bytes and in seconds.

    A body that is too large is answered 413, one that does not come in time 408: where the call reads it.
    `by_path` holds the limits of the paths that take more than `default`.
    """

    def __init__(self, app: ASGIApp, default: int, by_path: Mapping[str, int], seconds: float) -> None:
        self._app = app
        self._default = default
        self._by_path = by_path
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, with a bounded body."""
        if scope["type"] == "http":
            limit = self._by_path.get(scope["path"], self._default)
            receive = _BoundedBody(receive, limit, self._seconds).receive
        await self._app(scope, receive, send)


class _BoundedBody:
    __slots__ = ("_complete", "_deadline", "_left", "_limit", "_receive", "_seconds")

    def __init__(self, receive: Receive, limit: int, seconds: float) -> None:
        self._receive = receive
        self._limit = self._left = limit
        self._seconds = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._complete = False

    async def receive(self) -> Message:
        if self._complete:  # what comes now is the client's disconnection, at any time
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, f"the body was not complete after {self._seconds:g} s") from None
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, f"the body is larger than {self._limit} bytes")
        self._complete = not message.get("more_body", False)
        return message


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
            decoded = _DecodedRequest(request.scope, request.receive)
            decoded.decoded = decode_json(await read_json(decoded))
            return await handle(decoded)

        return handle_json


async def read_json(request: Request) -> bytes:
    """Return the body as it came. Raises HTTPException 415, 413, 408."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise HTTPException(415, "the body must be application/json")
    return await request.body()


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
