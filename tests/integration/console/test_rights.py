"""Which roles may open which page: every route of the console."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from app.console.app import PAGES
from app.domain.permissions import RIGHTS, Right, Role
from app.services.access.declared import right_for
from tests.support.console import Guests
from tests.support.thoroughly import thoroughly

READ = {"admin", "operator", "requester", "approver", "auditor"}
READ_ALL = {"admin", "operator", "auditor"}
ADMIN = {"admin"}
READ_ACCESS = {"admin", "auditor"}
MANAGE = {"admin", "operator"}
SUBMIT = {"admin", "requester", "gateway"}
STEER = {"admin", "operator", "requester"}
APPROVE = {"admin", "approver", "requester"}
ALL = {role.value for role in Role}

PAGES_FOR = {
    "GET /": ALL,
    "GET /live": ALL,
    "GET /requests": READ,
    "GET /change": SUBMIT,
    "POST /change": SUBMIT,
    "POST /change/check": SUBMIT,
    "POST /change/import": SUBMIT,
    "POST /change/rows": SUBMIT,
    "GET /change/plans/{plan_id}": SUBMIT,
    "POST /change/plans/{plan_id}/apply": SUBMIT,
    "POST /change/plans/{plan_id}/again": SUBMIT,
    "POST /requests/cancel": STEER,
    "POST /requests/retry": STEER,
    "POST /requests/approve": APPROVE,
    "POST /requests/reject": APPROVE,
    "GET /requests/{request_id}": READ,
    "GET /requests/{request_id}/log": READ,
    "POST /requests/{request_id}/cancel": STEER,
    "POST /requests/{request_id}/retry": STEER,
    "POST /requests/{request_id}/undo": SUBMIT,
    "GET /approvals": APPROVE,
    "GET /approvals/{request_id}": APPROVE,
    "POST /approvals/{request_id}/approve": APPROVE,
    "POST /approvals/{request_id}/reject": APPROVE,
    "GET /webhooks": STEER,
    "GET /webhooks/new": STEER,
    "POST /webhooks/new": STEER,
    "GET /webhooks/{webhook_id}": STEER,
    "POST /webhooks/{webhook_id}/test": STEER,
    "POST /webhooks/{webhook_id}/enable": STEER,
    "POST /webhooks/{webhook_id}/disable": STEER,
    "POST /webhooks/{webhook_id}/rotate": STEER,
    "POST /webhooks/{webhook_id}/remove": STEER,
    "GET /webhooks/{webhook_id}/deliveries/{delivery_id}": STEER,
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay": STEER,
    "GET /access": READ_ACCESS,
    "GET /access/tokens/new": ADMIN,
    "POST /access/tokens/new": ADMIN,
    "POST /access/tokens/{prefix}/revoke": ADMIN,
    "GET /access/grants": READ_ACCESS,
    "POST /access/grants": ADMIN,
    "POST /access/grants/{grant_id}/remove": ADMIN,
    "GET /access/explain": ALL,
    "GET /access/quotas": READ_ACCESS,
    "POST /access/quotas": ADMIN,
    "POST /access/quotas/remove": ADMIN,
    "GET /access/audit": READ_ACCESS,
    "POST /access/audit/verify": READ_ACCESS,
    "GET /dead-letters": READ_ALL,
    "POST /dead-letters/replay": MANAGE,
    "GET /runs": READ_ALL,
    "GET /runs/{run_id}": READ_ALL,
    "GET /zones": READ,
    "GET /zones/{name:path}": READ,
    "GET /zones/{name:path}/drift": READ_ALL,
    "POST /zones/{name:path}/drift/adopt": MANAGE,
    "POST /zones/{name:path}/drift/restore": MANAGE,
    "POST /zones/{name:path}/drift/check": MANAGE,
    "GET /zones/{name:path}/history": READ_ALL,
    "POST /zones": MANAGE,
    "POST /zones/{name:path}/check": MANAGE,
    "GET /zones/{name:path}/settings": READ,
    "POST /zones/{name:path}/settings": MANAGE,
    "POST /zones/{name:path}/remove": MANAGE,
    "GET /zones/{name:path}/access": READ_ACCESS,
    "GET /zones/{name:path}/rollback": MANAGE,
    "POST /zones/{name:path}/rollback": MANAGE,
    "GET /zones/{name:path}/import": READ_ALL,
    "POST /zones/{name:path}/import": MANAGE,
    "GET /zones/{name:path}/export": READ_ALL,
}
FOR_EVERYBODY = {  # known or not
    "GET /login",
    "POST /login",
    "POST /logout",
    "GET /logout/oidc",
    "GET /login/oidc",
    "GET /login/callback",
}
ENDLESS = {"GET /live"}  # an answer that goes on: tests/browser
VALUES = {
    "{request_id}": str(UUID(int=7)),
    "{run_id}": str(UUID(int=7)),
    "{plan_id}": str(UUID(int=7)),
    "{grant_id}": str(UUID(int=7)),
    "{webhook_id}": str(UUID(int=7)),
    "{delivery_id}": str(UUID(int=7)),
    "{prefix}": "0123456789ab",
    "{name:path}": "nowhere.test",
}


def routes() -> Iterator[APIRoute]:
    for pages in PAGES:
        for route in pages.router.routes:
            assert isinstance(route, APIRoute)
            yield route


def calls() -> dict[str, Right | None]:
    return {
        f"{method} {route.path}": right_for(route.endpoint)
        for route in routes()
        for method in (route.methods or set()) - {"HEAD"}  # which is answered as GET is
    }


def test_every_page_says_who_may_open_it() -> None:
    found = calls()
    assert {call for call, right in found.items() if right is None} == FOR_EVERYBODY
    assert {
        call: {role.value for role in Role if right in RIGHTS[role]}
        for call, right in found.items()
        if right is not None
    } == PAGES_FOR


@pytest.mark.parametrize("share", [0, thoroughly(1), thoroughly(2)])
def test_which_role_may_open_which_page(guests: Guests, share: int) -> None:
    """Also a form without fields, or about what there is not, is refused for that only after its sender."""
    wrong = []
    for row, call in enumerate(sorted(PAGES_FOR.keys() - ENDLESS)):
        method, path = call.split(" ")
        for pattern, value in VALUES.items():
            path = path.replace(pattern, value)
        assert "{" not in path
        nobody = guests.nobody()
        answer = nobody.get(path) if method == "GET" else nobody.post(path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/console/login")
        for role in [role for column, role in enumerate(Role) if (row + column) % 3 == share]:
            visitor = guests.by(role.value)
            answer = visitor.get(path) if method == "GET" else visitor.post(path)
            assert answer.status_code < 500, call
            may = answer.status_code != 403 or "right_missing" not in answer.text
            if may != (role.value in PAGES_FOR[call]):
                wrong.append((call, role))
    assert wrong == []


def test_there_is_nothing_beside_pages_but_files() -> None:
    from starlette.datastructures import State

    from app.console.app import create_console

    mounted = [route.path for route in create_console(State()).routes if isinstance(route, Mount)]
    assert mounted == ["/static"]
