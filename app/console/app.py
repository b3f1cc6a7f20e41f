"""The console as an application of its own, to which the API hands on what is asked for below its path."""

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import State
from starlette.routing import Route

from app.console import errors
from app.console.pages import (
    approvals,
    audit,
    change,
    dead_letters,
    drift,
    grants,
    home,
    live,
    login,
    plans,
    quotas,
    request,
    requests,
    rollback,
    rrset_history,
    runs,
    tokens,
    webhooks,
    zone_files,
    zone_settings,
    zones,
)
from app.console.rendering import FOLDER

# A zone's name may have slashes: what is below a zone comes before the zones.
_OF_REQUESTS = (change, plans, requests, request, approvals)
_OF_ZONES = (rrset_history, rollback, drift, zone_files, zone_settings, zones)
_OF_ACCESS = (tokens, grants, quotas, audit)
PAGES = (home, live, login, *_OF_REQUESTS, *_OF_ZONES, runs, dead_letters, webhooks, *_OF_ACCESS)


def create_console(state: State) -> FastAPI:
    """Build the application. `state` is the API's: what its calls share, the console's pages share, too."""
    app = FastAPI(
        title="Console",
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state = state
    for each in PAGES:
        app.include_router(each.router)
    routes = [route for each in PAGES for route in each.router.routes]
    state.console_paths = frozenset(route.path for route in routes if isinstance(route, Route))
    app.mount("/static", StaticFiles(directory=FOLDER / "static"))
    errors.install(app)
    return app
