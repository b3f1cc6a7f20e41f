"""Plain routes: the front and the handlers of errors apply to them; dependencies are not declared."""

from inspect import signature

from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient

from app.api.v1.endpoints import dns

PATHS = {f"/api/v1{path}" for path in dns.FAST}


def test_nothing_is_left_to_dependencies_that_a_plain_route_would_not_resolve() -> None:
    from app.main import create_app

    app = create_app()
    assert app.router.dependencies == []
    assert dns.router.dependencies == []
    routes = [
        each
        for each in iter_route_contexts(app.routes)
        if each.path in PATHS and isinstance(each.original_route, APIRoute)
    ]
    assert {route.path for route in routes} == PATHS
    for route in routes:
        assert isinstance(route.original_route, APIRoute)
        assert route.dependencies == []  # those of every router around it, too
        assert list(signature(route.original_route.endpoint).parameters) == ["request"]


def test_the_front_sees_every_call_and_another_method_is_refused(client: TestClient) -> None:
    answers = {path: client.get(path).status_code for path in PATHS}
    assert answers == dict.fromkeys(PATHS, 405)
    for path in PATHS:
        answer = client.post(
            path, content=b"x" * (17 * 1024 * 1024), headers={"content-type": "application/json"}
        )
        assert answer.status_code == 413, path
