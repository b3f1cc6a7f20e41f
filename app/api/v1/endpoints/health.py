"""Liveness and readiness."""

from fastapi import APIRouter, Response

from app.core.config import settings
from app.schemas.response import Readiness
from app.services.health import OK, check_dependencies

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> dict[str, str]:
    """Answers as long as the process does."""
    return {"status": "ok"}


@router.get("/readyz", summary="Can it accept requests?", responses={503: {"model": Readiness}})
def readyz(response: Response) -> Readiness:
    """Each dependency by name. Without Redis requests are still accepted, and wait for the sweep."""
    dependencies = check_dependencies()
    ready = dependencies["postgresql"] == OK
    degraded = any(state != OK for state in dependencies.values())
    response.status_code = 200 if ready else 503
    return Readiness(
        status="degraded" if ready and degraded else "ready" if ready else "unavailable",
        executor="simulated" if settings().simulated else "ansible",
        dependencies=dependencies,
    )
