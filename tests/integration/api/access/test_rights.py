"""Which roles may make which calls: every route of the app, and every role."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount, Route

from app.api.auth import CONSOLE, OPEN_PATHS
from app.api.parameters import StrictRoute
from app.domain.permissions import RIGHTS, Right, Role
from tests.support.access import Guarded
from tests.support.thoroughly import thoroughly

READ = {"admin", "operator", "requester", "approver", "auditor"}
READ_ALL = READ - {"requester", "approver"}
SUBMIT = {"admin", "requester", "gateway"}
STEER = {"admin", "operator", "requester"}
APPROVE = {"admin", "approver", "requester"}
TRANSFER = {"admin", "requester"}
WEBHOOKS = {"admin", "operator", "requester"}
OPERATE = {"admin", "operator"}
SEE_ACCESS = {"admin", "auditor"}
ADMIN = {"admin"}
ALL = {role.value for role in Role}

CALLS = {
    "POST /dns/create": SUBMIT,
    "POST /dns/update": SUBMIT,
    "POST /dns/upsert": SUBMIT,
    "POST /dns/delete": SUBMIT,
    "POST /dns/batch": SUBMIT,
    "POST /dns/plan": SUBMIT,
    "GET /dns/plans/{plan_id}": SUBMIT,
    "POST /dns/plans/{plan_id}/apply": SUBMIT,
    "GET /dns/requests": READ,
    "GET /dns/requests/{request_id}": READ,
    "GET /dns/requests/{request_id}/events": READ,
    "GET /dns/requests/{request_id}/review": APPROVE,
    "POST /dns/requests/{request_id}/approve": APPROVE,
    "POST /dns/requests/{request_id}/reject": APPROVE,
    "POST /dns/requests/{request_id}/undo": SUBMIT,
    "POST /dns/requests/{request_id}/cancel": STEER,
    "POST /dns/requests/{request_id}/retry": STEER,
    "POST /dns/requests/cancel": OPERATE,
    "POST /dns/requests/retry": OPERATE,
    "GET /dns/batches/{batch_id}": READ,
    "GET /dns/records": READ,
    "GET /zones": READ,
    "POST /zones": OPERATE,
    "POST /zones/{name:path}/check": OPERATE,
    "GET /zones/{zone:path}/drift": READ_ALL,
    "POST /zones/{zone:path}/drift/adopt": OPERATE,
    "POST /zones/{zone:path}/drift/restore": OPERATE,
    "POST /zones/{zone:path}/drift/check": OPERATE,
    "POST /zones/{name:path}/import": OPERATE,
    "GET /zones/{name:path}/import": READ_ALL,
    "GET /zones/{name:path}/export": READ_ALL,
    "GET /zones/{name:path}": READ,
    "PATCH /zones/{name:path}": OPERATE,
    "DELETE /zones/{name:path}": OPERATE,
    "POST /zones/{zone:path}/rollback": OPERATE,
    "GET /zones/{zone:path}/rrsets/{name:path}/{record_type}/history": READ_ALL,
    "GET /zones/{zone:path}/rrsets/{name:path}/{record_type}": READ,
    "PUT /zones/{zone:path}/rrsets/{name:path}/{record_type}": SUBMIT,
    "DELETE /zones/{zone:path}/rrsets/{name:path}/{record_type}": SUBMIT,
    "GET /backends": READ_ALL,
    "GET /runs": READ_ALL,
    "GET /runs/{run_id}": READ_ALL,
    "GET /stats": READ,
    "GET /metrics": READ_ALL,
    "GET /webhooks": WEBHOOKS,
    "POST /webhooks": WEBHOOKS,
    "GET /webhooks/{webhook_id}": WEBHOOKS,
    "PATCH /webhooks/{webhook_id}": WEBHOOKS,
    "DELETE /webhooks/{webhook_id}": WEBHOOKS,
    "POST /webhooks/{webhook_id}/rotate": WEBHOOKS,
    "POST /webhooks/{webhook_id}/test": WEBHOOKS,
    "GET /webhooks/{webhook_id}/deliveries": WEBHOOKS,
    "GET /webhooks/{webhook_id}/deliveries/{delivery_id}": WEBHOOKS,
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay": WEBHOOKS,
    "GET /access/me": ALL,
    "POST /access/explain": ALL,
    "GET /access/tokens": SEE_ACCESS,
    "POST /access/tokens": ADMIN,
    "DELETE /access/tokens/{prefix}": ADMIN,
    "GET /access/grants": SEE_ACCESS,
    "POST /access/grants": ADMIN,
    "DELETE /access/grants/{grant_id}": ADMIN,
    "GET /access/audit": SEE_ACCESS,
    "GET /access/transfers": READ,
    "POST /access/transfers": TRANSFER,
    "POST /access/transfers/{transfer_id}/accept": TRANSFER,
    "POST /access/transfers/{transfer_id}/decline": TRANSFER,
    "POST /access/transfers/{transfer_id}/withdraw": TRANSFER,
    "GET /access/quotas": SEE_ACCESS,
    "GET /access/quotas/{account:path}": SEE_ACCESS,
    "PUT /access/quotas/{account:path}": ADMIN,
    "DELETE /access/quotas/{account:path}": ADMIN,
}
BESIDE = {"GET /metrics"}  # calls that are not below /api/v1
FOR_ANYBODY = {"/docs", "/docs/assets", "/openapi.json", "/"}  # who is known, in whatever role
_IDS = ("request", "plan", "batch", "run", "grant", "transfer", "webhook", "delivery")
VALUES = {
    "{record_type}": "A",
    "{name:path}": "nowhere.test",
    "{zone:path}": "nowhere.test",
    "{prefix}": "0" * 12,
    "{account:path}": "team-x",
} | {f"{{{name}_id}}": str(UUID(int=7)) for name in _IDS}


def routes() -> Iterator[tuple[str, str]]:
    """Each method and path of the app."""
    from app.main import create_app

    for each in iter_route_contexts(create_app().routes):
        route = each.original_route
        if isinstance(route, Mount):
            yield "GET", route.path
        else:
            assert isinstance(route, Route | APIRoute), route
            yield from ((method, str(each.path)) for method in (route.methods or ()) if method != "HEAD")


def test_every_route_says_who_may_call_it() -> None:
    found = {f"{method} {path.removeprefix('/api/v1')}" for method, path in routes()}
    others = (path.removeprefix("/api/v1") for path in (*OPEN_PATHS, *FOR_ANYBODY, CONSOLE))
    named = {*CALLS, *(f"GET {path}" for path in others)}
    assert found == named


@pytest.mark.parametrize("share", [0, thoroughly(1), thoroughly(2)])
def test_which_role_may_make_which_call(guarded: Guarded, share: int) -> None:
    """Also a call without a body, or about what there is not, is refused for that only after its caller."""
    wrong = []
    for row, call in enumerate(CALLS):
        method, path = call.split(" ")
        for pattern, value in VALUES.items():
            path = path.replace(pattern, value)
        assert "{" not in path
        path = path if call in BESIDE else f"/api/v1{path}"
        for role in [role for column, role in enumerate(Role) if (row + column) % 3 == share]:
            answer = guarded.client.request(method, path, headers=guarded.by(role.value))
            if answer.status_code == 403:
                assert answer.json()["code"] == "right_missing", call
            else:
                assert answer.status_code not in (401, 429, 500), call
            if (answer.status_code != 403) != (role.value in CALLS[call]):
                wrong.append((call, role))
        assert guarded.client.request(method, path).status_code == 401, call
    assert wrong == []


def test_a_route_can_not_be_made_without_saying_it() -> None:
    router = APIRouter(route_class=StrictRoute)
    with pytest.raises(LookupError):

        @router.get("/forgotten")
        def forgotten() -> None: ...


def test_each_right_is_somebodys() -> None:
    assert set().union(*RIGHTS.values()) == set(Right)
