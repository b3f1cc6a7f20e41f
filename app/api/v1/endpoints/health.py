"""Liveness and readiness."""

from fastapi import APIRouter, Request, Response

from app.api.auth import open_to_all
from app.api.parameters import StrictRoute
from app.core.config import settings
from app.schemas.response import BacklogOut, Readiness
from app.services.backends import Unavailable
from app.services.health import OK, DependencyProbes, list_problems
from app.services.presence import Presence
from app.services.requests.backlog import Backlog

router = APIRouter(tags=["health"], route_class=StrictRoute)


@router.get("/healthz", summary="Is the process alive?")
@open_to_all
async def healthz() -> dict[str, str]:
    """Answers as long as the process does."""
    return {"status": "ok"}


@router.get("/readyz", summary="Can it accept requests?", responses={503: {"model": Readiness}})
@open_to_all
async def readyz(request: Request, response: Response) -> Readiness:
    """Each dependency by name, and in `problems` what is wrong and what to do about it.

    Without Redis, or while no worker has been seen for 40 s, requests are still accepted, and wait.

    A backend that is unavailable makes the service no less ready: its requests are accepted, and wait. With
    `AUTH=required` neither backends nor how many requests are open are told: nobody has said who asks.
    `backlog` says how many requests are open, and how many may be; beyond that, calls get 503.
    """
    probes: DependencyProbes = request.app.state.probes
    backlog: Backlog = request.app.state.backlog
    unavailable: Unavailable = request.app.state.unavailable
    presence: Presence = request.app.state.presence
    dependencies = await probes.states()
    ready = dependencies["postgresql"] == OK
    is_open = settings().auth == "off"  # or else nobody has said who asks
    no_worker = presence.problem
    degraded = backlog.full or no_worker is not None or any(state != OK for state in dependencies.values())
    backends = dict(unavailable.codes) if is_open else {}
    response.status_code = 200 if ready else 503
    return Readiness(
        status="degraded" if ready and degraded else "ready" if ready else "unavailable",
        executor="simulated" if settings().simulated else "ansible",
        auth=settings().auth,
        dependencies=dependencies,
        problems=list_problems(dependencies, backends, backlog.limit if backlog.full else 0, no_worker),
        unavailable_backends=backends if is_open else None,
        worker_seen_s=presence.seen_s,
        backlog=BacklogOut(open=backlog.open if is_open else None, limit=backlog.limit, full=backlog.full),
    )
