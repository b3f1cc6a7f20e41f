"""What FastAPI can't know: the bodies of calls that read them by themselves, and the answers of handlers."""

from typing import Any, Literal

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from app.api.auth import OPEN_PATHS
from app.api.body import IDEMPOTENCY_KEY, MAX_BATCH_KEY
from app.api.openapi_links import add_links
from app.core.config import settings
from app.schemas import plans, response
from app.schemas.request import (
    Approval,
    Batch,
    BatchItem,
    DeleteRRset,
    DriftSelection,
    Plan,
    PlanApplication,
    PutRRset,
    Rejection,
    Restoration,
    Submission,
    Undo,
    ZoneImport,
)

_REF = "#/components/schemas/{model}"

_A: dict[str, Any] = {
    "context": {"account_id": "team-a", "source": "api"},
    "resource": {
        "record_type": "A",
        "domain": "www.example.test",
        "target": "192.0.2.10",
        "comment": "the front page",
        "config": {"ttl": 300},
    },
}
_MX = {
    "context": {"account_id": "team-a"},
    "resource": {
        "record_type": "MX",
        "domain": "example.test",
        "target": "mail.example.net",
        "config": {"ttl": 3600, "priority": 10},
    },
}
_SRV = {
    "context": {"account_id": "team-a"},
    "resource": {
        "record_type": "SRV",
        "domain": "_sip._tcp.example.test",
        "target": "sip.example.test",
        "config": {"priority": 10, "extra_config": {"weight": 5, "port": 5060}},
    },
}
_EXAMPLES = {
    "an address": {"value": _A},
    "several addresses": {
        "value": {**_A, "resource": {**_A["resource"], "target": ["192.0.2.10", "192.0.2.11"]}}
    },
    "a mail exchanger": {"value": _MX},
    "a service": {"value": _SRV},
}

_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "dnso_…"},
    "password": {"type": "http", "scheme": "basic", "description": "any user, and the token as password"},
}

_REFUSALS = {
    401: "Nobody says who calls, or his token is not good",
    403: "The caller has not the right",
    429: "Too many tries with wrong credentials: try again after Retry-After",
    503: "Nobody can tell who calls now: try again",
}

Responses = dict[int | str, dict[str, Any]]


def _problem(status: int, description: str) -> Responses:
    return {status: {"model": response.Problem, "description": description}}


NO_REQUEST = _problem(404, "No such request")
NOT_CANCELLABLE = _problem(409, "A worker applies it now, or it has ended")
NOT_RETRYABLE = _problem(409, "It is open or has succeeded, or its zone is not served any more")
_NOT_UNDOABLE = _problem(
    409, "It has not succeeded, has changed nothing, was undone already, or its RRset was changed since"
)
_NOT_AWAITING = _problem(
    409, "It does not wait for an approval, would fail, or what would change is not what was looked at"
)
NO_TOKEN = _problem(404, "No such token")
NO_WEBHOOK = _problem(404, "No such webhook")
NO_DELIVERY = _problem(404, "No such webhook, or no such delivery to it")
NO_RUN = _problem(404, "No such run")
NO_GRANT = _problem(404, "No such grant")
NO_QUOTA = _problem(404, "The account has no quota of its own")
NO_BATCH = _problem(404, "No such batch")
NO_ZONE = _problem(404, "No such zone")
ZONE_CONFLICT = _problem(409, "The zone is served already, or is in use")
IMPORT_RUNNING = _problem(409, "The zone is being imported")
EXPORT: Responses = {
    200: {"content": {"text/dns": {"schema": {"type": "string"}}}, "description": "A master file"},
    **_problem(409, "The zone was not imported"),
}
IMPORT_BODY: dict[str, Any] = {
    "requestBody": {
        "content": {
            "text/dns": {"schema": {"type": "string", "description": "a master file (RFC 1035 5)"}},
            "application/json": {"schema": {"$ref": _REF.format(model="ZoneImport")}},
        }
    }
}
BODY: Responses = {
    **_problem(408, "The body did not come in time"),
    **_problem(413, "The body is too large"),
    **_problem(415, "The body is not application/json"),
    422: {"model": response.Refused, "description": "All the reasons why it can't be accepted"},
    **_problem(503, "The database is unavailable: try again"),
}
WEBHOOK = BODY | _problem(409, "The account has as many webhooks as it may")
OFFER = BODY | _problem(409, "Nothing of that is the account's, or it is too much")
TRANSFER = _problem(404, "No such transfer") | _problem(409, "It is closed, or stale")
_REUSED = _problem(409, "The idempotency key was used with another body")
_REUSED_IN_BATCH: Responses = {
    409: {
        "model": response.Refused,
        "description": "The key was used with another body; with `atomic` also an item's own",
    }
}
_NO_ANSWER = _problem(503, "The database is unavailable, or no worker has answered in time: try again")
_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": IDEMPOTENCY_KEY.json_schema(),
    "description": "the same key with the same body gives the first answer again; keys are per account",
}

_KEY_OF_BATCH = _KEY | {
    "schema": _KEY["schema"] | {"maxLength": MAX_BATCH_KEY},
    "description": "each item without a key of its own gets this one with #, and its index from 0 on",
}

_PREFER: dict[str, Any] = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string", "examples": ["wait=10"]},
    "description": "wait=N, 1 to 60 seconds: answer when what was asked for is settled (RFC 7240)",
}
_SETTLED: Responses = {
    200: {"model": response.RequestDetail, "description": "With `Prefer: wait=N`: it was settled in time"}
}

REVIEW = NO_REQUEST | _NOT_AWAITING | _NO_ANSWER

_NO_PLAN = _problem(404, "No such plan; it is kept for an hour")
_AS_TEXT: dict[str, Any] = {
    "description": "As text or as Markdown by the `Accept` header",
    "content": {media_type: {"schema": {"type": "string"}} for media_type in ("text/plain", "text/markdown")},
}

ROLLBACK = BODY | _NO_ANSWER | NO_ZONE | {200: _AS_TEXT}

_READ_BY_CALLS = (
    Submission,
    Batch,
    BatchItem,
    Plan,
    PlanApplication,
    Undo,
    PutRRset,
    DeleteRRset,
    Approval,
    Rejection,
    DriftSelection,
    Restoration,
    ZoneImport,
)


def request() -> dict[str, Any]:
    """Return the keyword arguments of the route that shows a request."""
    return _followed("Follow a request")


def events() -> dict[str, Any]:
    """Return the keyword arguments of the route that shows a request's log."""
    return _followed("Read a request's log")


def _followed(summary: str) -> dict[str, Any]:
    last_id = {
        "name": "Last-Event-ID",
        "in": "header",
        "schema": {"type": "string"},
        "description": "the `id` of the last event that has come: the stream goes on behind it",
    }
    stream = {"schema": {"type": "string", "description": "server-sent events: `status`, `log`, `end`"}}
    return {
        "summary": summary,
        "responses": NO_REQUEST
        | {
            200: {"content": {"text/event-stream": stream}, "description": "By the `Accept` header"},
            204: {"description": "The client has had the `end`, and nothing has happened since"},
        }
        | _problem(429, "As many requests are followed for the account as may be at the same time"),
        "openapi_extra": {"parameters": [last_id]},
    }


def submission(summary: str) -> dict[str, Any]:
    """Return the keyword arguments of a route that submits one change."""
    return {
        "status_code": 202,
        "summary": summary,
        "responses": BODY | _REUSED | _SETTLED,
        "openapi_extra": {"parameters": [_KEY, _PREFER], **_body("Submission", _EXAMPLES)},
    }


def batch() -> dict[str, Any]:
    """Return the keyword arguments of the route that submits a batch."""
    items = [{"action": "create", **_A}, {"action": "upsert", **_MX, "idempotency_key": "mx-2026-11"}]
    return {
        "status_code": 207,
        "summary": "Submit many changes",
        "responses": BODY | _REUSED_IN_BATCH,
        "openapi_extra": {
            "parameters": [_KEY_OF_BATCH, _PREFER],
            **_body("Batch", {"two changes": {"value": {"requests": items}}}),
        },
    }


def plan() -> dict[str, Any]:
    """Return the keyword arguments of the route that plans a batch."""
    example = {"requests": [{"action": "upsert", **_A}], "ask_servers": True}
    return {
        "summary": "Show what a batch would change",
        "responses": BODY | _NO_ANSWER | {207: _AS_TEXT},
        "openapi_extra": _body("Plan", {"asking the servers": {"value": example}}),
    }


def undo() -> dict[str, Any]:
    """Return the keyword arguments of the route that undoes a request."""
    example = {"context": {"account_id": "team-a"}, "comment": "the new address does not answer"}
    shape = _body("Undo", {"with a reason": {"value": example}}, required=False)
    return {
        "status_code": 202,
        "summary": "Undo a request",
        "responses": BODY | NO_REQUEST | _NOT_UNDOABLE | _SETTLED,
        "openapi_extra": {"parameters": [_KEY, _PREFER], **shape},
    }


def retry() -> dict[str, Any]:
    """Return the keyword arguments of the route that retries a request."""
    return {
        "status_code": 202,
        "summary": "Retry a request",
        "responses": NO_REQUEST | NOT_RETRYABLE | _SETTLED,
        "openapi_extra": {"parameters": [_PREFER]},
    }


RRSET = NO_ZONE | _problem(404, "Nothing is recorded of it, or the zone is not served")
_UNMET = _problem(412, "The RRset is recorded otherwise than the call expects")
_IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "ETags, of which the RRset has to have one; `*`: there has to be one",
}
_IF_NONE_MATCH = _IF_MATCH | {"name": "If-None-Match", "description": "`*`: there must be none"}


def put_rrset() -> dict[str, Any]:
    """Return the keyword arguments of the route that puts an RRset."""
    example = {"resource": {"target": ["192.0.2.10", "192.0.2.11"], "config": {"ttl": 300}}}
    return _rrset("Put an RRset", "PutRRset", {"two addresses": {"value": example}}, _IF_NONE_MATCH)


def delete_rrset() -> dict[str, Any]:
    """Return the keyword arguments of the route that deletes an RRset."""
    example = {"context": {"account_id": "team-a", "reason": "not used any more"}}
    return _rrset("Delete an RRset", "DeleteRRset", {"with a reason": {"value": example}}, required=False)


def _rrset(
    summary: str, shape: str, examples: dict[str, Any], *more: dict[str, Any], required: bool = True
) -> dict[str, Any]:
    body = _body(shape, examples, required=required)
    return {
        "status_code": 202,
        "summary": summary,
        "responses": BODY | NO_ZONE | _REUSED | _UNMET | _SETTLED,
        "openapi_extra": {"parameters": [_KEY, _IF_MATCH, *more, _PREFER], **body},
    }


def approval() -> dict[str, Any]:
    """Return the keyword arguments of the route that approves a request."""
    example = {"comment": "as discussed", "state": "0" * 64}
    shape = _body("Approval", {"of what was looked at": {"value": example}}, required=False)
    return {
        "status_code": 202,
        "summary": "Approve a request",
        "responses": BODY | REVIEW | _SETTLED,
        "openapi_extra": {"parameters": [_PREFER], **shape},
    }


def rejection() -> dict[str, Any]:
    """Return the keyword arguments of the route that rejects a request."""
    shape = _body("Rejection", {"with a reason": {"value": {"comment": "not this name"}}}, required=False)
    return {"summary": "Reject a request", "responses": BODY | REVIEW, "openapi_extra": shape}


def kept_plan() -> dict[str, Any]:
    """Return the keyword arguments of the route that shows a plan again."""
    unreadable = _problem(409, "Kept by another release, in a form that this one can't read")
    return {"summary": "Show a plan again", "responses": _NO_PLAN | unreadable | {200: _AS_TEXT}}


def application() -> dict[str, Any]:
    """Return the keyword arguments of the route that applies a plan."""
    stale = {409: {"model": plans.StalePlan, "description": "What it is based on has changed"}}
    example = {"over a threshold": {"value": {"allow_mass_change": True}}}
    shape = _body("PlanApplication", example, required=False)
    return {
        "status_code": 207,
        "summary": "Apply exactly what a plan shows",
        "responses": BODY | _NO_ANSWER | _NO_PLAN | stale,
        "openapi_extra": {"parameters": [_PREFER], **shape},
    }


def drift(shape: Literal["DriftSelection", "Restoration"]) -> dict[str, Any]:
    """Return the keyword arguments of a route about what has drifted."""
    conflict = _problem(409, "Nothing of it has drifted, or the zone was not imported")
    example = {"one RRset": {"value": {"rrsets": [{"domain": "www.example.test", "record_type": "A"}]}}}
    body = _body(shape, example, required=False)
    return {"responses": BODY | NO_ZONE | conflict, "openapi_extra": body}


def restoration() -> dict[str, Any]:
    """Return the keyword arguments of the route that restores what has drifted."""
    described = drift("Restoration")
    restored = {
        "model": response.RestoredList,
        "description": "With `Prefer: wait=N`: all was settled in time",
    }
    described["responses"] |= {200: restored}
    described["openapi_extra"]["parameters"] = [_PREFER]
    return {"status_code": 202, "summary": "Restore what has drifted", **described}


def _add_refusals(document: dict[str, Any]) -> None:
    """Add the answers that any call gets whose caller is not known, or may not make it."""
    shape = {"application/json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    for path, operations in document["paths"].items():
        for operation in () if path in OPEN_PATHS else operations.values():
            for status, description in _REFUSALS.items():
                answer = {"description": description, "content": shape}
                operation["responses"].setdefault(str(status), answer)


def install(app: FastAPI) -> None:
    """Add to the OpenAPI document the shapes of the bodies that calls read by themselves, and its links."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        models = [(model, "validation") for model in _READ_BY_CALLS]
        _, shapes = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
        document["components"]["schemas"] |= shapes["$defs"]
        add_links(document)
        if settings().auth == "required":
            document["components"]["securitySchemes"] = _SCHEMES
            document["security"] = [{name: []} for name in _SCHEMES]
            _add_refusals(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _body(shape: str, examples: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    content = {"schema": {"$ref": _REF.format(model=shape)}, "examples": examples}
    return {"requestBody": {"required": required, "content": {"application/json": content}}}
