"""What the OpenAPI page says of the calls whose bodies the endpoints read themselves."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.schemas import response
from app.schemas.request import Batch, BatchItem, NewZone, Plan, Submission, ZoneChange

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
        "target": "mail.example.test",
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

UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": response.Problem, "description": "No such request"}
}
_COMMON: dict[int | str, dict[str, Any]] = {
    413: {"model": response.Problem, "description": "The body is too large"},
    415: {"model": response.Problem, "description": "The body is not application/json"},
    422: {"model": response.Refused, "description": "All the reasons why it can't be accepted"},
    503: {"model": response.Problem, "description": "The database is away: try again"},
}
_NO_ANSWER = "The database is away, or no worker has answered in time: try again"
_REUSED = {409: {"model": response.Problem, "description": "The idempotency key was used with another body"}}
_REUSED_IN_BATCH = {
    409: {"model": response.Refused, "description": "Only with `atomic`: keys were used with another body"}
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "the same key with the same body gives the first answer again; keys are per account",
}

_READ_BY_US = (Submission, Batch, BatchItem, Plan, NewZone, ZoneChange)


def submission(summary: str) -> dict[str, Any]:
    """The keyword arguments of a route that submits one change."""
    return {
        "status_code": 202,
        "summary": summary,
        "responses": _COMMON | _REUSED,
        "openapi_extra": {"parameters": [_KEY], **_body("Submission", _EXAMPLES)},
    }


def batch() -> dict[str, Any]:
    """The keyword arguments of the route that submits many."""
    items = [{"action": "create", **_A}, {"action": "upsert", **_MX, "idempotency_key": "mx-2026-11"}]
    return {
        "status_code": 207,
        "summary": "Submit many changes",
        "responses": _COMMON | _REUSED_IN_BATCH,
        "openapi_extra": _body("Batch", {"two changes": {"value": {"requests": items}}}),
    }


def plan() -> dict[str, Any]:
    """The keyword arguments of the route that shows what a batch would change."""
    example = {"requests": [{"action": "upsert", **_A}], "ask_servers": True}
    return {
        "summary": "Show what a batch would change",
        "responses": _COMMON | {503: {"model": response.Problem, "description": _NO_ANSWER}},
        "openapi_extra": _body("Plan", {"asking the servers": {"value": example}}),
    }


def zone(summary: str, shape: type[BaseModel], others: dict[int | str, dict[str, Any]]) -> dict[str, Any]:
    """The keyword arguments of a route that takes a zone, or a part of one."""
    return {
        "summary": summary,
        "responses": _COMMON | others,
        "openapi_extra": _body(shape.__name__, {}),
    }


def install(app: FastAPI) -> None:
    """Add the shapes of those bodies to the OpenAPI document."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        models = [(model, "validation") for model in _READ_BY_US]
        _, shapes = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
        document["components"]["schemas"] |= shapes["$defs"]
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _body(shape: str, examples: dict[str, Any]) -> dict[str, Any]:
    content = {"schema": {"$ref": _REF.format(model=shape)}, "examples": examples}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}
