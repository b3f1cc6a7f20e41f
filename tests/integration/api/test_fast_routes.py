"""What goes past the framework must not be something that the framework is told to look after."""

from inspect import signature

from fastapi.routing import APIRoute, iter_route_contexts

from app.api.v1.endpoints import dns


def test_nothing_is_left_to_the_framework_that_the_shortcut_goes_past() -> None:
    """Neither dependencies nor parameters would be resolved for such a call: see Shortcut."""
    from app.main import create_app

    app = create_app()
    assert app.router.dependencies == []
    assert dns.router.dependencies == []
    routes = [each for each in iter_route_contexts(app.routes) if each.path in dns.SHORTCUTS]
    assert {route.path for route in routes} == set(dns.SHORTCUTS)
    for route in routes:
        assert isinstance(route.original_route, APIRoute)
        assert route.dependencies == []  # those of every router around it, too
        assert list(signature(route.original_route.endpoint).parameters) == ["request"]
