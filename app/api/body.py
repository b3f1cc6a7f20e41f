"""Bodies are read as strict JSON."""

from collections.abc import Callable, Coroutine, Sequence
from functools import reduce
from typing import Annotated, Any, NamedTuple

from fastapi import HTTPException, Request, Response
from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from app.api import parameters
from app.api.auth import caller
from app.domain.change import Via
from app.domain.errors import InvalidInput, NotAllowed, Reason
from app.domain.reasons import MAX_REASONS, at_most
from app.schemas.request import LINE, VIA_HEADER

MAX_KEY = 255  # characters
MAX_BATCH_KEY = MAX_KEY - len("#9999999")  # each item's key is that of the batch, and its index
IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=MAX_KEY, pattern=LINE)]
IDEMPOTENCY_KEY = TypeAdapter(IdempotencyKey)

MAX_VALUES = 1_500_000  # in one body: 10,000 items of 100 targets, and as much again for everything else


class _DecodedRequest(Request):
    decoded: Any

    async def json(self) -> Any:
        return self.decoded


class JsonRoute(parameters.StrictRoute):
    """A route whose body is a parameter, read as the calls are that read theirs by themselves."""

    def get_strict_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what handles a call that is allowed."""
        handle = super().get_strict_handler()

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


async def read_optional_json(request: Request) -> bytes | None:
    """Return the body as it came; None where there is none. Raises as `read_json` does."""
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return None
    return await read_json(request)


def decode_json(raw: bytes) -> Any:
    """Return the decoded body. Raises InvalidInput.

    JSON is what RFC 8259 calls so: no NaN, no Infinity, no half of a surrogate pair.
    """
    if len(raw) > MAX_VALUES and _count_values(raw) > MAX_VALUES:
        reason = Reason((), "json_too_many_values", f"more than {MAX_VALUES} values, lists and objects")
        raise InvalidInput([reason])
    try:
        return from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidInput([Reason((), "json_invalid", f"not JSON: {error}")]) from error


class CallHeaders(NamedTuple):
    """What the headers of a call that submits say."""

    idempotency_key: str | None
    via: Via


_READ_HEADERS = (b"idempotency-key", VIA_HEADER.encode())
_NO_HEADERS = CallHeaders(None, Via.API)
_COMMAND = b"dns-orchestrator-cli/"  # how the command of client/ names itself: a label, as `source` is


def read_headers(request: Request, longest_key: int = MAX_KEY) -> CallHeaders:
    """Return what the headers say. Raises InvalidInput with all that is wrong besides the body."""
    given = [
        header
        for header in request.scope["headers"]
        if header[0] in _READ_HEADERS or (header[0] == b"user-agent" and header[1].startswith(_COMMAND))
    ]
    if not given and not request.scope["query_string"]:
        return _NO_HEADERS
    reasons: list[Reason] = []
    key = _read_key(request.headers.getlist("idempotency-key"), longest_key, reasons)
    via = _read_via(request, reasons)
    _raise_all(parameters.reasons_against(request, ()), reasons)
    return CallHeaders(key, via)


def _read_key(given: list[str], longest: int, reasons: list[Reason]) -> str | None:
    if not given:
        return None
    try:
        key = IDEMPOTENCY_KEY.validate_python(given[0])
    except ValidationError as error:
        reasons += [Reason(("idempotency-key",), item["type"], item["msg"]) for item in error.errors()]
        return None
    if len(given) > 1:
        reasons.append(Reason(("idempotency-key",), "header_repeated", "this header may be given once"))
    if len(key) > longest:
        message = f"String should have at most {longest} characters: each item's key is made of it"
        reasons.append(Reason(("idempotency-key",), "string_too_long", message))
    return key


def _read_via(request: Request, reasons: list[Reason]) -> Via:
    """Return the door that the request came by: the API or the command, unless its caller is a door itself.

    Raises NotAllowed: with a token that is not its own a door has a fault, and not what it hands on.
    """
    given = request.headers.getlist(VIA_HEADER)
    if not given:
        is_command = request.headers.get("user-agent", "").encode().startswith(_COMMAND)
        return Via.CLI if is_command else Via.API
    try:
        via = Via(*given)
    except (ValueError, TypeError):
        reasons.append(Reason((VIA_HEADER,), "via_unknown", f"one of {', '.join(Via)} is allowed"))
        return Via.API
    if via is not Via.API and not caller(request).principal.speaks_for_any:
        words = f"only a gateway is the door {via}: the token needs the role gateway"
        raise NotAllowed(Reason((VIA_HEADER,), "via_not_allowed", words))
    return via


def _raise_all(of_query: Sequence[Reason], of_headers: Sequence[Reason]) -> None:
    """Raise InvalidInput unless there are no reasons."""
    errors = [
        InvalidInput(at_most(MAX_REASONS, reasons), where)
        for reasons, where in ((of_query, "query"), (of_headers, "header"))
        if reasons
    ]
    if errors:
        raise reduce(InvalidInput.also, errors)


def _count_values(raw: bytes) -> int:
    """Return at least the number of values in a JSON text: each takes far more memory than its text."""
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


def _announced_as_json(scope: Scope) -> Scope:
    """Return the scope with the media type that FastAPI takes for JSON; not every `…+json` is one to it."""
    others = [header for header in scope["headers"] if header[0] != b"content-type"]
    return {**scope, "headers": [*others, (b"content-type", b"application/json")]}


def _require_json(request: Request) -> None:
    """Raise HTTPException 415 unless the body is announced as JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise HTTPException(415, "the body must be application/json")
