"""Which roles may open which page: every route of the console."""

from collections.abc import Iterator

from fastapi.routing import APIRoute
from starlette.routing import Mount

from app.console.app import PAGES
from app.domain.permissions import RIGHTS, Right, Role
from app.services.access.declared import right_for

READ = {"admin", "operator", "requester", "approver", "auditor"}
ALL = {role.value for role in Role}

PAGES_FOR = {
    "GET /": ALL,
    "GET /requests": READ,
    "GET /zones": READ,
    "GET /zones/{name:path}": READ,
}


def routes() -> Iterator[APIRoute]:
    for pages in PAGES:
        for route in pages.router.routes:
            assert isinstance(route, APIRoute)
            yield route


def roles_with(right: Right | None) -> set[str]:
    return {role.value for role in Role if right is None or right in RIGHTS[role]}


def test_every_page_says_who_may_open_it() -> None:
    found = {
        f"{method} {route.path}": roles_with(right_for(route.endpoint))
        for route in routes()
        for method in route.methods or ()
    }
    assert found == PAGES_FOR


def test_there_is_nothing_beside_pages_but_files() -> None:
    from starlette.datastructures import State

    from app.console.app import create_console

    mounted = [route.path for route in create_console(State()).routes if isinstance(route, Mount)]
    assert mounted == ["/static"]
