"""The links of the OpenAPI document: which calls go on with what an answer names (OpenAPI 3.1, 4.8.20)."""

import re
from typing import Any, NamedTuple

_PREFIX = "/api/v1"
_IN_PATH = re.compile(r"{(\w+)}")

_REQUEST = (
    "GET /dns/requests/{request_id}",
    "GET /dns/requests/{request_id}/events",
    "GET /dns/requests/{request_id}/review",
    "POST /dns/requests/{request_id}/approve",
    "POST /dns/requests/{request_id}/reject",
    "POST /dns/requests/{request_id}/cancel",
    "POST /dns/requests/{request_id}/retry",
    "POST /dns/requests/{request_id}/undo",
)
_BATCH = ("GET /dns/batches/{batch_id}", "GET /dns/requests?batch_id")
_PLAN = ("GET /dns/plans/{plan_id}", "POST /dns/plans/{plan_id}/apply")
_RUN = ("GET /runs/{run_id}", "GET /dns/requests?run_id")
_ZONE = (
    "GET /zones/{name}",
    "PATCH /zones/{name}",
    "DELETE /zones/{name}",
    "POST /zones/{name}/check",
    "POST /zones/{name}/import",
    "GET /zones/{name}/import",
    "GET /zones/{name}/export",
    "GET /zones/{zone}/drift",
    "POST /zones/{zone}/drift/adopt",
    "POST /zones/{zone}/drift/restore",
    "POST /zones/{zone}/drift/check",
    "POST /zones/{zone}/rollback",
    "GET /dns/requests?zone",
    "GET /dns/records?zone",
    "GET /runs?zone",
)
_TRANSFER = tuple(
    f"POST /access/transfers/{{transfer_id}}/{verb}" for verb in ("accept", "decline", "withdraw")
)
_QUOTA = ("GET /access/quotas/{account}", "DELETE /access/quotas/{account}")
_WEBHOOK = (
    "GET /webhooks/{webhook_id}",
    "PATCH /webhooks/{webhook_id}",
    "DELETE /webhooks/{webhook_id}",
    "POST /webhooks/{webhook_id}/rotate",
    "POST /webhooks/{webhook_id}/test",
    "GET /webhooks/{webhook_id}/deliveries",
)
_SUBMISSIONS = tuple(f"POST /dns/{action}" for action in ("create", "update", "upsert", "delete"))


class _Links(NamedTuple):
    """From the answers of calls to others, which take a value of the answer for a parameter of theirs."""

    calls: tuple[str, ...]
    status: str
    value: str  # a runtime expression, OpenAPI 3.1, 4.8.20.4
    targets: tuple[str, ...]  # with the parameter in braces, or as that of the query


_LINKS = (
    _Links((*_SUBMISSIONS, "POST /dns/requests/{request_id}/undo"), "202", "$response.body#/id", _REQUEST),
    _Links(_SUBMISSIONS, "202", "$response.body#/zone", _ZONE),
    _Links(("POST /dns/requests/{request_id}/retry",), "202", "$response.body#/id", _REQUEST),
    _Links(("GET /dns/requests/{request_id}",), "200", "$response.body#/run_id", _RUN),
    _Links(("GET /dns/requests/{request_id}",), "200", "$response.body#/batch_id", _BATCH),
    _Links(("GET /dns/requests",), "200", "$response.body#/items/0/id", _REQUEST),
    _Links(("GET /dns/requests",), "200", "$response.body#/next_cursor", ("GET /dns/requests?cursor",)),
    _Links(("GET /dns/records",), "200", "$response.body#/next_cursor", ("GET /dns/records?cursor",)),
    _Links(("POST /dns/batch",), "207", "$response.body#/results/0/request/id", _REQUEST),
    _Links(("POST /dns/batch",), "207", "$response.body#/batch_id", _BATCH),
    _Links(("POST /dns/plan",), "207", "$response.body#/plan_id", _PLAN),
    _Links(("POST /zones/{zone}/rollback",), "200", "$response.body#/plan_id", _PLAN),
    _Links(("POST /dns/plans/{plan_id}/apply",), "207", "$response.body#/batch_id", _BATCH),
    _Links(("POST /dns/plans/{plan_id}/apply",), "207", "$response.body#/results/0/request/id", _REQUEST),
    _Links(("POST /zones",), "201", "$response.body#/name", _ZONE),
    _Links(("GET /zones",), "200", "$response.body#/items/0/name", _ZONE),
    _Links(("GET /runs",), "200", "$response.body#/items/0/id", _RUN),
    _Links(("POST /access/tokens",), "201", "$response.body#/prefix", ("DELETE /access/tokens/{prefix}",)),
    _Links(("POST /access/grants",), "201", "$response.body#/id", ("DELETE /access/grants/{grant_id}",)),
    _Links(("POST /access/transfers",), "201", "$response.body#/id", _TRANSFER),
    _Links(("POST /webhooks",), "201", "$response.body#/id", _WEBHOOK),
    _Links(("GET /webhooks",), "200", "$response.body#/items/0/id", _WEBHOOK),
    _Links(("PUT /access/quotas/{account}",), "200", "$request.path.account", _QUOTA),
)


def add_links(document: dict[str, Any]) -> None:
    """Add the links to the document."""
    for links in _LINKS:
        for call in links.calls:
            answer = _operation(document, call)["responses"][links.status]
            found = answer.setdefault("links", {})
            for target in links.targets:
                call_of_target, _, query = target.partition("?")
                operation = _operation(document, call_of_target)["operationId"]
                parameter = f"query.{query}" if query else f"path.{_IN_PATH.findall(target)[0]}"
                name = f"{operation}.{query}" if query else operation
                found[name] = {"operationId": operation, "parameters": {parameter: links.value}}


def _operation(document: dict[str, Any], call: str) -> dict[str, Any]:
    method, path = call.split(" ")
    operation: dict[str, Any] = document["paths"][_PREFIX + path][method.lower()]
    return operation
