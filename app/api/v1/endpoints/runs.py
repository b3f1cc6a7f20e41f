"""Look at the runs."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.api import openapi
from app.api.auth import needs
from app.api.parameters import StrictRoute
from app.api.query import Cursor, ShortLimit, Text
from app.core.database import reading
from app.domain.permissions import Right
from app.schemas.runs import RunDetailOut, RunLineOut, RunOut, RunPage
from app.services.runs import RunFilter, RunState, RunStatus, find_runs, get_run

router = APIRouter(prefix="/runs", tags=["runs"], route_class=StrictRoute)

_FIELDS = tuple(RunOut.model_fields)


@router.get("", summary="List runs")
@needs(Right.READ_ALL)
def list_runs(
    zone: Annotated[Text | None, Query()] = None,
    backend: Annotated[Text | None, Query()] = None,
    status: RunStatus | None = None,
    limit: ShortLimit = 20,
    cursor: Cursor = None,
) -> RunPage:
    """What Ansible was executed for, the newest first. A page can be short, and yet not the last."""
    with reading() as session:
        page = find_runs(session, RunFilter(zone, backend, status), limit, cursor)
    return RunPage(items=[RunOut(**_fields(run)) for run in page.items], next_cursor=page.next_cursor)


@router.get("/{run_id}", summary="Show a run", responses=openapi.NO_RUN)
@needs(Right.READ_ALL)
def show_run(run_id: UUID) -> RunDetailOut:
    """A run with the end of what it said. Its requests are `GET /dns/requests?run_id=…`."""
    with reading() as session:
        found = get_run(session, run_id)
    log = [RunLineOut(**line._asdict()) for line in found.log]
    stats = None if found.stats is None else dict(found.stats)
    return RunDetailOut(**_fields(found.run), stats=stats, output=found.output, log=log)


def _fields(run: RunState) -> dict[str, object]:
    return {name: getattr(run, name) for name in _FIELDS}
